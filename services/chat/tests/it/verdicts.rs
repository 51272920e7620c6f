//! Verdicts: budgets under parallel attempts, mass mail, links, appeals.

use chrono::TimeDelta;
use contract::accounts::{AccountState, StandingChanged};
use contract::{AccountId, chat::MessageHeld};
use serde_json::{Value, json};
use testkit::fake_role;

use crate::fixtures::{Harness, boxed};

#[tokio::test]
async fn fifty_first_messages_at_once_spend_one_budget() {
    let harness = Harness::new().await;
    let ada = harness.member("ada");
    let mut conversations = Vec::new();
    for number in 0..50 {
        let name = format!("other{number}");
        let other = harness.member(&name);
        conversations.push((harness.begin(&ada, &[name.as_str()], None).await, other));
    }
    let body = json!({"client_id": "1", "text": "hi"});
    let sends = conversations.iter().map(|(url, _)| {
        let (ada, path, body) = (ada.clone(), format!("{url}/messages"), body.clone());
        tokio::spawn(async move { ada.post(&path, &body).await })
    });
    let sends: Vec<_> = sends.collect();
    let mut delivered = 0;
    for send in sends {
        let response = send.await.unwrap();
        if response.status == 201 {
            delivered += 1;
        } else {
            let slowed = response.refused(429, "chat.slow_down");
            assert!(slowed.header("retry-after").parse::<u64>().unwrap() > 0);
        }
    }
    let mut reached = 0;
    for (_, other) in &conversations {
        reached += boxed(other, "requests").await.len();
    }
    // The budget of a new member (`screening/src/rules/standard.rs`).
    assert_eq!((delivered, reached), (5, 5));
    harness.world.end().await;
}

#[tokio::test]
async fn what_is_held_or_refused_has_a_reason_and_an_appeal() {
    let harness = Harness::new().await;
    let moderation = fake_role("moderation").records::<MessageHeld>();
    moderation.join(&harness.world).await;
    let [ada, bob] = harness.members(["ada", "bob"]);
    let conversation = harness.begin(&ada, &["bob"], None).await;
    let text = "look at http://bit.ly/abc for the offer";
    let held = harness.say(&ada, &conversation, text).await.expect(201).json();
    let verdict = &held["verdict"];
    assert_eq!((&verdict["outcome"], &verdict["can_appeal"]), (&json!("hold"), &json!(true)));
    assert!(boxed(&bob, "requests").await.is_empty(), "a moderator reads it first");
    let own = ada.get(&format!("/v1/messages/{}", held["id"].as_str().unwrap())).await.expect(200).json();
    assert_eq!(own["state"], "held");
    harness.world.settle().await;
    assert_eq!(moderation.events::<MessageHeld>().len(), 1);

    let appeal = json!({"verdict": verdict["id"], "text": "It is our own shop."});
    bob.post("/v1/appeals", &appeal).await.refused(404, "chat.no_such_verdict");
    ada.post("/v1/appeals", &json!({"verdict": verdict["id"], "text": " "})).await.refused(422, "chat.invalid_text");
    let made = ada.post("/v1/appeals", &appeal).await.expect(201).json();
    assert_eq!(made["verdict"], verdict["id"]);
    ada.post("/v1/appeals", &appeal).await.refused(409, "chat.appealed_already");

    // A limited account sends nothing.
    let account = AccountId(ada.id);
    let standing = StandingChanged { account, state: AccountState::Limited, until: None, version: 1 };
    harness.publish(&standing).await;
    harness.say(&ada, &conversation, "hello").await.refused(403, "chat.account_limited");
    harness.world.end().await;
}

#[tokio::test]
async fn a_mass_mailer_is_held_before_twenty_are_reached() {
    let harness = Harness::new().await;
    let ada = harness.member("ada");
    let (mut delivered, mut outcome) = (0, Value::Null);
    for number in 0..12 {
        let name = format!("other{number}");
        harness.member(&name);
        let conversation = harness.begin(&ada, &[name.as_str()], None).await;
        // As fast as the budget of a new member allows.
        harness.world.clock().advance(TimeDelta::hours(3));
        let text = format!("Dear {name}, I love your singing and earn three thousand a week from home, ask me how");
        outcome = harness.say(&ada, &conversation, &text).await.expect(201).json()["verdict"]["outcome"].clone();
        delivered += u32::from(outcome == "request_box");
    }
    assert!(outcome == "hold" && delivered <= 20, "{delivered} were delivered, then {outcome}");
    harness.world.end().await;
}
