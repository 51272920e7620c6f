//! Verdicts: budgets under parallel attempts, mass mail, links, what moderation is told, and appeals that were won.

use chrono::TimeDelta;
use contract::AccountId;
use contract::accounts::{AccountState, StandingChanged};
use contract::chat::MessageSent;
use contract::moderation::{Action, Overturned, Released, Screened};
use db::{FromQueryResult, Lane, Sql as _};
use serde_json::{Value, json};
use testkit::fake_role;

use crate::fixtures::{Harness, boxed, changes, put, texts};

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
async fn what_is_held_or_refused_is_told_to_moderation_and_an_appeal_that_is_won_delivers_it_once() {
    let harness = Harness::new().await;
    let moderation = fake_role("moderation").records::<Screened>().records::<MessageSent>();
    moderation.join(&harness.world).await;
    let [ada, bob] = harness.members(["ada", "bob"]);
    harness.member("cy");
    let conversation = harness.begin(&ada, &["bob"], None).await;
    let text = "listen at http://example.com/choir tonight";
    let held = harness.say(&ada, &conversation, text).await.expect(201).json();
    let verdict = &held["verdict"];
    assert_eq!((&verdict["outcome"], &verdict["can_appeal"]), (&json!("hold"), &json!(true)));
    assert_eq!(verdict["reason"], "screening.new_domain");
    assert!(boxed(&bob, "requests").await.is_empty(), "only its author sees it");
    let own = format!("/v1/messages/{}", held["id"].as_str().unwrap());
    assert_eq!(ada.get(&own).await.expect(200).json()["state"], "held");

    // An edit can't be held, so it is refused.
    let other = harness.begin(&ada, &["cy"], None).await;
    let sent = harness.say(&ada, &other, "hello").await.expect(201).json();
    let edited = format!("/v1/messages/{}", sent["id"].as_str().unwrap());
    let body = json!({"text": "now at http://example.net/choir"});
    let refused = ada.patch(&edited, &body).await.refused(403, "chat.refused").json();
    harness.world.settle().await;
    let screened = moderation.events::<Screened>();
    let [of_message, of_edit] = [&verdict["id"], &refused["verdict"]].map(|id| {
        let is_named = |event: &&Screened| *id == event.id.to_string();
        screened.iter().find(is_named).unwrap()
    });
    assert_eq!((screened.len(), of_message.owner), (2, AccountId(ada.id)));
    assert!(of_message.is_held && !of_edit.is_held, "a moderator reads what waits");
    let thing = &of_message.thing;
    assert_eq!((thing.role.as_str(), thing.kind.as_str(), json!(thing.id)), ("chat", "message", held["id"].clone()));
    assert_eq!(of_edit.thing.id, of_edit.id.to_string(), "what was not stored has the id of the verdict");
    let place = conversation.rsplit('/').next();
    let evidence = &of_message.evidence;
    assert_eq!((evidence.text.as_str(), evidence.place.as_deref()), (text, place));
    assert_eq!(of_message.check, "screening.new_domain");

    let overturned = Overturned {
        id: of_message.id,
        thing: of_message.thing.clone(),
        owner: of_message.owner,
        action: Action::Screened,
        check: Some(of_message.check.clone()),
        unblocked_media: Vec::new(),
        by: AccountId(bob.id),
        at: harness.world.clock().now(),
    };
    for _ in 0..2 {
        harness.publish(&overturned).await;
    }
    assert_eq!((boxed(&bob, "requests").await.len(), texts(&bob, &conversation).await), (1, vec![text.to_owned()]));
    assert_eq!(changes(&ada, &conversation, 0).await, ["message", "message"], "delivered once, with a new place");
    let own = ada.get(&own).await.expect(200).json();
    assert_eq!(
        (&own["state"], &own["seq"], &own["verdict"]["outcome"]),
        (&json!("sent"), &json!(2), &json!("request_box"))
    );
    assert_eq!(moderation.events::<MessageSent>().len(), 0, "a request is told to no device");
    // And the sender is exempt from that check.
    ada.patch(&edited, &body).await.expect(200);

    // A limited account sends nothing.
    let account = AccountId(ada.id);
    let standing = StandingChanged { account, state: AccountState::Limited, until: None, version: 1 };
    harness.publish(&standing).await;
    harness.say(&ada, &conversation, "hello").await.refused(403, "chat.account_limited");
    let word = json!({"reaction": "hello"});
    put(&ada, &format!("{edited}/reaction"), &word).await.refused(403, "chat.account_limited");
    harness.world.end().await;
}

#[tokio::test]
async fn what_a_moderator_lets_go_is_delivered_once_and_exempts_from_nothing() {
    let harness = Harness::new().await;
    let moderation = fake_role("moderation").records::<Screened>();
    moderation.join(&harness.world).await;
    let [ada, bob] = harness.members(["ada", "bob"]);
    let conversation = harness.begin(&ada, &["bob"], None).await;
    let text = "listen at http://example.com/choir tonight";
    harness.say(&ada, &conversation, text).await.expect(201);
    harness.world.settle().await;
    let Screened { id, thing, owner, .. } = moderation.events::<Screened>().remove(0);
    let released = Released { id, thing, owner, by: AccountId(bob.id), at: harness.world.clock().now() };
    for _ in 0..2 {
        harness.publish(&released).await;
    }
    assert_eq!(texts(&bob, &conversation).await, [text]);
    assert_eq!(changes(&ada, &conversation, 0).await, ["message", "message"], "delivered once, with a new place");
    let again = harness.say(&ada, &conversation, "and at http://example.net/choir").await.expect(201).json();
    assert_eq!(again["verdict"]["outcome"], "hold");
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

#[tokio::test]
async fn a_site_that_is_linked_to_no_more_is_forgotten() {
    let harness = Harness::with("chat.domain_days=7").await;
    let (db, now) = (&harness.world.context("chat").db, harness.world.clock().now());
    for (domain, days) in [("gone.example", 8), ("used.example", 6)] {
        let text = "insert into chat_domain (domain, first_at, last_at) values ($1, $2, $3)";
        let (first, last) = (now - TimeDelta::days(30), now - TimeDelta::days(days));
        let values: Vec<db::Value> = vec![domain.into(), first.into(), last.into()];
        db.write(Lane::NONE, async move |tx| tx.execute(text, values).await).await.unwrap();
    }
    let left = async || {
        let found: Vec<Domain> = db.read().rows("select domain from chat_domain", vec![]).await.unwrap();
        (found.len() == 1).then(|| found[0].domain.clone())
    };
    harness.world.clock().advance(TimeDelta::hours(2));
    assert_eq!(harness.world.wait_for("a site is forgotten", left).await, "used.example");
    harness.world.end().await;
}

#[derive(FromQueryResult)]
struct Domain {
    domain: String,
}
