//! Tests of the webhooks role over real HTTP with real SQL, with a receiver of their own. With
//! `TUTTI_TEST_DB=postgres` the rows are in PostgreSQL.
//!
//! Invariant: each test has a world of its own.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test, also in helper functions")]

mod deliveries;
mod https;
mod management;
mod older_folder;
mod receiver;
mod retries;

use bus::Envelope;
use contract::accounts::{Erased, PrivacyChanged};
use contract::webhooks::Disabled;
use contract::{AccountId, Event};
use db::Sql as _;
use serde_json::{Value, json};
use testkit::{TestClient, World, WorldBuilder};

use receiver::Receiver;

const WEBHOOKS: &str = "/v1/admin/webhooks";

/// Returns a world whose webhooks may go to loopback.
fn local() -> WorldBuilder {
    World::builder().set("webhooks.allow_networks=[\"127.0.0.0/8\"]")
}

fn operator(world: &World) -> TestClient {
    world.operator("grace", &["operator"])
}

/// Makes a webhook to a path of the receiver, and returns its URL and its secret.
async fn create(operator: &TestClient, receiver: &Receiver, path: &str, events: &[&str]) -> (String, String) {
    let body = json!({ "url": format!("{}{path}", receiver.url), "events": events });
    let created = operator.post(WEBHOOKS, &body).await.expect(201);
    (created.header("location").to_owned(), created.json()["secret"].as_str().unwrap().to_owned())
}

/// Publishes an event as its own service would.
async fn publish<E: Event>(world: &World, id: &str, event: &E) {
    let payload = serde_json::to_string(event).unwrap();
    let event = Envelope { id: id.to_owned(), subject: E::SUBJECT.to_owned(), payload };
    world.process.bus.engine().publish(&[event]).await.unwrap();
    world.settle().await;
}

/// Publishes a change of a profile, as an event that is small.
async fn publish_change(world: &World, id: &str) {
    let account = AccountId(world.ada().id);
    publish(world, id, &PrivacyChanged { account, is_private: true, at: world.clock().now() }).await;
}

/// Returns the deliveries of a webhook, the newest first.
async fn deliveries(operator: &TestClient, webhook: &str) -> Vec<Value> {
    let page = operator.get(&format!("{webhook}/deliveries")).await.expect(200).json();
    page["items"].as_array().unwrap().clone()
}

/// Waits until the newest delivery of a webhook is as `is_so` says, and returns it.
async fn wait_for_newest(world: &World, webhook: &str, promise: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let operator = operator(world);
    world
        .wait_for(promise, async || {
            deliveries(&operator, webhook).await.first().filter(|newest| is_so(newest)).cloned()
        })
        .await
}

/// Returns what was published about webhooks that were disabled.
async fn disabled(world: &World) -> Vec<Disabled> {
    #[derive(db::FromQueryResult)]
    struct Row {
        payload: String,
    }
    let text = "select payload from outbox where subject = $1 order by id";
    let sql = world.context("webhooks").db.read();
    let rows: Vec<Row> = sql.rows(text, vec![Disabled::SUBJECT.into()]).await.unwrap();
    rows.iter().map(|row| serde_json::from_str(&row.payload).unwrap()).collect()
}

/// Publishes the erasure of Ada's account.
async fn publish_erasure(world: &World, id: &str) {
    let account = AccountId(world.ada().id);
    publish(world, id, &Erased { account, handle: "ada".into(), at: world.clock().now() }).await;
}
