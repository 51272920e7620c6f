//! What providers get, and what is not pushed.

use chrono::TimeDelta;
use db::{Lane, Sql as _};
use http::{Method, Version};
use serde_json::json;

use crate::fixtures::{LIST, follow, ids, list};
use crate::happenings::block;
use crate::push_service::{APNS_TOKEN, DEVICES, FCM, PushService, pushes, register, register_fcm, wait_for_pushes};

#[tokio::test]
async fn each_provider_gets_what_its_protocol_says_and_what_is_read_elsewhere_is_withdrawn() {
    let service = PushService::start().await;
    let world = service.world().start(&[notify::service()]).await;
    let (ada, bob) = (world.ada(), world.bob());
    let key = ada.get("/v1/push/key").await.expect(200).json();
    assert_eq!(key["kinds"], json!(["fcm", "apns", "webpush"]));
    register_fcm(&ada, "fcm-token").await;
    register(&ada, &json!({ "kind": "apns", "token": APNS_TOKEN.to_uppercase(), "language": "fr" })).await;
    register(&ada, &json!({ "kind": "webpush", "subscription": service.subscription("/web/1") })).await;
    follow(&world, &bob, &ada).await;
    let notice = list(&ada, "").await["items"][0].clone();
    let apns = format!("/3/device/{APNS_TOKEN}");

    let sent = service.wait_for(&world, FCM, 1).await.remove(0);
    let body = sent.json();
    let message = &body["message"];
    assert_eq!((sent.header("authorization"), &message["token"]), ("Bearer access", &json!("fcm-token")));
    assert_eq!(message["notification"]["body"], notice["text"]);
    assert_eq!(message["data"]["url"], notice["url"]);
    assert_eq!(message["data"]["badge"], "1");
    assert_eq!(message["android"]["notification"]["tag"], notice["group"]);
    assert_eq!((&message["android"]["collapse_key"], &message["android"]["ttl"]), (&json!("people"), &json!("86400s")));
    // Firebase brings it to an iPhone too, which reads nothing of the above but the text.
    let (headers, aps) = (&message["apns"]["headers"], &message["apns"]["payload"]["aps"]);
    assert_eq!((&headers["apns-push-type"], &headers["apns-priority"]), (&json!("alert"), &json!("5")));
    let end: i64 = headers["apns-expiration"].as_str().unwrap().parse().unwrap();
    assert!(end > world.clock().now().timestamp(), "{end}");
    assert_eq!((&aps["badge"], &aps["alert"]["body"]), (&json!(1), &notice["text"]));

    let sent = service.wait_for(&world, &apns, 1).await.remove(0);
    let group = notice["group"].as_str().unwrap().replace('-', "");
    assert_eq!(sent.version, Version::HTTP_2);
    assert_eq!((sent.header("apns-topic"), sent.header("apns-push-type")), ("org.example.app", "alert"));
    assert_eq!((sent.header("apns-priority"), sent.header("apns-collapse-id")), ("5", group.as_str()));
    let body = sent.json();
    assert_eq!((&body["aps"]["badge"], &body["notice"]), (&json!(1), &notice["id"]));
    // In the language of the device.
    assert_ne!(body["aps"]["alert"]["body"], notice["text"]);
    let token = sent.header("authorization").to_owned();
    assert!(token.starts_with("Bearer ey"), "{token}");
    let stored = world.stored_bytes("notify").await;
    let signature = token.rsplit('.').next().unwrap();
    assert!(!stored.windows(signature.len()).any(|part| part == signature.as_bytes()), "it is stored in plain text");

    let sent = service.wait_for(&world, "/web/1", 1).await.remove(0);
    let authorization = sent.header("authorization");
    assert!(authorization.starts_with("vapid t=ey"), "{authorization}");
    assert!(authorization.ends_with(key["public_key"].as_str().unwrap()), "{authorization}");
    assert_eq!((sent.header("content-encoding"), sent.header("topic")), ("aes128gcm", group.as_str()));
    assert_eq!((sent.header("ttl"), sent.header("urgency")), ("86400", "normal"));
    assert!(sent.body.len() < 4096 && !String::from_utf8_lossy(&sent.body).contains("follow"));
    let opened = sent.opened();
    assert_eq!((&opened["action"], &opened["badge"]), (&json!("show"), &json!("1")));
    for name in ["group", "kind", "text", "url"] {
        assert_eq!(opened[name], notice[name], "{name}");
    }

    wait_for_pushes(&world, "both are shown", |rows| rows.len() == 2 && rows.iter().all(|row| row.state == "shown"))
        .await;
    ada.post(&format!("{LIST}/read"), &json!({ "until": notice["id"] })).await.expect(200);
    let withdrawn = service.wait_for(&world, FCM, 2).await.remove(1).json();
    assert_eq!(withdrawn["message"]["data"]["action"], "withdraw");
    assert_eq!(withdrawn["message"]["data"]["group"], notice["group"]);
    assert!(withdrawn["message"]["notification"].is_null());
    let apple = &withdrawn["message"]["apns"];
    assert_eq!(
        (&apple["headers"]["apns-push-type"], &apple["payload"]["aps"]),
        (&json!("background"), &json!({ "content-available": 1 }))
    );
    let withdrawn = service.wait_for(&world, &apns, 2).await.remove(1);
    assert_eq!(
        (withdrawn.header("apns-push-type"), withdrawn.json()["aps"]["content-available"].as_i64()),
        ("background", Some(1))
    );
    assert_eq!(withdrawn.header("authorization"), token, "one provider token for all pushes");
    wait_for_pushes(&world, "nothing is left", <[_]>::is_empty).await;
    assert_eq!(service.received("/web/1").len(), 1);
    assert_eq!(service.received("/token").len(), 1);

    // What is shown of a person goes after a block.
    let cy = world.member("cy");
    follow(&world, &cy, &ada).await;
    wait_for_pushes(&world, "both are shown", |rows| rows.len() == 2 && rows.iter().all(|row| row.state == "shown"))
        .await;
    block(&world, &ada, &cy).await;
    world.clock().advance(TimeDelta::seconds(31));
    let withdrawn = service.wait_for(&world, FCM, 4).await.remove(3).json();
    assert_eq!(withdrawn["message"]["data"]["action"], "withdraw");
    wait_for_pushes(&world, "nothing is left", <[_]>::is_empty).await;
    world.end().await;
}

#[tokio::test]
async fn what_a_member_does_not_want_or_sees_already_is_not_pushed() {
    let service = PushService::start().await;
    let world = service.world().start(&[notify::service()]).await;
    let (ada, bob, cy) = (world.ada(), world.bob(), world.member("cy"));
    let device = register_fcm(&ada, "fcm-token").await;
    let set = async |preferences: serde_json::Value| {
        let request = ada.request(Method::PUT, &format!("{LIST}/preferences")).json(&preferences);
        ada.send(request).await.expect(200);
    };
    // A kind that is off.
    set(json!({ "kinds": { "followed": { "push": false } } })).await;
    follow(&world, &bob, &ada).await;
    assert!(pushes(&world).await.is_empty());

    // The device shows the app.
    set(json!({})).await;
    let foreground = format!("{DEVICES}/{device}/foreground");
    ada.post(&foreground, &json!({ "foreground": true })).await.expect(204);
    follow(&world, &cy, &ada).await;
    wait_for_pushes(&world, "it is skipped", <[_]>::is_empty).await;
    ada.post(&foreground, &json!({ "foreground": false })).await.expect(204);

    // Quiet hours: it waits for their end, and is not sent if it was seen meanwhile.
    let minute = |time: chrono::DateTime<chrono::Utc>| time.format("%H:%M").to_string();
    let now = world.clock().now();
    let (from, until) = (minute(now - TimeDelta::minutes(1)), minute(now + TimeDelta::hours(2)));
    set(json!({ "quiet_hours": { "from": from, "until": until, "zone": "UTC" } })).await;
    follow(&world, &world.member("dee"), &ada).await;
    let due_us = pushes(&world).await[0].due_us;
    let wait = TimeDelta::microseconds(due_us - now.timestamp_micros());
    assert!(wait > TimeDelta::minutes(118) && wait <= TimeDelta::minutes(120), "{wait}");
    world.clock().advance(TimeDelta::minutes(121));
    service.wait_for(&world, FCM, 1).await;
    set(json!({ "quiet_hours": { "from": minute(world.clock().now()), "until": from, "zone": "UTC" } })).await;
    follow(&world, &world.member("eve"), &ada).await;
    let unread = list(&ada, "").await;
    ada.post(&format!("{LIST}/seen"), &json!({ "until": ids(&unread)[0] })).await.expect(200);
    world.clock().advance(TimeDelta::hours(23));
    wait_for_pushes(&world, "it is skipped", |rows| rows.iter().all(|row| row.state == "shown")).await;
    assert_eq!(service.received(FCM).len(), 1);
    world.end().await;
}

#[tokio::test]
async fn what_is_shown_of_a_notice_that_is_gone_is_withdrawn_also_if_a_process_was_killed_before_that() {
    let service = PushService::start().await;
    let world = service.world().start(&[notify::service()]).await;
    let (ada, bob) = (world.ada(), world.bob());
    register_fcm(&ada, "fcm-token").await;
    follow(&world, &bob, &ada).await;
    wait_for_pushes(&world, "it is shown", |rows| rows.len() == 1 && rows[0].state == "shown").await;
    // What the killed process has done.
    let db = &world.context("notify").db;
    for statement in ["delete from notice", "update recipient set unseen = 0, unread = 0"] {
        db.write(Lane::ALL, async move |tx| tx.execute(statement, vec![]).await).await.unwrap();
    }
    world.clock().advance(TimeDelta::minutes(61));
    wait_for_pushes(&world, "it is found", |rows| rows.iter().any(|row| row.state == "waiting")).await;
    world.clock().advance(TimeDelta::seconds(31));
    let withdrawn = service.wait_for(&world, FCM, 2).await.remove(1).json();
    assert_eq!(withdrawn["message"]["data"]["action"], "withdraw");
    wait_for_pushes(&world, "nothing is left", <[_]>::is_empty).await;
    world.end().await;
}
