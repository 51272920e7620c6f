//! Requests: nothing of them reaches a device before they are accepted, and the sender learns nothing of what becomes
//! of them.

use contract::chat::MessageSent;
use serde_json::{Value, json};
use testkit::{TestClient, fake_role};

use crate::fixtures::{Harness, boxed, changes, put, texts};

/// Returns what a sender sees of a conversation, without what differs between two.
async fn seen(sender: &TestClient, conversation: &str) -> (Value, Vec<String>) {
    let view = sender.get(conversation).await.expect(200).json();
    let members: Vec<&Value> = view["members"].as_array().unwrap().iter().map(|one| &one["read_seq"]).collect();
    let shown = json!({"can": view["can"], "unread": view["unread"], "members": members, "last": view["last_seq"]});
    (shown, changes(sender, conversation, 0).await)
}

#[tokio::test]
async fn a_request_tells_nobody_anything_before_it_is_accepted() {
    let harness = Harness::new().await;
    let listener = fake_role("notify").records::<MessageSent>();
    listener.join(&harness.world).await;
    let [ada, bob] = harness.members(["ada", "bob"]);
    harness.set_friends_in_common(3);
    let photo = harness.photo(&ada);
    let conversation = harness.begin(&ada, &["bob"], None).await;
    assert_eq!(ada.get(&conversation).await.expect(200).json()["can"]["goes_to"], "requests");
    let body = json!({"client_id": "a1", "text": "hello", "media": [photo]});
    let sent = ada.post(&format!("{conversation}/messages"), &body).await.expect(201).json();
    assert_eq!((&sent["verdict"]["outcome"], &sent["verdict"]["can_appeal"]), (&json!("request_box"), &json!(false)));

    // It is in the box of requests, with what the two have in common and without the picture.
    assert!(boxed(&bob, "inbox").await.is_empty());
    let request = boxed(&bob, "requests").await.remove(0);
    assert_eq!(request["request"], json!({"friends_in_common": 3, "account_age_days": 0}));
    assert_eq!((&request["newest"]["media"], &request["newest"]["media_count"]), (&json!([]), &json!(1)));
    let before = seen(&ada, &conversation).await;
    bob.post(&format!("{conversation}/read"), &json!({})).await.expect(204);
    bob.post(&format!("{conversation}/delivered"), &json!({})).await.expect(204);
    let message = format!("/v1/messages/{}", sent["id"].as_str().unwrap());
    assert_eq!(bob.get(&message).await.expect(200).json()["media"], json!([]));
    put(&bob, &format!("{message}/reaction"), &json!({"reaction": "+1"})).await.refused(403, "chat.not_accepted");
    harness.say(&bob, &conversation, "who are you?").await.refused(403, "chat.not_accepted");
    assert_eq!(seen(&ada, &conversation).await, before);
    harness.world.settle().await;
    assert!(listener.events::<MessageSent>().is_empty());

    // Three without an answer are the most.
    for text in ["again", "and again"] {
        harness.say(&ada, &conversation, text).await.expect(201);
    }
    let refused = harness.say(&ada, &conversation, "please").await.refused(403, "chat.refused").json();
    assert_eq!(refused["reason"], "screening.unanswered");
    // Thirty refusals of an hour are recorded; beyond them there is nothing to appeal, and a time to wait.
    for _ in 1..30 {
        harness.say(&ada, &conversation, "please").await.refused(403, "chat.refused");
    }
    let slowed = harness.say(&ada, &conversation, "please").await.refused(429, "chat.slow_down");
    assert_eq!((&slowed.json()["can_appeal"], slowed.header("retry-after").is_empty()), (&json!(false), false));

    let accepted = bob.post(&format!("{conversation}/accept"), &json!({})).await.expect(200).json();
    assert_eq!((&accepted["state"], &accepted["can"]["goes_to"]), (&json!("joined"), &json!("inbox")));
    let shown = bob.get(&message).await.expect(200).json();
    assert!(shown["media"][0]["urls"]["image"].as_str().unwrap().contains("?t="));
    assert!(shown["blurred"].as_bool().unwrap(), "pictures of strangers stay blurred");
    harness.say(&bob, &conversation, "hello you").await.expect(201);
    assert_eq!(harness.say(&ada, &conversation, "at last").await.expect(201).json()["verdict"]["outcome"], "deliver");
    harness.world.settle().await;
    assert_eq!(listener.events::<MessageSent>().len(), 2);
    harness.world.end().await;
}

#[tokio::test]
async fn ignored_declined_and_blocked_are_the_same_to_the_sender() {
    let harness = Harness::new().await;
    let [ada, ignores, declines, blocks] = harness.members(["ada", "ivy", "dan", "ben"]);
    let mut views = Vec::new();
    for name in ["ivy", "dan", "ben"] {
        let conversation = harness.begin(&ada, &[name], None).await;
        harness.say(&ada, &conversation, "hello there").await.expect(201);
        match name {
            "dan" => drop(declines.post(&format!("{conversation}/decline"), &json!({})).await.expect(204)),
            "ben" => harness.block(&blocks, &ada).await,
            _ => {}
        }
        let sent = harness.say(&ada, &conversation, "hello again").await.expect(201).json();
        views.push((sent["verdict"]["outcome"].clone(), seen(&ada, &conversation).await));
    }
    assert!(views.iter().all(|view| *view == views[0]), "{views:#?}");
    assert_eq!(boxed(&ignores, "requests").await.len(), 1);
    for other in [&declines, &blocks] {
        assert!(boxed(other, "requests").await.is_empty() && boxed(other, "inbox").await.is_empty());
    }

    // Who has blocked does not write, and sees nothing of what was written meanwhile.
    let conversation = harness.begin(&blocks, &["ada"], None).await;
    harness.say(&blocks, &conversation, "no").await.refused(403, "chat.blocked");
    assert_eq!(texts(&blocks, &conversation).await, ["hello there"]);
    harness.world.end().await;
}

#[tokio::test]
async fn who_wants_nothing_from_strangers_is_named_beforehand() {
    let harness = Harness::new().await;
    let [ada, bob] = harness.members(["ada", "bob"]);
    put(&bob, "/v1/chat/settings", &json!({"allow_strangers": false, "send_receipts": true})).await.expect(200);
    let conversation = harness.begin(&ada, &["bob"], None).await;
    let can = ada.get(&conversation).await.expect(200).json()["can"].clone();
    assert_eq!(can, json!({"write": false, "goes_to": "refused", "manage": false}));
    let refused = harness.say(&ada, &conversation, "hello").await.refused(403, "chat.refused").json();
    assert_eq!((&refused["reason"], &refused["can_appeal"]), (&json!("screening.strangers_refused"), &json!(false)));
    harness.follow(&bob, &ada);
    harness.say(&ada, &conversation, "hello again").await.expect(201);
    assert_eq!(boxed(&bob, "inbox").await.len(), 1);
    harness.world.end().await;
}
