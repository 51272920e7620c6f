//! Appeals against decisions of moderators and verdicts of checks.

use chrono::TimeDelta;
use contract::AccountId;
use contract::accounts::{AccountState, SanctionImposed};
use contract::moderation::{Action, AppealAnswered, Evidence, Overturned, Screened};
use http::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::fixtures::{Harness, claim, comment_of, decide, only};

const APPEALS: &str = "/v1/appeals";

#[tokio::test]
async fn another_moderator_answers_an_appeal_and_undoes_the_decision() {
    let harness = Harness::new().await;
    let (ada, bob) = (harness.world.ada(), harness.world.bob());
    harness.report(&bob, &ada, "c1", "buy at my shop").await;
    let (mona, max) = (harness.moderator("mona"), harness.moderator("max"));
    let case = only(harness.open(&mona).await);
    decide(&mona, &case, json!({"action": "remove"})).await.expect(200);
    let own = ada.get("/v1/me/decisions").await.expect(200).json();
    let verdict = own["items"][0]["id"].clone();

    let appeal = json!({"verdict": verdict, "text": " It was a quotation. "});
    bob.post(APPEALS, &appeal).await.refused(404, "moderation.no_such_decision");
    harness.world.anonymous().post(APPEALS, &appeal).await.refused(401, "auth.required");
    let silent = json!({"verdict": verdict, "text": " "});
    ada.post(APPEALS, &silent).await.refused(422, "moderation.invalid_appeal");
    let send = async || {
        let request = ada.request(Method::POST, APPEALS).header("idempotency-key", "k1");
        ada.send(request.json(&appeal)).await.expect(201)
    };
    let (sent, repeated) = (send().await, send().await);
    assert_eq!((sent.json()["text"].clone(), repeated.json()), (json!("It was a quotation."), sent.json()));
    ada.post(APPEALS, &appeal).await.refused(409, "moderation.appealed_already");
    let shown = ada.get("/v1/me/decisions").await.expect(200).json();
    assert_eq!(
        (&shown["items"][0]["appeal"]["state"], &shown["items"][0]["can_appeal"]),
        (&json!("open"), &json!(false))
    );

    let appealed = only(harness.open(&max).await);
    claim(&mona, &appealed).await.refused(403, "moderation.own_case");
    let shown = max.get(&appealed).await.expect(200).json();
    assert_eq!((&shown["appeal"], &shown["appealed"]["id"]), (&json!("It was a quotation."), &verdict));
    decide(&max, &appealed, json!({"action": "warn"})).await.refused(422, "moderation.invalid_decision");
    decide(&max, &appealed, json!({"action": "overturn", "statement": "You are right."})).await.expect(200);
    harness.world.settle().await;
    let overturned = only(harness.listener.events::<Overturned>());
    assert_eq!((json!(overturned.id), overturned.action, overturned.check), (verdict, Action::Remove, None));
    let answer = only(harness.listener.events::<AppealAnswered>());
    assert!(answer.is_overturned && answer.member == AccountId(ada.id));
    let shown = ada.get("/v1/me/decisions").await.expect(200).json();
    assert_eq!(shown["items"].as_array().unwrap().len(), 1, "the answer is no decision against the member");
    let answered = &shown["items"][0]["appeal"];
    assert_eq!((&answered["state"], &answered["answer"]), (&json!("overturned"), &json!("You are right.")));
    ada.post(APPEALS, &appeal).await.refused(404, "moderation.no_such_decision");

    // What only an operator decides, a moderator does not undo.
    harness.report(&bob, &ada, "c2", "buy at my shop again").await;
    let [olga, ole] = ["olga", "ole"].map(|name| harness.world.operator(name, &["operator"]));
    let case = only(harness.open(&olga).await);
    decide(&olga, &case, json!({"action": "ban"})).await.expect(200);
    let verdict = ada.get("/v1/me/decisions").await.expect(200).json()["items"][0]["id"].clone();
    ada.post(APPEALS, &json!({"verdict": verdict, "text": "I did not."})).await.expect(201);
    let appealed = only(harness.open(&max).await);
    decide(&max, &appealed, json!({"action": "overturn"})).await.refused(403, "moderation.beyond_role");
    max.delete(&format!("{appealed}/claim")).await.expect(204);
    decide(&ole, &appealed, json!({"action": "overturn"})).await.expect(200);
    harness.world.end().await;
}

#[tokio::test]
async fn an_overturned_verdict_names_the_check_that_it_exempts_from() {
    let harness = Harness::new().await;
    let (ada, max) = (harness.world.ada(), harness.moderator("max"));
    let verdict = |id: Uuid| Screened {
        id,
        thing: comment_of("c1"),
        owner: AccountId(ada.id),
        check: "screening.many_links".into(),
        statement: "This has many links for a first contact, so a moderator reads it first.".into(),
        evidence: Evidence::of("https://a.example https://b.example", [], None),
        is_held: false,
        at: harness.world.clock().now(),
    };
    let [first, second] = [Uuid::now_v7(), Uuid::now_v7()];
    for id in [first, second, first] {
        harness.publish(&verdict(id)).await;
    }
    let own = ada.get("/v1/me/decisions").await.expect(200).json();
    let items: &Vec<Value> = own["items"].as_array().unwrap();
    assert_eq!((items.len(), &items[0]["is_automatic"], &items[0]["action"]), (2, &json!(true), &json!("screened")));
    for id in [first, second] {
        harness.world.clock().advance(TimeDelta::seconds(1));
        ada.post(APPEALS, &json!({"verdict": id, "text": "These are my own pages."})).await.expect(201);
    }
    let open = harness.open(&max).await;
    let (one, other) = (&open[0], &open[1]);
    decide(&max, one, json!({"action": "overturn"})).await.expect(200);
    decide(&max, other, json!({"action": "uphold"})).await.expect(200);
    harness.world.settle().await;
    let overturned = only(harness.listener.events::<Overturned>());
    assert_eq!((overturned.id, overturned.check.as_deref()), (first, Some("screening.many_links")));
    assert_eq!(harness.listener.events::<AppealAnswered>().len(), 2);
    harness.world.end().await;
}

#[tokio::test]
async fn a_banned_member_reads_why_and_appeals_once_and_an_operator_ends_the_ban() {
    let harness = Harness::new().await;
    let world = &harness.world;
    let (ole, olga) = (world.operator("ole", &["operator"]), world.operator("olga", &["operator"]));
    let eve = world.member_who("eve", &["member"], |claims| {
        claims.scope = vec![http_server::auth::APPEALS_SCOPE.to_owned()];
    });
    let imposed = SanctionImposed {
        id: Uuid::now_v7(),
        account: AccountId(eve.id),
        state: AccountState::Banned,
        statement: "Threats.".into(),
        until: None,
        by: AccountId(ole.id),
        at: world.clock().now(),
    };
    for _ in 0..2 {
        harness.publish(&imposed).await;
    }
    let own = only(eve.get("/v1/me/decisions").await.expect(200).json()["items"].as_array().unwrap().clone());
    assert_eq!((&own["id"], &own["statement"]), (&json!(imposed.id), &json!("Threats.")), "{own}");
    assert_eq!((&own["is_automatic"], &own["can_appeal"]), (&json!(false), &json!(true)), "{own}");
    eve.get(&format!("/v1/me/decisions/{}", imposed.id)).await.expect(200);
    let appeal = json!({"verdict": imposed.id, "text": "It was a line of a song."});
    let send = async || {
        let request = eve.request(Method::POST, APPEALS).header("idempotency-key", "k1");
        eve.send(request.json(&appeal)).await.expect(201)
    };
    assert_eq!(send().await.json(), send().await.json());
    eve.post(APPEALS, &appeal).await.refused(409, "moderation.appealed_already");
    // The queue is for operators, and for nothing less than their own token.
    eve.get(crate::fixtures::QUEUE).await.refused(403, "auth.suspended");

    let case = only(harness.open(&olga).await);
    claim(&ole, &case).await.refused(403, "moderation.own_case");
    decide(&olga, &case, json!({"action": "overturn", "statement": "You are right."})).await.expect(200);
    world.settle().await;
    let overturned = only(harness.listener.events::<Overturned>());
    assert_eq!((overturned.id, overturned.action), (imposed.id, Action::Ban));
    harness.world.end().await;
}
