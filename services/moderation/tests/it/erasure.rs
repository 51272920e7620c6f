//! What is left of an erased account.

use contract::AccountId;
use contract::accounts::Erased;
use serde_json::json;
use testkit::TestClient;

use crate::fixtures::{Harness, decide, only};

async fn erase(harness: &Harness, member: &TestClient, handle: &str) {
    let at = harness.world.clock().now();
    harness.publish(&Erased { account: AccountId(member.id), handle: handle.into(), at }).await;
}

#[tokio::test]
async fn an_erased_member_leaves_nothing_and_late_reports_bring_nothing_back() {
    let harness = Harness::new().await;
    let (ada, bob, eve) = (harness.world.ada(), harness.world.bob(), harness.world.member("eve"));
    let mona = harness.moderator("mona");
    harness.report(&bob, &ada, "c1", "a nightjar sings").await;
    harness.report(&ada, &eve, "c2", "another sings").await;
    let late = harness.report(&bob, &ada, "c3", "a nightjar sings again").await;
    let open = harness.open(&mona).await;
    decide(&mona, &open[0], json!({})).await.expect(200);
    let own = ada.get("/v1/me/decisions").await.expect(200).json();
    let appeal = json!({"verdict": own["items"][0]["id"], "text": "A quotation."});
    ada.post("/v1/appeals", &appeal).await.expect(201);

    erase(&harness, &ada, "ada").await;
    for table in ["moderation_case", "case_decision"] {
        assert_eq!(harness.count(&format!("{table} where evidence like '%nightjar%'")).await, 0, "{table}");
    }
    assert_eq!(harness.count("moderation_case where appeals is not null").await, 0);
    assert_eq!(harness.count("case_report").await, 0, "what was said about her, and what she has said");
    assert_eq!(harness.open(&mona).await.len(), 1, "the report of another's comment stays, without its reporter");
    let again = contract::moderation::Reported { id: uuid::Uuid::now_v7(), ..late };
    harness.publish(&again).await;
    assert_eq!(harness.open(&mona).await.len(), 1);
    assert_eq!(ada.get("/v1/me/decisions").await.expect(200).json()["items"], json!([]));

    // A moderator who is erased leaves their decisions, without their name.
    let case = only(harness.open(&mona).await);
    decide(&mona, &case, json!({})).await.expect(200);
    erase(&harness, &mona, "mona").await;
    let shown = harness.moderator("max").get(&case).await.expect(200).json();
    assert_eq!((&shown["decision"]["action"], &shown["decision"]["decided_by"]), (&json!("warn"), &json!(null)));
    harness.world.end().await;
}
