//! The mail about a disabled webhook.

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
async fn only_an_operator_is_mailed_that_a_webhook_is_disabled() {
    let world = world().await;
    let (operator, bob) = (sign_up_operator(&world, "grace", "operator").await, sign_up(&world, "bob").await);
    let count = async |name: &str| world.mails_to(&format!("{name}@example.org")).await.len();
    let before = (count("grace").await, count("bob").await);
    tick(&world);
    disable(&world, "e1", Some(&operator)).await;
    disable(&world, "e2", Some(&bob)).await;
    disable(&world, "e3", None).await;
    assert_eq!((count("grace").await, count("bob").await), (before.0 + 1, before.1));
    let mail = world.mail_to("grace@example.org").await;
    assert!(mail.subject.contains("hooks.example.org"), "{}", mail.subject);
    assert!(mail.text.contains("answered that it is gone (410)"), "{}", mail.text);
    world.end().await;
}
