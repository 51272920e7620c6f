//! From a report to its outcome through the real roles: social reports, a moderator decides, social removes, accounts
//! limits, media refuses the file, notify tells; an appeal ends what can end. As with messages: what a check of chat
//! holds is delivered after an appeal, and removed after a report; and what is like a known picture is withheld.
//!
//! The roles run behind one listener without the gateway, which does not route to the operators' operations.

use contract::Event as _;
use contract::moderation::Decided;
use contract::transcode::Ready;
use http::Method;
use serde_json::{Value, json};
use testkit::{TestClient, World};

use crate::standing::operator;
use crate::wav::wave;

const PASSWORD: &str = "a fine long password";
const QUEUE: &str = "/v1/admin/moderation/queue";

async fn member(world: &World, name: &str) -> TestClient {
    let body = json!({"handle": name, "email": format!("{name}@example.org"), "password": PASSWORD});
    let signed_in = world.anonymous().post("/v1/accounts", &body).await.expect(201).json();
    world.anonymous().with_token(signed_in["access_token"].as_str().unwrap())
}

async fn upload(member: &TestClient) -> u16 {
    let request = member.request(Method::POST, "/v1/media").header("content-type", "audio/wav");
    member.send(request.body(wave(&vec![0; 88_200]))).await.status.as_u16()
}

/// Claims the one open case and decides about it.
async fn decide(moderator: &TestClient, body: Value) {
    let listed = moderator.get(QUEUE).await.expect(200).json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1, "{listed}");
    let case = format!("{QUEUE}/{}", listed["items"][0]["id"].as_str().unwrap());
    moderator.post(&format!("{case}/claim"), &json!({})).await.expect(200);
    moderator.post(&format!("{case}/decide"), &body).await.expect(200);
}

/// Returns the kinds of a member's notices, the newest first.
async fn notices(member: &TestClient) -> Vec<Value> {
    let listed = member.get("/v1/notifications").await.expect(200).json();
    listed["items"].as_array().unwrap().iter().map(|notice| notice["kind"].clone()).collect()
}

/// Lets Eve write to Bob what a check holds, appeal, and be reported.
async fn a_held_message_is_delivered_and_a_reported_one_removed(
    world: &World,
    moderator: &TestClient,
    (bob, eve): (&TestClient, &TestClient),
) {
    let begun = eve.post("/v1/conversations", &json!({"members": ["bob"]})).await.expect(201).json();
    let messages = format!("/v1/conversations/{}/messages", begun["id"].as_str().unwrap());
    let body = json!({"client_id": "1", "text": "fr\u{200b}ee m\u{200b}\u{200b}oney from home"});
    let held = eve.post(&messages, &body).await.expect(201).json();
    assert_eq!(held["verdict"]["reason"], "screening.disguised_text", "{held}");
    let message = format!("/v1/messages/{}", held["id"].as_str().unwrap());
    bob.get(&message).await.refused(404, "chat.not_found");
    world.settle().await;
    let appeal = json!({"verdict": held["verdict"]["id"], "text": "My keyboard does that."});
    eve.post("/v1/appeals", &appeal).await.expect(201);
    decide(moderator, json!({"action": "overturn", "reason": "It does."})).await;
    world.settle().await;
    assert_eq!(bob.get(&message).await.expect(200).json()["state"], "sent");

    bob.post(&format!("{message}/reports"), &json!({"reason": "spam"})).await.expect(201);
    world.settle().await;
    let body = json!({"action": "remove", "statement": "No advertising, please.", "reason": "After all."});
    decide(moderator, body).await;
    world.settle().await;
    assert_eq!(bob.get(&message).await.expect(200).json()["state"], "removed");
}

/// Lets Eve send what is like a listed picture, and appeal.
async fn a_known_picture_is_withheld_until_an_appeal(
    world: &World,
    operator: &TestClient,
    (bob, eve): (&TestClient, &TestClient),
) {
    let hash = "0ff0".repeat(16);
    let request = operator.request(Method::POST, "/v1/admin/listed-pictures?reason=Known");
    operator.send(request.header("content-type", "text/plain").body(hash.clone())).await.expect(200);
    let request = eve.request(Method::POST, "/v1/media?visibility=public").header("content-type", "audio/wav");
    let item = eve.send(request.body(wave(&vec![1; 88_200]))).await.expect(201).json();
    let url = format!("/v1/media/{}", item["id"].as_str().unwrap());
    bob.get(&url).await.expect(200);
    let ready = json!({"id": item["id"], "pictures": [{"hashes": vec![hash; 8], "quality": 90}]});
    let event = bus::Envelope { id: "ready".into(), subject: Ready::SUBJECT.into(), payload: ready.to_string() };
    world.process.bus.engine().publish(&[event]).await.unwrap();
    world.settle().await;
    bob.get(&url).await.refused(404, "media.not_found");
    let verdict = eve.get(&url).await.expect(200).json()["withheld"]["verdict"].clone();
    let own = eve.get("/v1/me/decisions").await.expect(200).json();
    assert!(own["items"].as_array().unwrap().iter().any(|decision| decision["id"] == verdict), "{own}");
    eve.post("/v1/appeals", &json!({"verdict": verdict, "text": "It is a rose."})).await.expect(201);
    decide(operator, json!({"action": "overturn", "reason": "It is one."})).await;
    world.settle().await;
    bob.get(&url).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_becomes_a_decision_that_every_role_follows_and_an_appeal_ends() {
    let cheap = ["accounts.argon2_memory_kib=64", "accounts.argon2_passes=1"];
    let builder = cheap.into_iter().fold(World::builder().with_real_accounts(), testkit::WorldBuilder::set);
    let roles = [
        accounts::service(),
        media::service(),
        social::service(),
        moderation::service(),
        notify::service(),
        chat::service(),
    ];
    let world = builder.start(&roles).await;
    let (olga, otto) = (operator(&world, "olga").await, operator(&world, "otto").await);
    let (bob, eve) = (member(&world, "bob").await, member(&world, "eve").await);
    let request = bob.request(Method::POST, "/v1/media").header("content-type", "audio/wav");
    let item = bob.send(request.body(wave(&vec![0; 88_200]))).await.expect(201).json();
    let post = json!({"text": "buy at my shop", "audience": "public"});
    let post = bob.post("/v1/posts", &post).await.expect(201).json();
    let url = format!("/v1/posts/{}", post["id"].as_str().unwrap());
    eve.get(&url).await.expect(200);
    let report = json!({"kind": "post", "id": post["id"], "reason": "spam"});
    eve.post("/v1/reports", &report).await.expect(201);
    world.settle().await;

    let body = json!({
        "action": "limit",
        "statement": "No advertising, please.",
        "removes": true,
        "reason": "The third time.",
    });
    decide(&olga, body).await;
    world.settle().await;
    eve.get(&url).await.refused(404, "social.not_found");
    let again = json!({"text": "buy more", "audience": "public"});
    bob.post("/v1/posts", &again).await.refused(403, "social.account_limited");
    let reports = olga.get("/v1/admin/reports?state=closed").await.expect(200).json();
    assert_eq!(reports["items"][0]["decision"], "remove");
    let audit = olga.get("/v1/admin/audit?action=moderation.case_decided").await.expect(200).json();
    assert_eq!(audit["items"][0]["reason"], "The third time.");
    assert_eq!(notices(&eve).await, ["report_answered"]);
    assert_eq!(notices(&bob).await, ["moderated"]);
    let own = bob.get("/v1/me/decisions").await.expect(200).json();
    assert_eq!(own["items"][0]["statement"], "No advertising, please.");
    let appeal = json!({"verdict": own["items"][0]["id"], "text": "It was a joke."});
    bob.post("/v1/appeals", &appeal).await.expect(201);

    // Meanwhile media refuses what a decision blocks, whoever sends it.
    let blocked = json!({
        "id": uuid::Uuid::now_v7(),
        "case": uuid::Uuid::now_v7(),
        "thing": {"role": "chat", "kind": "message", "id": "m1"},
        "owner": uuid::Uuid::now_v7(),
        "action": "warn",
        "reason": "nudity",
        "statement": "No.",
        "blocked_media": [item["id"]],
        "by": uuid::Uuid::now_v7(),
        "at": world.clock().now(),
    });
    let event = bus::Envelope { id: "blocked".into(), subject: Decided::SUBJECT.into(), payload: blocked.to_string() };
    world.process.bus.engine().publish(&[event]).await.unwrap();
    world.settle().await;
    assert_eq!(upload(&bob).await, 422);

    decide(&otto, json!({"action": "overturn", "reason": "A joke."})).await;
    world.settle().await;
    let own = bob.get("/v1/me/decisions").await.expect(200).json();
    assert_eq!(own["items"][0]["appeal"]["state"], "overturned");
    assert_eq!(notices(&bob).await, ["appeal_answered", "moderated"]);
    bob.post("/v1/posts", &again).await.expect(201);
    a_held_message_is_delivered_and_a_reported_one_removed(&world, &olga, (&bob, &eve)).await;
    a_known_picture_is_withheld_until_an_appeal(&world, &olga, (&bob, &eve)).await;
    world.end().await;
}
