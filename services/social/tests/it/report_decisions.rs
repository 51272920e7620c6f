//! What moderators decide about reports, and how long those are kept.

use chrono::TimeDelta;
use contract::social::talk::ReportClosed;
use http_server::operators::Act;
use serde_json::{Value, json};
use testkit::{TestClient, World, fake_role};

use crate::fixtures::{Harness, follow, post, url};

async fn report(member: &TestClient, kind: &str, id: &Value) -> String {
    let body = json!({"kind": kind, "id": id, "reason": "spam"});
    let sent = member.post("/v1/reports", &body).await.expect(201).json();
    format!("/v1/admin/reports/{}", sent["id"].as_str().unwrap())
}

#[tokio::test]
async fn a_decision_keeps_or_removes_closes_every_report_and_is_in_the_audit_trail() {
    let harness = Harness::with(World::builder().set("social.report_days=10")).await;
    let listener = fake_role("moderation").records::<ReportClosed>().records::<Act>();
    listener.join(&harness.world).await;
    let [ada, bob, eve] = harness.members(["ada", "bob", "eve"]);
    follow(&bob, "ada").await;
    follow(&eve, "ada").await;
    let clip = post(&ada, "buy at my shop", "followers").await;
    let comments = format!("{}/comments", url(&clip));
    let comment = bob.post(&comments, &json!({"text": "a rude word"})).await.expect(201).json();
    let answer = json!({"text": "an answer", "answers": comment["id"]});
    eve.post(&comments, &answer).await.expect(201);
    let of_post = [report(&bob, "post", &clip["id"]).await, report(&eve, "post", &clip["id"]).await];
    let of_comment = report(&ada, "comment", &comment["id"]).await;
    let of_account = report(&eve, "account", &json!(ada.id)).await;

    // Moderators see what is reported, whoever may see it; others see nothing.
    let moderator = harness.world.operator("mona", &["moderator"]);
    let listed = moderator.get("/v1/admin/reports?kind=post").await.expect(200).json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 2);
    let shown = moderator.get(&of_post[0]).await.expect(200);
    assert_eq!(shown.header("cache-control"), "no-store");
    let shown = shown.json();
    assert_eq!((&shown["object"]["text"], &shown["open_reports"]), (&json!("buy at my shop"), &json!(2)));
    let shown = moderator.get(&of_comment).await.expect(200).json();
    assert_eq!((&shown["object"]["text"], &shown["object"]["post"]), (&json!("a rude word"), &clip["id"]));
    let remove = json!({"decision": "remove", "reason": "Advertising."});
    for (who, path) in [(&bob, &of_post[0]), (&harness.world.operator("vera", &["viewer"]), &of_post[0])] {
        who.get(path).await.expect(403);
        who.post(&format!("{path}/decision"), &remove).await.expect(403);
    }

    let decide = async |path: &str, decision: &str| {
        moderator.post(&format!("{path}/decision"), &json!({"decision": decision, "reason": "Advertising."})).await
    };
    decide("/v1/admin/reports/0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b62", "keep")
        .await
        .refused(404, "social.no_such_report");
    let silent = json!({"decision": "remove", "reason": " "});
    moderator.post(&format!("{}/decision", of_post[0]), &silent).await.refused(422, "request.invalid");
    decide(&of_account, "remove").await.refused(422, "social.invalid_decision");
    decide(&of_account, "delete").await.refused(422, "request.invalid");
    let kept = decide(&of_account, "keep").await.expect(200).json();
    assert_eq!((&kept["report"]["state"], &kept["report"]["decision"]), (&json!("closed"), &json!("keep")));
    let removed = decide(&of_comment, "remove").await.expect(200).json();
    assert_eq!((&removed["object"], &removed["report"]["decision"]), (&Value::Null, &json!("remove")));
    assert_eq!(harness.count("post_comment").await, 0, "the answers go with it");
    assert_eq!(decide(&of_post[1], "remove").await.expect(200).json()["open_reports"], 0);
    decide(&of_post[0], "remove").await.refused(409, "social.report_closed");
    ada.get(&url(&clip)).await.refused(404, "social.not_found");
    harness.assert_no_drift().await;
    harness.world.settle().await;
    assert_eq!(listener.events::<ReportClosed>().len(), 4);
    let acts = listener.events::<Act>();
    assert_eq!(acts.len(), 3, "{acts:?}");
    assert!(acts.iter().all(|act| act.action == "social.report_decided" && act.reason == "Advertising."), "{acts:?}");

    // A closed report is removed after its time; an open one waits, and the member may report again.
    report(&eve, "account", &json!(ada.id)).await;
    assert_eq!(harness.count("report").await, 5);
    harness.world.clock().advance(TimeDelta::days(9));
    harness.world.settle().await;
    assert_eq!(harness.count("report").await, 5);
    harness.world.clock().advance(TimeDelta::days(2));
    let is_gone = async || (harness.count("report").await == 1).then_some(());
    harness.world.wait_for("closed reports are removed", is_gone).await;
    assert_eq!(harness.count("report where state = 'open'").await, 1);
    harness.world.end().await;
}
