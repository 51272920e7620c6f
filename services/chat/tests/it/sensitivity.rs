//! What a classifier has scored: between friends it blurs, between strangers it is held, and alone it refuses nothing.

use contract::AccountId;
use contract::media::{Sensitivity, SensitivityChanged};
use serde_json::{Value, json};
use testkit::TestClient;

use crate::fixtures::{Harness, boxed};

/// Sends a photo, and returns the response.
async fn send_photo(harness: &Harness, member: &TestClient, conversation: &str, photo: &contract::MediaId) -> Value {
    harness.world.clock().advance(chrono::TimeDelta::seconds(10));
    let body = json!({"client_id": photo.as_str(), "text": "", "media": [photo.as_str()]});
    member.post(&format!("{conversation}/messages"), &body).await.expect(201).json()
}

#[tokio::test]
async fn a_sensitive_picture_is_blurred_between_friends_and_read_first_between_strangers() {
    let harness = Harness::new().await;
    let [ada, bob, cy] = harness.members(["ada", "bob", "cy"]);
    harness.follow(&bob, &ada);
    let friends = harness.begin(&ada, &["bob"], None).await;
    let photo = harness.photo(&ada);
    let sent = send_photo(&harness, &ada, &friends, &photo).await;
    assert_eq!(sent["verdict"]["outcome"], "deliver");
    let message = format!("/v1/messages/{}", sent["id"].as_str().unwrap());
    let seen = async || {
        let blurred = async |reader: &TestClient| reader.get(&message).await.expect(200).json()["blurred"].clone();
        (blurred(&ada).await, blurred(&bob).await)
    };
    let owner = AccountId(ada.id);
    let changed = |sensitivity, version| SensitivityChanged { id: photo.clone(), owner, sensitivity, version };
    assert_eq!(seen().await, (json!(false), json!(false)));
    harness.publish(&changed(Sensitivity::Unsure, 1)).await;
    assert_eq!(seen().await, (json!(false), json!(false)), "a doubt is for strangers");
    harness.publish(&changed(Sensitivity::Sensitive, 3)).await;
    harness.publish(&changed(Sensitivity::Clear, 2)).await;
    assert_eq!(seen().await, (json!(false), json!(true)), "an older event changes nothing");
    harness.publish(&changed(Sensitivity::Clear, 4)).await;
    assert_eq!(seen().await, (json!(false), json!(false)), "a moderator has overturned it");

    // What media knows already counts from the first moment.
    let known = harness.photo(&ada);
    harness.score(&ada, &known, Sensitivity::Sensitive, 950);
    let sent = send_photo(&harness, &ada, &friends, &known).await;
    assert_eq!(sent["verdict"]["outcome"], "deliver", "friends choose what they send each other");
    let shown = bob.get(&format!("/v1/messages/{}", sent["id"].as_str().unwrap())).await.expect(200).json();
    assert_eq!((&shown["blurred"], &shown["media"][0]["sensitive"]), (&json!(true), &json!(true)));

    // A new account, and a stranger: a moderator reads it first.
    let strangers = harness.begin(&ada, &["cy"], None).await;
    let held = send_photo(&harness, &ada, &strangers, &known).await;
    assert_eq!((&held["verdict"]["outcome"], &held["verdict"]["can_appeal"]), (&json!("hold"), &json!(true)));
    assert_eq!(held["verdict"]["reason"], "screening.nudity");
    assert!(boxed(&cy, "requests").await.is_empty());
    harness.world.end().await;
}
