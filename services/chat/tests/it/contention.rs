//! Many writes at once through several processes: one sequence without a gap, each message once, one order for all.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use http::{Method, Request, header};
use serde_json::{Value, json};
use testkit::TestClient;
use tokio::task::JoinSet;
use tower::ServiceExt as _;

use crate::fixtures::{Harness, boxed, changes};

/// Processes that write at once.
const INSTANCES: usize = 2;
/// Messages of each member, which is within the rate of a new one.
const MESSAGES: usize = 5;

/// Sends a request to one of the instances, and returns the body of its response.
async fn call(router: &Router, member: &TestClient, path: &str, body: &Value) -> Value {
    let request = Request::builder()
        .method(Method::POST)
        .uri(path)
        .header(header::AUTHORIZATION, format!("Bearer {}", member.token().unwrap()))
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(body.to_string()))
        .unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    assert!(status.is_success(), "{path}: {status} {bytes:?}");
    serde_json::from_slice(&bytes).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_message_is_there_once_and_in_the_same_order_for_all() {
    let harness = Harness::new().await;
    let names: Vec<String> = (0..10).map(|number| format!("singer{number}")).collect();
    let members: Vec<TestClient> = names.iter().map(|name| harness.member(name)).collect();
    for member in &members[1..] {
        harness.follow(member, &members[0]);
    }
    let others: Vec<&str> = names[1..].iter().map(String::as_str).collect();
    let group = harness.begin(&members[0], &others, Some("Choir")).await;
    let routers = Arc::new(harness.world.instances(&chat::service(), INSTANCES).await);
    let mut calls = JoinSet::new();
    for (member, name) in members.iter().zip(&names) {
        for number in 0..MESSAGES {
            // Each is sent twice at once, as by a client that heard nothing.
            for instance in 0..INSTANCES {
                let (routers, member, group, client_id) =
                    (routers.clone(), member.clone(), group.clone(), format!("{name}-{number}"));
                calls.spawn(async move {
                    let body = json!({"client_id": client_id, "text": client_id});
                    let sent = call(&routers[instance], &member, &format!("{group}/messages"), &body).await;
                    call(&routers[instance], &member, &format!("{group}/read"), &json!({"seq": sent["seq"]})).await;
                    (client_id, sent["id"].clone(), sent["seq"].clone())
                });
            }
        }
    }
    let mut sent: HashMap<String, (Value, Value)> = HashMap::new();
    for (client_id, id, seq) in calls.join_all().await {
        let first = sent.entry(client_id).or_insert_with(|| (id.clone(), seq.clone()));
        assert_eq!(*first, (id, seq), "two messages of one client id");
    }
    assert_eq!(sent.len(), members.len() * MESSAGES);

    let read = async |member: &TestClient| -> Vec<(i64, String)> {
        let page = member.get(&format!("{group}/messages?after=0&limit=100")).await.expect(200).json();
        let items = page["items"].as_array().unwrap();
        items.iter().map(|item| (item["seq"].as_i64().unwrap(), item["text"].as_str().unwrap().to_owned())).collect()
    };
    let transcript = read(&members[0]).await;
    assert_eq!(transcript.len(), sent.len());
    for member in &members[1..] {
        assert_eq!(read(member).await, transcript);
    }
    for (seq, text) in &transcript {
        assert_eq!(sent[text].1, *seq);
    }
    let (mut kinds, mut after) = (Vec::new(), 0);
    loop {
        let page = changes_after(&members[0], &group, after).await;
        if page.is_empty() {
            break;
        }
        after += i64::try_from(page.len()).unwrap();
        kinds.extend(page);
    }
    assert_eq!(kinds.iter().filter(|kind| *kind == "message").count(), sent.len());
    members[1].post(&format!("{group}/read"), &json!({})).await.expect(204);
    assert_eq!(boxed(&members[1], "inbox").await[0]["unread"], 0);
    assert!(changes(&members[0], &group, after).await.len() <= 1);
    harness.world.end().await;
}

/// Returns the kinds of a page of changes, whose places follow each other.
async fn changes_after(member: &TestClient, group: &str, after: i64) -> Vec<String> {
    let page = member.get(&format!("{group}/changes?after={after}&limit=100")).await.expect(200).json();
    let found = page["changes"].as_array().unwrap();
    for (expected, change) in (after + 1..).zip(found) {
        assert_eq!(change["seq"], expected, "a gap");
    }
    found.iter().map(|change| change["kind"].as_str().unwrap().to_owned()).collect()
}
