//! Tests of the newservice role over real HTTP with real SQL. With `TUTTI_TEST_DB=postgres` the rows are in PostgreSQL.
//!
//! Invariant: each test has a world of its own.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test, also in helper functions")]

use chrono::TimeDelta;
use contract::accounts::Erased;
use contract::{AccountId, Event as _};
use http::Method;
use bus::Envelope;
use serde_json::{Value, json};
use testkit::{TestClient, TestResponse, World};

const ENTRIES: &str = "/v1/newservice";

/// Adds an entry and returns its URL.
async fn add(member: &TestClient, text: &str) -> String {
    let response = member.post(ENTRIES, &json!({ "text": text })).await.expect(201);
    response.header("location").to_owned()
}

fn texts(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|item| item["text"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn an_entry_belongs_to_its_owner_alone() {
    let world = World::builder().set("newservice.max_entries=3").start(&[newservice::service()]).await;
    let (ada, bob) = (world.ada(), world.bob());
    let first = add(&ada, " one ").await;
    world.clock().advance(TimeDelta::seconds(1));
    add(&ada, "two").await;
    assert_eq!(ada.get(&first).await.expect(200).json()["text"], "one");

    // A page at a time, newest first.
    let page = ada.get(&format!("{ENTRIES}?limit=1")).await.expect(200).json();
    assert_eq!(texts(&page), ["two"]);
    let rest = format!("{ENTRIES}?limit=1&after={}", page["next"].as_str().unwrap());
    let rest = ada.get(&rest).await.expect(200).json();
    assert_eq!((texts(&rest), &rest["next"]), (vec!["one"], &Value::Null));

    // Strangers, callers without a token, and bad input.
    assert_eq!(texts(&bob.get(ENTRIES).await.expect(200).json()), Vec::<&str>::new());
    bob.get(&first).await.refused(404, "newservice.not_found");
    bob.delete(&first).await.refused(404, "newservice.not_found");
    world.anonymous().get(ENTRIES).await.refused(401, "auth.required");
    world.anonymous().post(ENTRIES, &json!({"text": "three"})).await.refused(401, "auth.required");
    ada.post(ENTRIES, &json!({"text": " "})).await.refused(422, "newservice.invalid_text");
    ada.post(ENTRIES, &json!({"words": "three"})).await.refused(422, "request.invalid");
    ada.get(&format!("{ENTRIES}?after=x")).await.refused(400, "request.invalid");
    ada.get(&format!("{ENTRIES}/x")).await.refused(404, "request.no_such_url");

    // A request that is sent twice is done once, and a member's entries have a bound.
    let again = async || -> TestResponse {
        let request = ada.request(Method::POST, ENTRIES).header("idempotency-key", "k1");
        ada.send(request.json(&json!({"text": "three"}))).await.expect(201)
    };
    let (sent, repeated) = (again().await, again().await);
    assert_eq!((repeated.header("idempotent-replay"), sent.json()), ("true", repeated.json()));
    ada.post(ENTRIES, &json!({"text": "four"})).await.refused(403, "newservice.too_many_entries");

    ada.delete(&first).await.expect(204);
    ada.get(&first).await.refused(404, "newservice.not_found");
    world.end().await;
}

#[tokio::test]
async fn an_erased_account_leaves_nothing() {
    let world = World::of(&[newservice::service()]).await;
    let (ada, bob) = (world.ada(), world.bob());
    for text in ["a secret wish", "another"] {
        add(&ada, text).await;
    }
    add(&bob, "to stay").await;
    let erased = Erased { account: AccountId(ada.id), handle: "ada".into(), at: world.clock().now() };
    let payload = serde_json::to_string(&erased).unwrap();
    let event = Envelope { id: "1".into(), subject: Erased::SUBJECT.into(), payload };
    world.process.bus.engine().publish(&[event]).await.unwrap();
    world.settle().await;
    assert_eq!(texts(&ada.get(ENTRIES).await.expect(200).json()), Vec::<&str>::new());
    assert_eq!(texts(&bob.get(ENTRIES).await.expect(200).json()), ["to stay"]);
    world.end().await;
}
