//! Following decisions of moderation, and their end by an appeal.

use super::*;
use bus::Envelope;
use chrono::TimeDelta;
use contract::accounts::SanctionRefused;
use contract::moderation::{Action, Decided, Overturned, Thing};
use contract::social::talk::ReportReason;
use contract::{AccountId, Event};
use testkit::fake_role;
use uuid::Uuid;

async fn publish<E: Event>(world: &World, event: &E) {
    let payload = serde_json::to_string(event).unwrap();
    let event = Envelope { id: Uuid::now_v7().to_string(), subject: E::SUBJECT.into(), payload };
    world.process.bus.engine().publish(&[event]).await.unwrap();
    world.settle().await;
}

fn account(person: &Person) -> AccountId {
    AccountId(person.account["id"].as_str().unwrap().parse().unwrap())
}

fn decision(world: &World, by: &Person, owner: &Person) -> Decided {
    let at = world.clock().now();
    Decided {
        id: Uuid::now_v7(),
        case: Uuid::now_v7(),
        thing: Thing { role: "social".into(), kind: "comment".into(), id: "c1".into() },
        owner: account(owner),
        action: Action::Suspend,
        reason: ReportReason::Spam,
        statement: "No advertising, please.".into(),
        until: Some(at + TimeDelta::days(3)),
        removes: false,
        blocked_media: Vec::new(),
        by: account(by),
        at,
    }
}

fn end_of(decided: &Decided, by: &Person) -> Overturned {
    Overturned {
        id: decided.id,
        thing: decided.thing.clone(),
        owner: decided.owner,
        action: decided.action,
        check: None,
        unblocked_media: Vec::new(),
        by: account(by),
        at: decided.at,
    }
}

#[tokio::test]
async fn a_decision_suspends_once_and_an_appeal_ends_it_in_either_order() {
    let world = world().await;
    let (mia, bob) = (sign_up_operator(&world, "mia", "moderator").await, sign_up(&world, "bob").await);
    let suspended = decision(&world, &mia, &bob);
    for _ in 0..2 {
        publish(&world, &suspended).await;
    }
    bob.member.get("/v1/me").await.refused(403, "auth.suspended");
    let history = format!("/v1/admin/accounts/{}/sanctions", account(&bob));
    let listed = mia.member.get(&history).await.expect(200).json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1, "{listed}");
    assert_eq!(
        (&listed["items"][0]["reason"], &listed["items"][0]["lifted_at"]),
        (&json!(suspended.statement), &Value::Null)
    );

    publish(&world, &end_of(&suspended, &mia)).await;
    bob.member.get("/v1/me").await.expect(200);
    publish(&world, &suspended).await;
    bob.member.get("/v1/me").await.expect(200);

    // The appeal is known first.
    let late = decision(&world, &mia, &bob);
    publish(&world, &end_of(&late, &mia)).await;
    publish(&world, &late).await;
    bob.member.get("/v1/me").await.expect(200);
    // What only warns changes nothing, and what has ended meanwhile neither.
    publish(&world, &Decided { id: Uuid::now_v7(), action: Action::Warn, until: None, ..late.clone() }).await;
    publish(&world, &Decided { id: Uuid::now_v7(), until: Some(late.at), ..late }).await;
    bob.member.get("/v1/me").await.expect(200);
    world.end().await;
}

#[tokio::test]
async fn what_a_moderator_may_not_decide_is_refused_with_a_reason() {
    let world = world().await;
    let listener = fake_role("listener").records::<SanctionRefused>();
    listener.join(&world).await;
    let mia = sign_up_operator(&world, "mia", "moderator").await;
    let (olga, bob) = (sign_up_operator(&world, "olga", "operator").await, sign_up(&world, "bob").await);
    let of_staff = decision(&world, &mia, &olga);
    let too_long = Decided { until: None, ..decision(&world, &mia, &bob) };
    let by_member = decision(&world, &bob, &mia);
    for refused in [&of_staff, &too_long, &by_member] {
        publish(&world, refused).await;
    }
    for person in [&olga, &bob, &mia] {
        person.member.get("/v1/me").await.expect(200);
    }
    let refused = listener.events::<SanctionRefused>();
    let ids: Vec<Uuid> = refused.iter().map(|refused| refused.decision).collect();
    assert_eq!(ids, [of_staff.id, too_long.id, by_member.id]);
    assert!(refused.iter().all(|refused| refused.why.ends_with('.')), "{refused:?}");
    world.end().await;
}
