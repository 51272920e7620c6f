//! What a check holds waits in the queue until a moderator has read it, or its sender has appealed.

use contract::AccountId;
use contract::moderation::{Action, AppealAnswered, Decided, Evidence, Overturned, Released, Screened, Thing};
use serde_json::json;
use testkit::TestClient;
use uuid::Uuid;

use crate::fixtures::{Harness, claim, decide, only};

/// Publishes the verdict that holds a message, twice, as the bus may. Returns it.
async fn hold(harness: &Harness, sender: &TestClient, text: &str) -> Screened {
    // Cases of one moment have no order.
    harness.world.clock().advance(chrono::TimeDelta::seconds(1));
    let verdict = Screened {
        id: Uuid::now_v7(),
        thing: Thing { role: "chat".into(), kind: "message".into(), id: Uuid::now_v7().to_string() },
        owner: AccountId(sender.id),
        check: "screening.new_domain".into(),
        statement: "This links to a site that is new here, so a moderator reads it first.".into(),
        evidence: Evidence::of(text, [], Some("conversation-1".into())),
        is_held: true,
        at: harness.world.clock().now(),
    };
    for _ in 0..2 {
        harness.publish(&verdict).await;
    }
    verdict
}

#[tokio::test]
async fn what_is_held_is_released_or_refused_without_an_appeal() {
    let harness = Harness::new().await;
    let (ada, mona) = (harness.world.ada(), harness.moderator("mona"));
    let verdict = hold(&harness, &ada, "listen at http://example.com/choir tonight").await;
    let case = only(harness.open(&mona).await);
    let shown = mona.get(&case).await.expect(200).json();
    assert_eq!((&shown["case"]["is_held"], &shown["case"]["report_count"]), (&json!(true), &json!(0)));
    assert_eq!((&shown["appealed"]["screened_by"], &shown["history"]), (&json!(verdict.check), &json!([])));
    assert_eq!(shown["evidence"]["text"], verdict.evidence.text);
    decide(&mona, &case, json!({"action": "overturn"})).await.refused(422, "moderation.invalid_decision");
    decide(&mona, &case, json!({"action": "keep", "statement": ""})).await.expect(200);
    harness.world.settle().await;
    let released = only(harness.listener.events::<Released>());
    assert_eq!((released.id, &released.thing, released.owner), (verdict.id, &verdict.thing, verdict.owner));
    assert!(harness.listener.events::<Overturned>().is_empty(), "a release exempts from nothing");
    assert_eq!(ada.get("/v1/me/decisions").await.expect(200).json()["items"], json!([]));
    // The verdict that arrives again brings nothing back.
    harness.publish(&verdict).await;
    assert!(harness.open(&mona).await.is_empty());

    let verdict = hold(&harness, &ada, "win a phone at http://example.net/win").await;
    let case = only(harness.open(&mona).await);
    decide(&mona, &case, json!({"action": "warn"})).await.expect(200);
    harness.world.settle().await;
    let decided = harness.listener.events::<Decided>().pop().unwrap();
    assert!(decided.id == verdict.id && decided.removes, "what is not released is removed");
    assert_eq!(harness.listener.events::<Released>().len(), 1);
    // The sender reads why, and appeals it by the id that they have had from the start.
    let own = only(ada.get("/v1/me/decisions").await.expect(200).json()["items"].as_array().unwrap().clone());
    assert_eq!((&own["id"], &own["statement"]), (&json!(verdict.id), &json!("No advertising, please.")));
    assert_eq!((&own["is_automatic"], &own["can_appeal"]), (&json!(false), &json!(true)));
    ada.post("/v1/appeals", &json!({"verdict": verdict.id, "text": "It is my shop."})).await.expect(201);
    let appeal = only(harness.open(&mona).await);
    claim(&mona, &appeal).await.refused(403, "moderation.own_case");
    harness.world.end().await;
}

#[tokio::test]
async fn an_appeal_joins_the_case_of_what_is_held() {
    let harness = Harness::with("moderation.max_verdicts=2").await;
    let (ada, mona) = (harness.world.ada(), harness.moderator("mona"));
    let verdict = hold(&harness, &ada, "listen at http://example.com/choir tonight").await;
    let appeal = json!({"verdict": verdict.id, "text": "It is our own page."});
    ada.post("/v1/appeals", &appeal).await.expect(201);
    ada.post("/v1/appeals", &appeal).await.refused(409, "moderation.appealed_already");
    let case = only(harness.open(&mona).await);
    let shown = mona.get(&case).await.expect(200).json();
    assert_eq!((&shown["case"]["is_appeal"], &shown["appeal"]), (&json!(true), &appeal["text"]));
    decide(&mona, &case, json!({"action": "keep"})).await.refused(422, "moderation.invalid_decision");
    decide(&mona, &case, json!({"action": "overturn"})).await.expect(200);
    harness.world.settle().await;
    let overturned = only(harness.listener.events::<Overturned>());
    assert_eq!((overturned.id, overturned.check), (verdict.id, Some(verdict.check)));
    assert!(harness.listener.events::<Released>().is_empty(), "it is delivered once");
    assert_eq!(harness.listener.events::<AppealAnswered>().len(), 1);

    // One that is upheld removes what is held: nothing waits after a decision.
    let verdict = hold(&harness, &ada, "and at http://example.net/choir").await;
    ada.post("/v1/appeals", &json!({"verdict": verdict.id, "text": "This too."})).await.expect(201);
    decide(&mona, &only(harness.open(&mona).await), json!({"action": "uphold"})).await.expect(200);
    harness.world.settle().await;
    let decided = only(harness.listener.events::<Decided>());
    assert!(decided.removes && decided.action == Action::Uphold && decided.thing == verdict.thing);

    // A member who is held again and again does not fill the queue, and a decision makes room.
    for number in 0..4 {
        hold(&harness, &ada, &format!("again at http://example.org/{number}")).await;
    }
    let open = harness.open(&mona).await;
    assert_eq!(open.len(), 2);
    let refused = harness.listener.events::<Decided>().split_off(1);
    let refused: Vec<_> = refused.iter().map(|decided| (decided.action, decided.removes, decided.id)).collect();
    let own = ada.get("/v1/me/decisions").await.expect(200).json();
    let waited: Vec<_> = own["items"].as_array().unwrap().iter().filter(|item| item["action"] == "remove").collect();
    assert_eq!((refused.len(), waited.len()), (2, 2), "the oldest two are refused: {own}");
    for (at, item) in waited.iter().rev().enumerate() {
        assert_eq!(json!(refused[at].2), item["id"], "oldest first");
        assert!(refused[at].0 == Action::Remove && refused[at].1, "{refused:?}");
        assert!(item["statement"].as_str().unwrap().contains("waits for a moderator"), "{item}");
    }
    // Beside appeals that wait, no more than that many against checks; and an appealed one is not refused for others.
    for item in &waited {
        ada.post("/v1/appeals", &json!({"verdict": item["id"], "text": "Why?"})).await.expect(201);
    }
    let third = open[0].rsplit('/').next().unwrap();
    let appeal = json!({"verdict": third, "text": "And this?"});
    ada.post("/v1/appeals", &appeal).await.refused(429, "moderation.too_many_appeals");
    decide(&mona, &open[0], json!({"action": "keep"})).await.expect(200);
    hold(&harness, &ada, "once more at http://example.org/").await;
    assert_eq!(harness.open(&mona).await.len(), 4, "two appeals, and two that are held");
    // While a moderator has them all, another one is refused itself.
    let max = harness.moderator("max");
    for case in harness.open(&mona).await {
        claim(&max, &case).await.expect(200);
    }
    let late = hold(&harness, &ada, "and again at http://example.org/").await;
    assert_eq!(harness.listener.events::<Decided>().pop().map(|decided| decided.id), Some(late.id));
    harness.world.end().await;
}
