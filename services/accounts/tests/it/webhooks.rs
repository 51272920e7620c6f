//! The mails about a disabled webhook.

use super::*;
use bus::Envelope;
use contract::webhooks::{Disabled, DisabledReason};
use contract::{AccountId, Event as _};

/// Publishes that a webhook was disabled, as the role `webhooks` would.
async fn disable(world: &World, id: &str, operator: Option<&Person>) {
    let account = |person: &Person| AccountId(person.account["id"].as_str().unwrap().parse().unwrap());
    let event = Disabled {
        id: uuid::Uuid::nil(),
        operator: operator.map(account),
        host: "hooks.example.org".into(),
        reason: DisabledReason::Gone,
        at: world.clock().now(),
    };
    let payload = serde_json::to_string(&event).unwrap();
    let event = Envelope { id: id.into(), subject: Disabled::SUBJECT.into(), payload };
    world.process.bus.engine().publish(&[event]).await.unwrap();
    world.settle().await;
}

#[tokio::test]
async fn the_operator_of_a_disabled_webhook_is_mailed_and_all_operators_if_that_account_is_none_any_more() {
    let world = world().await;
    let bob = sign_up(&world, "bob").await;
    let grace = sign_up_operator(&world, "grace", "operator").await;
    sign_up_operator(&world, "hedy", "operator").await;
    sign_up_operator(&world, "mia", "moderator").await;
    let counts = async || {
        let mut counts = Vec::new();
        for name in ["bob", "grace", "hedy", "mia"] {
            let mails = world.mails_to(&format!("{name}@example.org")).await;
            counts.push(mails.iter().filter(|mail| mail.subject.contains("hooks.example.org")).count());
        }
        counts
    };
    tick(&world);
    disable(&world, "e1", Some(&grace)).await;
    assert_eq!(counts().await, [0, 1, 0, 0]);
    let mail = world.mail_to("grace@example.org").await;
    assert!(mail.text.contains("A webhook that you made or enabled"), "{}", mail.text);
    assert!(mail.text.contains("answered that it is gone (410)"), "{}", mail.text);
    tick(&world);
    disable(&world, "e2", Some(&bob)).await;
    disable(&world, "e3", None).await;
    assert_eq!(counts().await, [0, 3, 2, 0]);
    let mail = world.mail_to("hedy@example.org").await;
    assert!(mail.text.contains("so all operators get this mail"), "{}", mail.text);
    world.end().await;
}
