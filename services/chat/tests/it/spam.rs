//! A classifier of texts outside: what it is asked about, and what its scores lead to.

use std::sync::Arc;

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::fixtures::Harness;

/// The base64 of 32 bytes.
const SECRET: &str = "whsec_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";

/// Takes a text for spam if it has the word, and never answers about another one.
async fn score(State(asked): State<Arc<Mutex<Vec<String>>>>, Json(body): Json<Value>) -> Json<Value> {
    let text = body["text"].as_str().unwrap().to_owned();
    asked.lock().push(text.clone());
    if text.contains("hang") {
        std::future::pending::<()>().await;
    }
    Json(json!({"score": if text.contains("lottery") { 0.97 } else { 0.01 }}))
}

#[tokio::test]
async fn first_messages_to_strangers_are_scored_and_no_others() {
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let routes = Router::new().route("/score", post(score)).with_state(asked.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/score", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, SECRET).unwrap();
    let harness = Harness::with_all(&[
        &format!("screening.text_webhook={url}"),
        &format!("screening.webhook_secret_file={}", secret.display()),
        "screening.deadline_ms=5000",
    ])
    .await;
    let [ada, bob] = harness.members(["ada", "bob"]);
    harness.member("cy");
    harness.follow(&bob, &ada);
    let friends = harness.begin(&ada, &["bob"], None).await;
    let sent = harness.say(&ada, &friends, "we won the lottery").await.expect(201).json();
    assert_eq!((&sent["verdict"]["outcome"], asked.lock().len()), (&json!("deliver"), 0), "friends are not read");

    let strangers = harness.begin(&ada, &["cy"], None).await;
    let sent = harness.say(&ada, &strangers, "hello").await.expect(201).json();
    assert_eq!(sent["verdict"]["outcome"], "request_box");
    let held = harness.say(&ada, &strangers, "you have won the lottery").await.expect(201).json();
    let verdict = &held["verdict"];
    assert_eq!((&verdict["outcome"], &verdict["reason"]), (&json!("hold"), &json!("screening.spam")));
    assert_eq!(verdict["can_appeal"], true);
    assert_eq!(*asked.lock(), ["hello", "you have won the lottery"]);
    harness.world.end().await;

    // A classifier that does not answer delays a message by its deadline, and changes nothing for honest members.
    let harness = Harness::with_all(&[
        &format!("screening.text_webhook={url}"),
        &format!("screening.webhook_secret_file={}", secret.display()),
    ])
    .await;
    let ada = harness.member("ada");
    harness.member("cy");
    let strangers = harness.begin(&ada, &["cy"], None).await;
    let sent = harness.say(&ada, &strangers, "hang on").await.expect(201).json();
    assert_eq!(sent["verdict"]["outcome"], "request_box");
    harness.world.end().await;
}
