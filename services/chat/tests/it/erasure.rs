//! What is left of an erased account: nothing, and sequences without a gap.

use contract::AccountId;
use contract::accounts::Erased;
use serde_json::json;
use testkit::stored_values;

use crate::fixtures::{Harness, boxed, changes, put, texts};

#[tokio::test]
async fn an_erased_account_leaves_nothing_and_no_gap() {
    let harness = Harness::new().await;
    let [ada, bob, cy] = harness.members(["ada", "bob", "cy"]);
    harness.follow(&bob, &ada);
    harness.follow(&cy, &ada);
    let pair = harness.begin(&ada, &["bob"], None).await;
    let group = harness.begin(&ada, &["bob", "cy"], Some("Choir")).await;
    for conversation in [&pair, &group] {
        harness.say(&ada, conversation, "a secret wish").await.expect(201);
        harness.say(&bob, conversation, "to stay").await.expect(201);
    }
    let answer = texts(&ada, &pair).await;
    assert_eq!(answer, ["to stay", "a secret wish"]);
    let newest = boxed(&bob, "inbox").await[0]["newest"]["id"].as_str().unwrap().to_owned();
    put(&ada, &format!("/v1/messages/{newest}/reaction"), &json!({"reaction": "+1"})).await.expect(204);
    put(&ada, "/v1/chat/settings", &json!({"allow_strangers": false, "send_receipts": true})).await.expect(200);
    harness.block(&ada, &cy).await;
    let stranger = harness.member("eve");
    let asked = harness.begin(&ada, &["eve"], None).await;
    harness.say(&ada, &asked, "see http://bit.ly/abc").await.expect(201);
    let before = bob.get(&pair).await.expect(200).json()["last_seq"].as_i64().unwrap();

    harness
        .publish(&Erased { account: AccountId(ada.id), handle: "ada".into(), at: harness.world.clock().now() })
        .await;
    assert_eq!(texts(&bob, &pair).await, ["to stay"]);
    assert_eq!(changes(&bob, &pair, before).await, ["reload"]);
    assert!(!changes(&bob, &group, 0).await.is_empty());
    let can = bob.get(&pair).await.expect(200).json()["can"].clone();
    assert_eq!(can["write"], false);
    assert!(boxed(&stranger, "requests").await.is_empty());
    let group_members = bob.get(&group).await.expect(200).json()["members"].clone();
    assert!(group_members.as_array().unwrap().iter().any(|member| member["admin"] == true));
    let (id, compact) = (ada.id.to_string(), ada.id.simple().to_string());
    let mut left: Vec<String> = Vec::new();
    for (place, value) in stored_values(&harness.world.context("chat").db).await {
        let value = value.to_ascii_lowercase();
        let is_there = [&*id, &*compact, "a secret wish"].iter().any(|needle| value.contains(needle));
        if is_there && !["erased_account.account", "outbox.payload"].contains(&place.as_str()) {
            left.push(format!("{place}: {value}"));
        }
    }
    assert!(left.is_empty(), "{left:#?}");
    // A token that is still valid brings nothing back.
    harness.say(&ada, &pair, "again").await.refused(404, "chat.not_found");
    harness.world.end().await;
}
