//! Reports become cases, which one moderator at a time holds and decides about once.

use chrono::TimeDelta;
use contract::moderation::{Action, Decided, ReportAnswered, Reported};
use contract::social::talk::{ReportClosed, ReportDecision, ReportKind};
use contract::{AccountId, accounts::SanctionRefused};
use http_server::operators::Act;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::fixtures::{Harness, QUEUE, claim, decide, decide_unclaimed, only};

#[tokio::test]
async fn reports_of_one_thing_are_one_case_and_its_evidence_stays() {
    let harness = Harness::new().await;
    let (ada, bob, eve) = (harness.world.ada(), harness.world.bob(), harness.world.member("eve"));
    let first = harness.report(&bob, &ada, "c1", "buy at my shop").await;
    harness.publish(&first).await;
    harness.report(&eve, &ada, "c1", "changed meanwhile").await;
    let mona = harness.moderator("mona");
    let case = only(harness.open(&mona).await);
    let shown = mona.get(&case).await.expect(200);
    assert_eq!(shown.header("cache-control"), "no-store");
    let shown = shown.json();
    assert_eq!((&shown["case"]["report_count"], &shown["evidence"]["text"]), (&json!(2), &json!("buy at my shop")));
    assert_eq!(shown["reports"].as_array().unwrap().len(), 2, "an event that arrives twice is one report");

    // Only moderators read and decide.
    let viewer = harness.world.operator("vera", &["viewer"]);
    for path in [QUEUE, case.as_str()] {
        ada.get(path).await.expect(403);
        viewer.get(path).await.refused(403, "auth.role_required");
        harness.world.anonymous().get(path).await.refused(401, "auth.required");
    }
    let unknown = format!("{QUEUE}/{}", Uuid::nil());
    mona.get(&unknown).await.refused(404, "moderation.no_such_case");
    claim(&mona, &unknown).await.refused(404, "moderation.no_such_case");
    mona.get(&format!("{QUEUE}?after=x")).await.refused(400, "request.invalid");

    // What social has decided by itself ends the case.
    let (id, at) = (first.id, first.at);
    let (kind, decision) = (ReportKind::Comment, ReportDecision::Remove);
    harness.publish(&ReportClosed { id, kind, object: id, reporter: AccountId(bob.id), decision, at }).await;
    assert!(harness.open(&mona).await.is_empty());
    let told = only(harness.listener.events::<ReportAnswered>());
    assert!(told.is_upheld && told.reporter == AccountId(bob.id));

    // Also if it hears of the end first: the two events have no order.
    let id = Uuid::now_v7();
    for _ in 0..2 {
        harness.publish(&ReportClosed { id, kind, object: id, reporter: AccountId(eve.id), decision, at }).await;
    }
    harness.publish(&Reported { id, ..first }).await;
    assert!(harness.open(&mona).await.is_empty(), "it was decided about");
    assert_eq!(harness.listener.events::<ReportAnswered>().len(), 2, "who has reported it is told, once");
    assert_eq!(harness.count("closed_report").await, 1);
    harness.world.end().await;
}

#[tokio::test]
async fn of_two_moderators_one_has_a_case_until_the_claim_ends() {
    let harness = Harness::new().await;
    let (ada, bob) = (harness.world.ada(), harness.world.bob());
    harness.report(&bob, &ada, "c1", "buy at my shop").await;
    let (mona, max) = (harness.moderator("mona"), harness.moderator("max"));
    let case = only(harness.open(&mona).await);
    let (one, other) = tokio::join!(claim(&mona, &case), claim(&max, &case));
    let (holder, loser) = if one.status == 200 { (&mona, &max) } else { (&max, &mona) };
    let mut statuses = [one.status.as_u16(), other.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
    claim(loser, &case).await.refused(409, "moderation.claimed");
    decide_unclaimed(loser, &case, json!({})).await.refused(409, "moderation.claimed");
    claim(holder, &case).await.expect(200);
    loser.delete(&format!("{case}/claim")).await.expect(204);
    claim(loser, &case).await.refused(409, "moderation.claimed");
    holder.delete(&format!("{case}/claim")).await.expect(204);
    decide_unclaimed(holder, &case, json!({})).await.refused(409, "moderation.not_claimed");

    // Neither who has reported something nor whom it is about decides about it, also not as one of several.
    let until = harness.world.clock().now() + TimeDelta::days(3);
    for (at, (reporter, owner)) in [(&mona, &ada), (&bob, &mona)].into_iter().enumerate() {
        harness.report(reporter, owner, &format!("own{at}"), "buy at my shop").await;
    }
    let open = harness.open(&mona).await;
    let own = &open[1..];
    for case in own {
        claim(&mona, case).await.refused(403, "moderation.own_case");
    }
    let also: Vec<&str> = own.iter().filter_map(|case| case.rsplit('/').next()).collect();
    harness.report(&bob, &ada, "c2", "buy at my shop").await;
    let open = harness.open(&mona).await;
    let other = &open[3];
    let body = json!({"action": "limit", "until": until, "also": also});
    assert_eq!(decide(&mona, other, body).await.expect(200).json()["also"], json!([]));

    claim(holder, &case).await.expect(200);
    harness.world.clock().advance(TimeDelta::minutes(16));
    decide_unclaimed(holder, &case, json!({})).await.refused(409, "moderation.not_claimed");
    claim(loser, &case).await.expect(200);
    decide_unclaimed(holder, &case, json!({})).await.refused(409, "moderation.claimed");
    harness.world.end().await;
}

#[tokio::test]
async fn a_case_is_decided_once_and_everyone_concerned_is_told() {
    let harness = Harness::new().await;
    let (ada, bob, eve) = (harness.world.ada(), harness.world.bob(), harness.world.member("eve"));
    for reporter in [&bob, &eve] {
        harness.report(reporter, &ada, "c1", "buy at my shop").await;
    }
    let mona = harness.moderator("mona");
    let case = only(harness.open(&mona).await);
    for (change, code) in [
        (json!({"statement": " "}), "moderation.invalid_decision"),
        (json!({"action": "uphold"}), "moderation.invalid_decision"),
        (json!({"action": "keep", "removes": true}), "moderation.invalid_decision"),
        (json!({"reason": " "}), "request.invalid"),
        (json!({"action": "shout"}), "request.invalid"),
    ] {
        decide(&mona, &case, change).await.refused(422, code);
    }
    decide(&mona, &case, json!({"action": "ban"})).await.refused(403, "moderation.beyond_role");
    let until = harness.world.clock().now() + TimeDelta::days(3);
    let body = json!({"action": "suspend", "until": until, "removes": true});
    let decided = decide(&mona, &case, body.clone()).await.expect(200).json();
    assert_eq!((&decided["case"]["case"]["state"], &decided["also"]), (&json!("decided"), &json!([])));
    decide_unclaimed(&mona, &case, body).await.refused(409, "moderation.decided_already");
    claim(&mona, &case).await.refused(409, "moderation.decided_already");
    harness.world.settle().await;

    let event = only(harness.listener.events::<Decided>());
    assert_eq!((event.action, event.removes, event.thing.id.as_str()), (Action::Suspend, true, "c1"));
    assert_eq!((event.owner, event.by), (AccountId(ada.id), AccountId(mona.id)));
    let mut told: Vec<_> = harness.listener.events::<ReportAnswered>();
    told.sort_by_key(|answer| answer.reporter);
    let mut reporters = [AccountId(bob.id), AccountId(eve.id)];
    reporters.sort();
    assert!(told.iter().map(|answer| answer.reporter).eq(reporters) && told.iter().all(|answer| answer.is_upheld));
    let act = only(harness.listener.events::<Act>());
    assert_eq!((act.action.as_str(), act.reason.as_str()), ("moderation.case_decided", "Third time."));

    // The member reads why, and not who.
    let own = ada.get("/v1/me/decisions").await.expect(200).json();
    let decision = &own["items"][0];
    assert_eq!((&decision["action"], &decision["statement"]), (&json!("suspend"), &json!("No advertising, please.")));
    assert_eq!((&decision["excerpt"], &decision["can_appeal"]), (&json!("buy at my shop"), &json!(true)));
    for word in [bob.id.to_string(), eve.id.to_string(), mona.id.to_string(), "Third time.".into()] {
        assert!(!own.to_string().contains(&word), "{word}: {own}");
    }
    let url = format!("/v1/me/decisions/{}", event.id);
    ada.get(&url).await.expect(200);
    bob.get(&url).await.refused(404, "moderation.no_such_decision");
    harness.world.anonymous().get("/v1/me/decisions").await.refused(401, "auth.required");
    assert_eq!(bob.get("/v1/me/decisions").await.expect(200).json()["items"], json!([]));

    // What accounts refuses is shown at the case.
    harness.publish(&SanctionRefused { decision: event.id, why: "The account is of staff.".into() }).await;
    assert_eq!(mona.get(&case).await.expect(200).json()["decision"]["refusal"], "The account is of staff.");
    let counts = mona.get("/v1/admin/moderation/counts").await.expect(200).json();
    let of = |name: &str| counts["items"].as_array().unwrap().iter().find(|count| count["name"] == name).cloned();
    assert_eq!(of("decided.suspend").map(|count| count["total"].clone()), Some(json!(1)));
    assert_eq!(of("reported.spam").map(|count| count["total"].clone()), Some(json!(2)));
    mona.get("/v1/admin/moderation/counts?from=2026-01-02&to=2026-01-01").await.refused(400, "request.invalid");
    harness.world.end().await;
}

#[tokio::test]
async fn the_same_is_decided_about_cases_that_are_alike_and_old_ones_are_removed() {
    let harness = Harness::new().await;
    let (bob, mona, max) = (harness.world.bob(), harness.moderator("mona"), harness.moderator("max"));
    let text = "Win a free iPhone now, click the link in my profile";
    for at in 0..4 {
        let spammer = harness.world.member(&format!("spammer{at}"));
        harness.report(&bob, &spammer, &format!("c{at}"), text).await;
    }
    let honest = "Shall we meet at the station at six, or is that too early?";
    harness.report(&bob, &harness.world.ada(), "c9", honest).await;
    let open = harness.open(&mona).await;
    let like = mona.get(&format!("{}/like", open[0])).await.expect(200).json();
    let like: Vec<Value> = like["items"].as_array().unwrap().iter().map(|case| case["id"].clone()).collect();
    assert_eq!(like.len(), 3, "the honest one is not like them");
    // Another moderator has one of them.
    claim(&max, &format!("{QUEUE}/{}", like[0].as_str().unwrap())).await.expect(200);
    let until = harness.world.clock().now() + TimeDelta::days(3);
    let body = json!({"action": "limit", "until": until, "also": like});
    let decided = decide(&mona, &open[0], body).await.expect(200).json();
    assert_eq!(decided["also"], json!([like[1], like[2]]));
    assert_eq!(harness.open(&mona).await.len(), 2);
    let too_many = vec![Uuid::nil(); 51];
    decide(&mona, &open[4], json!({"also": too_many})).await.refused(422, "moderation.invalid_decision");
    harness.world.settle().await;
    assert_eq!(harness.listener.events::<Act>().len(), 3, "each is an act");

    harness.world.clock().advance(TimeDelta::days(11));
    let is_gone = async || (mona.get(&open[0]).await.status == 404).then_some(());
    harness.world.wait_for("decided cases are removed", is_gone).await;
    assert_eq!(harness.open(&mona).await.len(), 2, "open ones wait");
    harness.world.end().await;
}
