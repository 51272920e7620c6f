//! What moderators decide about reports, and how long those are kept.

use chrono::TimeDelta;
use contract::AccountId;
use contract::accounts::Erased;
use contract::moderation::{Action, Decided, Reported, Thing};
use contract::social::talk::{ReportClosed, ReportDecision, ReportReason};
use http_server::operators::Act;
use serde_json::{Value, json};
use testkit::{TestClient, World, fake_role};

use crate::fixtures::{Harness, follow, post, url, without_request_id};

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
    // Eve has reported the post herself, and it is Ada's.
    for (name, path) in [("eve", &of_post[0]), ("ada", &of_post[0]), ("ada", &of_account)] {
        let party = harness.world.operator(name, &["moderator"]);
        let keep = json!({"decision": "keep", "reason": "It is fine."});
        party.post(&format!("{path}/decision"), &keep).await.refused(403, "social.own_report");
    }
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

/// Returns the one entry of a list.
fn only(list: &Value) -> &Value {
    assert_eq!(list["items"].as_array().unwrap().len(), 1, "{list}");
    &list["items"][0]
}

#[tokio::test]
async fn an_author_reads_why_a_moderator_removed_something_and_not_who_reported_it() {
    let harness = Harness::with(World::builder().set("social.report_days=10")).await;
    let [ada, bob, eve] = harness.members(["ada", "bob", "eve"]);
    let clip = post(&ada, &"buy at my shop ".repeat(40), "public").await;
    let comments = format!("{}/comments", url(&clip));
    let comment = bob.post(&comments, &json!({"text": "a rude word"})).await.expect(201).json();
    let of_comment = report(&eve, "comment", &comment["id"]).await;
    let of_post = report(&eve, "post", &clip["id"]).await;

    let moderator = harness.world.operator("mona", &["moderator"]);
    let decide = async |path: &str, decision: &str, message: &str| {
        let body = json!({"decision": decision, "reason": "Eve told us.", "message": message});
        moderator.post(&format!("{path}/decision"), &body).await
    };
    for (decision, message) in [("keep", "Well done."), ("remove", "a".repeat(501).as_str())] {
        decide(&of_comment, decision, message).await.refused(422, "social.invalid_decision");
    }
    assert_eq!((harness.count("post_comment").await, harness.count("removal").await), (1, 0), "nothing has changed");
    decide(&of_comment, "remove", " Please stay\u{202e} polite. ").await.expect(200);
    decide(&of_post, "remove", "").await.expect(200);

    // The 404 is the same for everyone; the author has the reason in a list of their own.
    let [own, other] = [ada.get(&url(&clip)).await.expect(404), bob.get(&url(&clip)).await.expect(404)];
    assert_eq!(without_request_id(&own), without_request_id(&other));
    let of_ada = ada.get("/v1/me/removals").await.expect(200).json();
    let removed = only(&of_ada);
    assert_eq!((&removed["kind"], &removed["id"]), (&json!("post"), &clip["id"]));
    assert_eq!((&removed["reason"], &removed["message"]), (&json!("spam"), &json!("")));
    assert_eq!(removed["excerpt"].as_str().unwrap().chars().count(), 200);
    assert!(removed["removed_at"].is_string(), "{removed}");
    let of_bob = bob.get("/v1/me/removals").await.expect(200).json();
    let removed = only(&of_bob);
    assert_eq!((&removed["kind"], &removed["id"]), (&json!("comment"), &comment["id"]));
    assert_eq!((&removed["excerpt"], &removed["message"]), (&json!("a rude word"), &json!("Please stay polite.")));
    for list in [&of_ada, &of_bob] {
        for word in [eve.id.to_string(), moderator.id.to_string(), "Eve told us.".to_owned()] {
            assert!(!list.to_string().contains(&word), "{word}: {list}");
        }
    }
    assert_eq!(eve.get("/v1/me/removals").await.expect(200).json()["items"], json!([]));
    ada.get("/v1/me/removals?after=b-7").await.refused(422, "social.wrong_cursor");
    harness.world.anonymous().get("/v1/me/removals").await.refused(401, "auth.required");

    // It goes with its author, and with the time of reports.
    harness.forget(&ada, "ada");
    let now = harness.world.clock().now();
    harness.publish(&Erased { account: AccountId(ada.id), handle: "ada".into(), at: now }).await;
    harness.world.clock().advance(TimeDelta::days(9));
    harness.world.settle().await;
    assert_eq!(harness.count("removal").await, 1, "that of the other author");
    harness.world.clock().advance(TimeDelta::days(2));
    let is_gone = async || (harness.count("removal").await == 0).then_some(());
    harness.world.wait_for("what was removed long ago is forgotten", is_gone).await;
    harness.assert_no_drift().await;
    harness.world.end().await;
}

#[tokio::test]
async fn a_report_goes_to_moderation_with_what_it_is_about_and_its_decision_is_followed() {
    let harness = Harness::new().await;
    let listener = fake_role("moderation").records::<Reported>().records::<ReportClosed>();
    listener.join(&harness.world).await;
    let [ada, bob, eve] = harness.members(["ada", "bob", "eve"]);
    let clip = post(&ada, "buy at my shop", "public").await;
    let comments = format!("{}/comments", url(&clip));
    let comment = bob.post(&comments, &json!({"text": "a rude word"})).await.expect(201).json();
    report(&eve, "post", &clip["id"]).await;
    report(&eve, "comment", &comment["id"]).await;
    report(&eve, "account", &json!(ada.id)).await;
    harness.world.settle().await;
    let reported = listener.events::<Reported>();
    let of = |kind: &str| reported.iter().find(|reported| reported.thing.kind == kind).unwrap();
    assert!(reported.iter().all(|reported| reported.thing.role == "social" && reported.reporter.0 == eve.id));
    assert_eq!((of("post").evidence.text.as_str(), &of("post").evidence.place), ("buy at my shop", &None));
    assert_eq!((of("comment").owner, of("comment").evidence.text.as_str()), (AccountId(bob.id), "a rude word"));
    assert_eq!(of("comment").evidence.place.as_deref(), clip["id"].as_str());
    assert_eq!(of("account").evidence.text, "ADA");

    let decided = |thing: &Thing, removes: bool| Decided {
        id: of("post").id,
        case: of("post").id,
        thing: thing.clone(),
        owner: AccountId(ada.id),
        action: if removes { Action::Remove } else { Action::Keep },
        reason: ReportReason::Spam,
        statement: "No advertising, please.".into(),
        until: None,
        removes,
        blocked_media: Vec::new(),
        by: AccountId(eve.id),
        at: harness.world.clock().now(),
    };
    harness.publish(&decided(&of("account").thing, false)).await;
    for _ in 0..2 {
        harness.publish(&decided(&of("post").thing, true)).await;
    }
    let elsewhere = Thing { role: "chat".into(), ..of("comment").thing.clone() };
    harness.publish(&decided(&elsewhere, true)).await;
    ada.get(&url(&clip)).await.refused(404, "social.not_found");
    let removed = ada.get("/v1/me/removals").await.expect(200).json();
    assert_eq!(only(&removed)["message"], "No advertising, please.");
    harness.world.settle().await;
    let closed: Vec<_> = listener.events::<ReportClosed>().iter().map(|closed| closed.decision).collect();
    assert_eq!(closed, [ReportDecision::Keep, ReportDecision::Remove]);
    harness.assert_no_drift().await;
    harness.world.end().await;
}
