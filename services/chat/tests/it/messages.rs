//! What is done with a message: edits, deletions, reactions.

use chrono::TimeDelta;
use contract::AccountId;
use contract::social::Unblocked;
use serde_json::json;

use crate::fixtures::{Harness, boxed, changes, put, texts};

#[tokio::test]
async fn messages_are_edited_reacted_to_and_deleted() {
    let harness = Harness::new().await;
    let [ada, bob] = harness.members(["ada", "bob"]);
    harness.follow(&bob, &ada);
    let conversation = harness.begin(&ada, &["bob"], None).await;
    let photo = harness.photo(&ada);
    let body = json!({"client_id": "1", "text": "one", "media": [photo]});
    let sent = ada.post(&format!("{conversation}/messages"), &body).await.expect(201).json();
    let message = format!("/v1/messages/{}", sent["id"].as_str().unwrap());

    let edited = ada.patch(&message, &json!({"text": "won"})).await.expect(200).json();
    assert_eq!((&edited["text"], edited["edited_at"].is_string()), (&json!("won"), true));
    bob.patch(&message, &json!({"text": "x"})).await.refused(403, "chat.not_author");
    let reaction = format!("{message}/reaction");
    put(&bob, &reaction, &json!({"reaction": "+1"})).await.expect(204);
    put(&bob, &reaction, &json!({"reaction": "+1"})).await.expect(204);
    put(&bob, &reaction, &json!({"reaction": "a b"})).await.refused(422, "chat.invalid_text");
    let shown = ada.get(&message).await.expect(200).json();
    assert_eq!(shown["reactions"], json!([{"account": bob.id, "reaction": "+1"}]));
    bob.delete(&reaction).await.expect(204);
    assert_eq!(changes(&bob, &conversation, 0).await, ["message", "edited", "reacted", "reacted"]);

    // For oneself: the others see it still, and the own devices learn of it.
    bob.delete(&message).await.expect(204);
    bob.get(&message).await.refused(404, "chat.not_found");
    assert_eq!((texts(&bob, &conversation).await.len(), texts(&ada, &conversation).await), (0, vec!["won".to_owned()]));
    assert_eq!(boxed(&bob, "inbox").await[0]["unread"], 0, "what is not visible is not unread");
    assert_eq!(changes(&bob, &conversation, 4).await, ["hidden"]);
    assert_eq!(changes(&ada, &conversation, 4).await, ["none"]);

    // For all: the words and the picture are gone, the place stays.
    let second = harness.say(&ada, &conversation, "two").await.expect(201).json();
    let second = format!("/v1/messages/{}", second["id"].as_str().unwrap());
    bob.delete(&format!("{second}?for=all")).await.refused(403, "chat.not_author");
    assert_eq!(boxed(&bob, "inbox").await[0]["unread"], 1);
    ada.delete(&format!("{second}?for=all")).await.expect(204);
    ada.delete(&format!("{message}?for=all")).await.expect(204);
    assert_eq!(boxed(&bob, "inbox").await[0]["unread"], 0);
    let gone = bob.get(&second).await.expect(200).json();
    assert_eq!((&gone["state"], &gone["text"], &gone["media"]), (&json!("removed"), &json!(""), &json!([])));
    put(&bob, &format!("{second}/reaction"), &json!({"reaction": "+1"})).await.refused(404, "chat.not_found");

    let third = harness.say(&ada, &conversation, "three").await.expect(201).json();
    harness.world.clock().advance(TimeDelta::minutes(16));
    let third = format!("/v1/messages/{}", third["id"].as_str().unwrap());
    ada.patch(&third, &json!({"text": "3"})).await.refused(403, "chat.too_late");

    // Deleting the conversation hides what there was from one of two.
    bob.delete(&conversation).await.expect(204);
    assert!(boxed(&bob, "inbox").await.is_empty() && texts(&bob, &conversation).await.is_empty());
    assert_eq!(boxed(&ada, "inbox").await.len(), 1);
    harness.say(&ada, &conversation, "four").await.expect(201);
    assert_eq!((boxed(&bob, "inbox").await.len(), texts(&bob, &conversation).await), (1, vec!["four".to_owned()]));
    harness.world.end().await;
}

#[tokio::test]
async fn what_a_blocked_member_does_is_the_same_to_them_and_reaches_no_one() {
    let harness = Harness::new().await;
    let [ada, bob] = harness.members(["ada", "bob"]);
    harness.follow(&bob, &ada);
    let conversation = harness.begin(&ada, &["bob"], None).await;
    let mut urls = Vec::new();
    for (member, text) in [(&ada, "before"), (&bob, "answer")] {
        let sent = harness.say(member, &conversation, text).await.expect(201).json();
        urls.push(format!("/v1/messages/{}", sent["id"].as_str().unwrap()));
    }
    harness.block(&bob, &ada).await;
    // The end of an earlier block, which arrives late, ends nothing, whatever social had said at its time.
    let (blocker, blocked) = (AccountId(bob.id), AccountId(ada.id));
    harness.answer_once_without_blocks();
    harness.publish(&Unblocked { blocker, blocked, at: harness.world.clock().now() }).await;

    let edited = ada.patch(&urls[0], &json!({"text": "worse"})).await.expect(200).json();
    assert_eq!((&edited["text"], &edited["state"]), (&json!("worse"), &json!("sent")));
    bob.get(&urls[0]).await.refused(404, "chat.not_found");
    put(&ada, &format!("{}/reaction", urls[1]), &json!({"reaction": "ugly"})).await.expect(204);
    assert_eq!(ada.get(&urls[1]).await.expect(200).json()["reactions"][0]["reaction"], "ugly");
    assert_eq!(bob.get(&urls[1]).await.expect(200).json()["reactions"], json!([]));
    put(&bob, &format!("{}/reaction", urls[1]), &json!({"reaction": "no"})).await.refused(403, "chat.blocked");
    bob.patch(&urls[1], &json!({"text": "no"})).await.refused(403, "chat.blocked");

    let kept = harness.say(&ada, &conversation, "kept").await.expect(201).json();
    let kept = format!("/v1/messages/{}", kept["id"].as_str().unwrap());
    ada.delete(&format!("{kept}?for=all")).await.expect(204);
    assert_eq!(ada.get(&kept).await.expect(200).json()["state"], "removed");
    bob.get(&kept).await.refused(404, "chat.not_found");
    assert_eq!(changes(&ada, &conversation, 2).await, ["edited", "reacted", "message", "removed"]);
    assert_eq!(changes(&bob, &conversation, 2).await, ["none", "none", "none", "none"]);
    // A text that breaks a rule says nothing about a message of others' conversations.
    let eve = harness.member("eve");
    eve.patch(&urls[1], &json!({"text": ""})).await.refused(404, "chat.not_found");
    harness.world.end().await;
}
