//! Reports, and the queue of operators.

use contract::social::talk::Reported;
use serde_json::{Value, json};
use testkit::{TestClient, TestResponse, fake_role};

use crate::fixtures::{Harness, each, post, put, url, without_request_id};

async fn report(member: &TestClient, kind: &str, id: &Value, reason: &str) -> TestResponse {
    member.post("/v1/reports", &json!({"kind": kind, "id": id, "reason": reason})).await
}

#[tokio::test]
async fn a_member_reports_what_they_see_once_and_moderators_read_it() {
    let harness = Harness::with(testkit::World::builder().set("social.max_reports_per_hour=4")).await;
    let listener = fake_role("moderation").records::<Reported>();
    listener.join(&harness.world).await;
    let [ada, bob] = harness.members(["ada", "bob"]);
    let (open, inner) = (post(&ada, "hello", "public").await, post(&ada, "for few", "close").await);
    let link = post(&ada, "by link", "link").await;
    let comments = format!("{}/comments", url(&open));
    let comment = ada.post(&comments, &json!({"text": "buy now"})).await.expect(201).json();
    let sent = report(&bob, "post", &open["id"], "spam").await.expect(201).json();
    assert_eq!(sent["state"], "open");
    report(&bob, "post", &open["id"], "hate").await.refused(409, "social.reported_already");
    report(&bob, "comment", &comment["id"], "spam").await.expect(201);
    report(&bob, "account", &json!(ada.id), "impersonation").await.expect(201);
    let (_, token) = link["link"].as_str().unwrap().split_once("?link=").unwrap();
    let body = json!({"kind": "post", "id": link["id"], "reason": "other", "text": "no\u{202e}!", "link": token});
    bob.post("/v1/reports", &body).await.expect(201);

    // What a member may not see does not exist for them.
    let absent = report(&bob, "post", &json!(uuid::Uuid::nil()), "spam").await.expect(404);
    let hidden = report(&bob, "post", &inner["id"], "spam").await.expect(404);
    assert_eq!(without_request_id(&hidden), without_request_id(&absent));
    report(&bob, "post", &open["id"], "other").await.refused(422, "social.invalid_report");
    report(&bob, "post", &open["id"], "boring").await.refused(422, "request.invalid");
    report(&bob, "account", &json!(bob.id), "spam").await.refused(422, "social.yourself");
    let another = post(&ada, "another", "public").await;
    report(&bob, "post", &another["id"], "spam").await.refused(429, "social.too_often");
    put(&ada, "bob", "block").await.expect(200);
    report(&bob, "comment", &comment["id"], "hate").await.refused(404, "social.no_such_comment");
    assert_eq!(harness.count("report").await, 4);

    let path = "/v1/admin/reports?limit=3";
    bob.get(path).await.expect(403);
    harness.world.operator("vera", &["viewer"]).get(path).await.expect(403);
    let moderator = harness.world.operator("mona", &["moderator"]);
    let page = moderator.get(path).await.expect(200);
    assert_eq!(page.header("cache-control"), "no-store");
    let page = page.json();
    assert_eq!(page["items"].as_array().unwrap().len(), 3);
    let rest = format!("/v1/admin/reports?after={}", page["next"].as_str().unwrap());
    let rest = moderator.get(&rest).await.expect(200).json();
    let mut kinds = [each(&page, "kind"), each(&rest, "kind")].concat();
    kinds.sort_unstable();
    assert_eq!(kinds, ["account", "comment", "post", "post"]);
    let mut items = [&page, &rest].into_iter().flat_map(|page| page["items"].as_array().unwrap());
    let other = items.find(|item| item["reason"] == "other").unwrap();
    let shown = (&other["owner"]["handle"], &other["reporter"]["handle"], &other["text"]);
    assert_eq!(shown, (&json!("ada"), &json!("bob"), &json!("no!")));
    assert_eq!(moderator.get("/v1/admin/reports?state=closed").await.expect(200).json()["items"], json!([]));
    moderator.get("/v1/admin/reports?after=x").await.refused(400, "request.invalid");
    harness.world.settle().await;
    assert_eq!(listener.events::<Reported>().len(), 4);
    harness.world.end().await;
}

#[tokio::test]
async fn who_is_blocked_still_reports_the_account_and_learns_nothing_of_its_posts() {
    let harness = Harness::new().await;
    let [ada, bob] = harness.members(["ada", "bob"]);
    let once_seen = post(&ada, "hello", "public").await;
    put(&ada, "bob", "block").await.expect(200);
    let hidden = report(&bob, "post", &once_seen["id"], "spam").await.expect(404);
    let absent = report(&bob, "post", &json!(uuid::Uuid::nil()), "spam").await.expect(404);
    assert_eq!(without_request_id(&hidden), without_request_id(&absent));
    let by_handle = json!({"kind": "account", "handle": "Ada", "reason": "hate"});
    bob.post("/v1/reports", &by_handle).await.expect(201);
    report(&bob, "account", &json!(ada.id), "spam").await.refused(409, "social.reported_already");
    report(&bob, "account", &json!(uuid::Uuid::nil()), "spam").await.refused(404, "social.no_such_person");
    for wrong in [
        json!({"kind": "account", "reason": "spam"}),
        json!({"kind": "post", "handle": "ada", "reason": "spam"}),
        json!({"kind": "account", "handle": "ada", "id": ada.id, "reason": "spam"}),
    ] {
        bob.post("/v1/reports", &wrong).await.refused(422, "social.invalid_report");
    }
    assert_eq!(harness.count("report").await, 1);
    harness.world.end().await;
}
