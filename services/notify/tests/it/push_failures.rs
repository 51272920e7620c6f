//! Providers that fail: dead tokens, `Retry-After`, and outages.

use std::sync::Arc;

use chrono::TimeDelta;
use contract::AccountId;
use contract::social::FollowRequested;
use parking_lot::Mutex;
use serde_json::json;
use testkit::World;
use tokio::net::{TcpListener, TcpStream};
use uuid::Uuid;

use crate::fixtures::{LIST, follow, publish_all};
use crate::happenings::comment;
use crate::push_service::{
    APNS_TOKEN, Answer, DEVICES, FCM, PushRow, PushService, pushes, register, register_fcm, wait_for_pushes,
};

#[tokio::test]
async fn a_dead_token_is_removed_unless_it_was_registered_since() {
    let service = PushService::start().await;
    let world = service.world().start(&[notify::service()]).await;
    let (ada, bob) = (world.ada(), world.bob());
    let dead = json!({ "error": { "status": "NOT_FOUND", "details": [{ "errorCode": "UNREGISTERED" }] } });
    service.answer(FCM, Answer::of(404, dead));
    service.answer("/web/1", Answer::of(410, json!(null)));
    // Apple says since when: an hour before the device was registered again.
    let hour_ago = (world.clock().now() - TimeDelta::hours(1)).timestamp_millis();
    let gone = json!({ "reason": "Unregistered", "timestamp": hour_ago });
    service.answer(&format!("/3/device/{APNS_TOKEN}"), Answer::of(410, gone));
    register_fcm(&ada, "fcm-token").await;
    register(&ada, &json!({ "kind": "webpush", "subscription": service.subscription("/web/1") })).await;
    let kept = register(&ada, &json!({ "kind": "apns", "token": APNS_TOKEN })).await;
    world.clock().advance(TimeDelta::seconds(1));
    follow(&world, &bob, &ada).await;
    wait_for_pushes(&world, "all are settled", <[_]>::is_empty).await;
    let devices = ada.get(DEVICES).await.expect(200).json();
    assert_eq!((devices["items"].as_array().unwrap().len(), &devices["items"][0]["id"]), (1, &json!(kept)));
    world.end().await;
}

#[tokio::test]
async fn a_server_that_asks_for_time_gets_it() {
    let service = PushService::start().await;
    service.answer("/web/1", Answer::of(429, json!(null)).with("retry-after", "1800"));
    service.answer(FCM, Answer::of(503, json!(null)).with("retry-after", "120"));
    let world = service.world().start(&[notify::service()]).await;
    let (ada, bob) = (world.ada(), world.bob());
    register_fcm(&ada, "fcm-token").await;
    register(&ada, &json!({ "kind": "webpush", "subscription": service.subscription("/web/1") })).await;
    let now = world.clock().now();
    follow(&world, &bob, &ada).await;
    let rows = wait_for_pushes(&world, "both have failed", |rows| rows.iter().all(|row| row.attempts == 1)).await;
    let mut pauses: Vec<i64> = rows.iter().map(|row| (row.due_us - now.timestamp_micros()) / 1_000_000).collect();
    pauses.sort_unstable();
    assert_eq!(pauses, [120, 1800]);
    service.answer(FCM, Answer::of(200, json!({})));
    world.clock().advance(TimeDelta::seconds(121));
    service.wait_for(&world, FCM, 2).await;
    assert_eq!(service.received("/web/1").len(), 1);
    world.end().await;
}

#[tokio::test]
async fn a_provider_that_is_down_for_ten_minutes_gets_all_by_priority_and_what_is_past_its_time_is_dropped() {
    let service = PushService::start().await;
    service.answer(FCM, Answer::of(503, json!(null)));
    let world = service.world().start(&[notify::service()]).await;
    let (ada, bob) = (world.ada(), world.bob());
    for number in 0..10 {
        register_fcm(&ada, &format!("token-{number}")).await;
    }
    // Ten of normal priority, and then ten that are urgent.
    follow(&world, &bob, &ada).await;
    wait_for_pushes(&world, "all wait", |rows| have_failed(rows, &world)).await;
    let tried = service.received(FCM).len();
    assert!((5..=10).contains(&tried), "{tried}: each is tried at most once, and the breaker opens");
    let asked = FollowRequested {
        follower: AccountId(world.member("cy").id),
        followee: AccountId(ada.id),
        at: world.clock().now(),
    };
    publish_all(&world, &[asked]).await;
    for _ in 0..4 {
        let before = attempts(&pushes(&world).await);
        world.clock().advance(TimeDelta::seconds(150));
        wait_for_pushes(&world, "a probe fails", |rows| attempts(rows) > before).await;
    }
    let outage = service.received(FCM).len();
    assert_eq!(outage, tried + 4, "one request at a time finds out whether it works again");
    service.answer(FCM, Answer::of(200, json!({})));
    world.clock().advance(TimeDelta::minutes(20));
    wait_for_pushes(&world, "all are shown", |rows| rows.len() == 20 && are_shown(rows)).await;
    let first = service.received(FCM)[outage].json();
    assert_eq!(first["message"]["data"]["kind"], "follow_requested", "the urgent ones go first");

    // The next ones wait for longer than a day.
    service.answer(FCM, Answer::of(503, json!(null)));
    follow(&world, &world.member("dee"), &ada).await;
    wait_for_pushes(&world, "they wait", |rows| have_failed(rows, &world)).await;
    service.answer(FCM, Answer::of(200, json!({})));
    let before = service.received(FCM).len();
    world.clock().advance(TimeDelta::hours(25));
    // Their devices show the earlier ones of the group.
    wait_for_pushes(&world, "they are given up", |rows| rows.len() == 20 && are_shown(rows)).await;
    assert_eq!(service.received(FCM).len(), before, "what is past its time is not sent");
    ada.post(&format!("{LIST}/read"), &json!({ "until": Uuid::max() })).await.expect(200);
    let withdrawn = service.wait_for(&world, FCM, before + 20).await.remove(before).json();
    assert_eq!(withdrawn["message"]["data"]["action"], "withdraw", "what they show goes when it is read");
    world.end().await;
}

#[tokio::test]
async fn hundreds_of_pushes_to_a_server_that_hangs_delay_no_other_server() {
    let service = PushService::start().await;
    let world = service.world().start(&[notify::service()]).await;
    let (ada, bob, eve) = (world.ada(), world.bob(), world.member("eve"));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let connections: Arc<Mutex<Vec<TcpStream>>> = Arc::default();
    let held = connections.clone();
    let accepting = tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            held.lock().push(connection);
        }
    });
    for number in 0..20 {
        let mut subscription = service.subscription("/");
        subscription["endpoint"] = json!(format!("{url}/{number}"));
        register(&eve, &json!({ "kind": "webpush", "subscription": subscription })).await;
    }
    let comments: Vec<_> = (1..=21).map(|number| comment(&world, &bob, &eve, number, 100 + number)).collect();
    publish_all(&world, &comments).await;
    world.wait_for("the server hangs", async || (!connections.lock().is_empty()).then_some(())).await;
    // All of them are more than the batches of a process have room for.
    assert_eq!(pushes(&world).await.len(), 420);
    register(&ada, &json!({ "kind": "webpush", "subscription": service.subscription("/web/1") })).await;
    follow(&world, &bob, &ada).await;
    service.wait_for(&world, "/web/1", 1).await;
    let opened = connections.lock().len();
    assert!((1..=4).contains(&opened), "{opened}: it is tried, and gets no more");
    // What still waits for a response fails, so that the world can end.
    accepting.abort();
    connections.lock().clear();
    world.end().await;
}

fn are_shown(rows: &[PushRow]) -> bool {
    rows.iter().all(|row| row.state == "shown")
}

fn attempts(rows: &[PushRow]) -> i64 {
    rows.iter().map(|row| row.attempts).sum()
}

/// Whether none is being sent, and some were tried. Those that are being sent are due again in two minutes.
fn have_failed(rows: &[PushRow], world: &World) -> bool {
    let waiting: Vec<&PushRow> = rows.iter().filter(|row| row.state == "waiting").collect();
    let soon = (world.clock().now() + TimeDelta::minutes(1)).timestamp_micros();
    waiting.iter().any(|row| row.attempts > 0) && waiting.iter().all(|row| row.due_us < soon)
}
