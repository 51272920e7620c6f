//! Devices: what is refused, whose they are, and how many there may be.

use contract::AccountId;
use contract::accounts::{Erased, SessionsEnded};
use futures::{StreamExt as _, stream};
use http::Method;
use serde_json::{Value, json};
use testkit::World;
use uuid::Uuid;

use crate::fixtures::{follow, ids, publish_all};
use crate::push_service::{
    APNS_TOKEN, Answer, DEVICES, FCM, PushService, pushes, register, register_fcm, wait_for_pushes,
};

#[tokio::test]
async fn devices_that_can_not_be_are_refused_and_change_nothing() {
    let service = PushService::start().await;
    let world = service.world().start(&[notify::service()]).await;
    let ada = world.ada();
    let web = |endpoint: &str| {
        let mut subscription = service.subscription("/");
        subscription["endpoint"] = json!(endpoint);
        json!({ "kind": "webpush", "subscription": subscription })
    };
    let keys = |keys: Value| {
        let mut subscription = service.subscription("/");
        subscription["keys"] = keys;
        json!({ "kind": "webpush", "subscription": subscription })
    };
    for wrong in [
        json!({ "kind": "fcm" }),
        json!({ "kind": "fcm", "token": "" }),
        json!({ "kind": "fcm", "token": "a".repeat(10_000) }),
        json!({ "kind": "apns", "token": "../../etc/passwd" }),
        json!({ "kind": "apns", "token": APNS_TOKEN, "subscription": service.subscription("/") }),
        json!({ "kind": "webpush", "token": "a" }),
        keys(json!({ "p256dh": "AAAA", "auth": "AAAA" })),
        web("https://10.0.0.1/"),
        web("https://169.254.169.254/latest/meta-data"),
        web("https://[::1]/"),
        web("http://push.example@1.1.1.1/"),
        web("file:///etc/passwd"),
        web("http://1.1.1.1/"),
    ] {
        // Without TLS only addresses of the allowed network are registered.
        ada.post(DEVICES, &wrong).await.refused(422, "notify.invalid_device");
    }
    ada.post(DEVICES, &json!({ "kind": "pager", "token": "a" })).await.refused(422, "request.invalid");
    let huge = ada.post(DEVICES, &json!({ "kind": "fcm", "token": "a".repeat(1_000_000) })).await;
    assert!(huge.status.is_client_error(), "{huge}");
    assert_eq!(ada.get(DEVICES).await.expect(200).json()["items"], json!([]));
    world.anonymous().post(DEVICES, &json!({ "kind": "fcm", "token": "a" })).await.refused(401, "auth.required");
    world.anonymous().get("/v1/push/key").await.refused(401, "auth.required");
    world.end().await;

    // Without keys no device can be reached.
    let world = World::of(&[notify::service()]).await;
    let key = world.ada().get("/v1/push/key").await.expect(200).json();
    assert_eq!(key, json!({ "public_key": null, "kinds": [] }));
    world.ada().post(DEVICES, &json!({ "kind": "fcm", "token": "a" })).await.refused(409, "notify.no_push_key");
    world.end().await;
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let service = PushService::start().await;
    service.answer("/web/1", Answer::of(307, json!(null)).with("location", "/web/2"));
    let world = service.world().start(&[notify::service()]).await;
    let (ada, bob) = (world.ada(), world.bob());
    register(&ada, &json!({ "kind": "webpush", "subscription": service.subscription("/web/1") })).await;
    follow(&world, &bob, &ada).await;
    service.wait_for(&world, "/web/1", 1).await;
    wait_for_pushes(&world, "it is given up", <[_]>::is_empty).await;
    assert!(service.received("/web/2").is_empty());
    world.end().await;
}

#[tokio::test]
async fn a_member_has_twenty_of_a_thousand_devices_and_a_token_has_one_owner() {
    let service = PushService::start().await;
    let world = service.world().start(&[notify::service()]).await;
    let (ada, bob) = (world.ada(), world.bob());
    let tokens: Vec<String> = (0..999).map(|number| format!("token-{number}")).collect();
    // Many at once, which a transaction writes together.
    let registered = stream::iter(&tokens).map(|token| register_fcm(&ada, token)).buffer_unordered(50);
    assert_eq!(registered.count().await, 999);
    let last = register_fcm(&ada, "token-999").await;
    let devices = ada.get(DEVICES).await.expect(200).json();
    assert_eq!(devices["items"].as_array().unwrap().len(), 20);
    assert!(ids(&devices).contains(&last));
    assert!(!devices.to_string().contains("token-"), "no response has a token");
    // The same token again is the same device; of another member it is another one.
    assert_eq!(register_fcm(&ada, "token-999").await, last);
    let moved = register_fcm(&bob, "token-999").await;
    assert_ne!(moved, last);
    assert_eq!(ada.get(DEVICES).await.expect(200).json()["items"].as_array().unwrap().len(), 19);
    // What is another member's is not there.
    for path in [format!("{DEVICES}/{moved}"), format!("{DEVICES}/{last}")] {
        ada.delete(&path).await.refused(404, "notify.no_such_device");
        let shown = ada.request(Method::POST, &format!("{path}/foreground")).json(&json!({ "foreground": true }));
        ada.send(shown).await.refused(404, "notify.no_such_device");
    }
    bob.delete(&format!("{DEVICES}/{moved}")).await.expect(204);
    follow(&world, &ada, &bob).await;
    assert!(pushes(&world).await.is_empty() && service.received(FCM).is_empty());
    world.end().await;
}

#[tokio::test]
async fn an_erased_member_has_no_devices_and_no_pushes() {
    let service = PushService::start().await;
    service.answer(FCM, Answer::of(503, json!(null)));
    let world = service.world().start(&[notify::service()]).await;
    let (ada, bob) = (world.ada(), world.bob());
    register_fcm(&ada, "fcm-token").await;
    follow(&world, &bob, &ada).await;
    wait_for_pushes(&world, "it waits", |rows| rows.iter().any(|row| row.attempts > 0)).await;
    let erased = Erased { account: AccountId(ada.id), handle: "ada".into(), at: world.clock().now() };
    publish_all(&world, &[erased]).await;
    assert!(pushes(&world).await.is_empty());
    // A request that was on its way brings nothing back.
    register_fcm(&ada, "fcm-token").await;
    assert_eq!(ada.get(DEVICES).await.expect(200).json()["items"], json!([]));
    world.end().await;
}

#[tokio::test]
async fn a_session_that_has_ended_has_no_devices_and_registers_none() {
    let service = PushService::start().await;
    let world = service.world().start(&[notify::service()]).await;
    let session = |number| world.member_who("ada", &["member"], |claims| claims.sid = Uuid::from_u128(number));
    let (lost, kept, bob) = (session(7), session(8), world.bob());
    for token in ["lost", "moved"] {
        register_fcm(&lost, token).await;
    }
    register_fcm(&kept, "kept").await;
    register_fcm(&kept, "moved").await;
    let (account, sessions) = (AccountId(lost.id), vec![Uuid::from_u128(7)]);
    publish_all(&world, &[SessionsEnded { account, sessions, at: world.clock().now() }]).await;
    assert_eq!(kept.get(DEVICES).await.expect(200).json()["items"].as_array().unwrap().len(), 2);
    // A request that was on its way, with a token that this process still takes.
    lost.post(DEVICES, &json!({ "kind": "fcm", "token": "lost" })).await.refused(401, "auth.session_ended");
    follow(&world, &bob, &kept).await;
    let mut told: Vec<Value> =
        service.wait_for(&world, FCM, 2).await.iter().map(|push| push.json()["message"]["token"].clone()).collect();
    told.sort_unstable_by_key(Value::to_string);
    assert_eq!(told, ["kept", "moved"]);
    world.end().await;
}
