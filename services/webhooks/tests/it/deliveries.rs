//! What receivers get: payloads, signatures, the order, the log.

use super::receiver::Answer;
use super::*;
use chrono::TimeDelta;
use contract::media::Received as MediaReceived;
use std::process::Command;
use testkit::logs::TITLE;

/// Verifies messages with the reference library: each with a secret, its headers and its body, from standard input.
const VERIFY: &str = "
import json, sys
from standardwebhooks.webhooks import Webhook
for message in json.load(sys.stdin):
    print(json.dumps(Webhook(message['secret']).verify(message['body'], message['headers'])))
";

/// Returns what the reference library (PyPI `standardwebhooks`) reads from messages; fails the test if it refuses one.
pub(super) fn verify(messages: &[(&str, &receiver::Received)]) -> Vec<Value> {
    let modules = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools/standardwebhooks");
    assert!(modules.exists(), "type `dev/python standardwebhooks` in the repository's folder (`make test` does, too)");
    let names = ["webhook-id", "webhook-timestamp", "webhook-signature"];
    let shown = messages.iter().map(|(secret, message)| {
        let headers: Vec<(&str, &str)> = names.iter().map(|&name| (name, message.header(name))).collect();
        json!({ "secret": secret, "body": message.body, "headers": Value::from_iter(headers) })
    });
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), shown.collect::<Value>().to_string()).unwrap();
    let mut command = Command::new("python3");
    command.args(["-c", VERIFY]).env("PYTHONPATH", modules).stdin(file.reopen().unwrap());
    let output = command.output().expect("python3 runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn received(world: &World) -> MediaReceived {
    serde_json::from_value(json!({
        "id": "5kT0vYq8Zb3mXw1RcHs9Ga", "owner": world.ada().id, "kind": "video", "format": "mp4",
        "content_type": "video/mp4", "name": TITLE, "bytes": 5, "sha256": "ab", "object": "5k/T0vYq8Zb3mXw1RcHs9Ga",
        "scrub": null, "visibility": "private", "width": 1920, "height": 1080, "duration_ms": null, "orientation": 1,
        "created_at": world.clock().now(),
    }))
    .unwrap()
}

#[tokio::test]
async fn a_delivery_is_what_the_reference_library_verifies_also_while_its_secret_changes() {
    let world = local().start(&[webhooks::service()]).await;
    let (operator, receiver) = (operator(&world), Receiver::start().await);
    let (webhook, secret) = create(&operator, &receiver, "/hook", &["media.received"]).await;
    let (other, other_secret) = create(&operator, &receiver, "/other", &["account.erased"]).await;
    let event = received(&world);
    publish(&world, "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c11", &event).await;
    // Publishing it again changes nothing.
    publish(&world, "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c11", &event).await;
    let newest = wait_for_newest(&world, &webhook, "it arrives", |newest| newest["state"] == "delivered").await;
    let first = receiver.received("/hook").remove(0);
    assert_eq!(newest["event_id"], first.header("webhook-id"));
    assert_eq!((&newest["event_type"], &newest["next_attempt_at"]), (&json!("media.received"), &Value::Null));
    assert_eq!(newest["attempts"][0]["status"], 204);
    assert_eq!(first.header("content-type"), "application/json");
    assert_eq!(first.header("webhook-timestamp"), world.clock().now().timestamp().to_string());
    let payload = json!({
        "type": "media.received",
        "timestamp": event.created_at,
        "data": {
            "id": "5kT0vYq8Zb3mXw1RcHs9Ga", "owner": world.ada().id, "kind": "video", "format": "mp4", "bytes": 5,
            "visibility": "private", "width": 1920, "height": 1080, "duration_ms": null,
        },
    });
    assert_eq!(first.json(), payload);

    // For a day both secrets sign.
    let rotated = operator.post(&format!("{webhook}/secret"), &json!({})).await.expect(200).json();
    let new_secret = rotated["secret"].as_str().unwrap();
    assert_ne!(new_secret, secret);
    operator.post(&format!("{webhook}/test"), &json!({})).await.expect(202);
    let second = receiver.wait_for(&world, "/hook", 2).await.remove(1);
    let verified = verify(&[(&secret, &first), (&secret, &second), (new_secret, &second)]);
    assert_eq!(verified, [payload, second.json(), second.json()]);
    assert_eq!(second.json()["type"], "webhook.test");
    assert!(!second.header("webhook-signature").contains(first.header("webhook-signature")));
    world.clock().advance(TimeDelta::hours(25));
    operator.post(&format!("{webhook}/test"), &json!({})).await.expect(202);
    let third = receiver.wait_for(&world, "/hook", 3).await.remove(2);
    let signatures = |message: &receiver::Received| message.header("webhook-signature").split(' ').count();
    assert_eq!([&first, &second, &third].map(signatures), [1, 2, 1]);

    // The other one has subscribed to something else, and has another secret.
    assert_ne!(other_secret, secret);
    assert!(deliveries(&operator, &other).await.is_empty() && receiver.received("/other").is_empty());
    world.end().await;
}

#[tokio::test]
async fn deliveries_arrive_in_order_and_a_receiver_that_hangs_delays_no_other() {
    let world = local().start(&[webhooks::service()]).await;
    let (operator, receiver) = (operator(&world), Receiver::start().await);
    receiver.answer("/hang", Answer::Hang);
    let (hanging, _) = create(&operator, &receiver, "/hang", &["account.privacy_changed"]).await;
    let (good, _) = create(&operator, &receiver, "/good", &["account.privacy_changed"]).await;
    let ids: Vec<String> = (0..10).map(|number| format!("event-{number:02}")).collect();
    for id in &ids {
        world.clock().advance(TimeDelta::milliseconds(1));
        publish_change(&world, id).await;
    }
    let arrived = receiver.wait_for(&world, "/good", ids.len()).await;
    let arrived: Vec<&str> = arrived.iter().map(|message| message.header("webhook-id")).collect();
    assert_eq!(arrived, ids);
    assert!(receiver.received("/hang").len() < ids.len(), "one request at a time");

    // A page at a time, newest first.
    let path = format!("{good}/deliveries?limit=6");
    wait_for_newest(&world, &good, "all are recorded", |newest| newest["state"] == "delivered").await;
    let page = operator.get(&path).await.expect(200).json();
    let rest = operator.get(&format!("{path}&after={}", page["next"].as_str().unwrap())).await.expect(200).json();
    let sizes = [&page, &rest].map(|page| page["items"].as_array().unwrap().len());
    assert_eq!((sizes, &rest["next"]), ([6, 4], &Value::Null));
    let waiting = operator.get(&format!("{hanging}/deliveries?state=waiting")).await.expect(200).json();
    assert_eq!(waiting["items"].as_array().unwrap().len(), ids.len());
    let none = operator.get(&format!("{good}/deliveries?state=failed")).await.expect(200).json();
    assert_eq!(none["items"], json!([]));
    world.end().await;
}

#[tokio::test]
async fn an_erased_account_leaves_only_the_delivery_that_tells_of_it() {
    let world = local().start(&[webhooks::service()]).await;
    let (operator, receiver) = (operator(&world), Receiver::start().await);
    let events = ["media.received", "account.erased"];
    let (webhook, _) = create(&operator, &receiver, "/hook", &events).await;
    publish(&world, "e1", &received(&world)).await;
    receiver.wait_for(&world, "/hook", 1).await;
    publish_erasure(&world, "e2").await;
    let erased = receiver.wait_for(&world, "/hook", 2).await.remove(1).json();
    assert_eq!((&erased["type"], &erased["data"]), (&json!("account.erased"), &json!({ "id": world.ada().id })));
    let left = deliveries(&operator, &webhook).await;
    assert_eq!(left.iter().map(|delivery| delivery["event_type"].clone()).collect::<Vec<_>>(), ["account.erased"]);
    world.end().await;
}
