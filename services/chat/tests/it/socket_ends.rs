//! How a socket ends: slow clients, clients that misuse it, tokens that end, and a process that stops.

use std::time::Duration;

use chrono::TimeDelta;
use http::header::AUTHORIZATION;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::fixtures::Harness;
use crate::socket::{SocketClient, bearer, place};

/// Reads until `bye`, and returns it with the code of the close frame after it.
async fn farewell(client: &mut SocketClient) -> (Value, CloseCode) {
    let bye = client.next_of("bye").await;
    let Some(Ok(Message::Close(Some(close)))) = client.next_message().await else { panic!("no close frame") };
    assert_eq!(bye["detail"], close.reason.as_str());
    (bye, close.code)
}

#[tokio::test]
async fn a_client_that_reads_nothing_is_cut_while_others_go_on() {
    let harness = Harness::with("chat.socket_write_seconds=1").await;
    let [ada, bob] = harness.members(["ada", "bob"]);
    harness.follow(&bob, &ada);
    let conversation = harness.begin(&ada, &["bob"], None).await;
    // A megabyte, which the slow client asks for nine times: more than the buffers of a connection hold.
    for number in 0..60 {
        harness.world.clock().advance(TimeDelta::seconds(10));
        let text = format!("{number} {}", "\u{1f3b5}".repeat(3990));
        let body = json!({"client_id": number.to_string(), "text": text});
        ada.post(&format!("{conversation}/messages"), &body).await.expect(201);
    }
    let known = place(&bob, &conversation, 0).await;
    let mut slow = SocketClient::open(&harness.world, bearer(&bob), Some(16 * 1024)).await.unwrap();
    let mut fast = SocketClient::hello(&harness.world, &bob, &[]).await;
    assert_eq!(fast.next().await["places"][0]["last_seq"], 60);
    for _ in 0..9 {
        slow.send(&json!({"type": "hello", "after": [known]})).await;
    }
    harness.say(&ada, &conversation, "going on").await.expect(201);
    assert_eq!(fast.next_of("changes").await["changes"][0]["message"]["text"], "going on");
    let is_cut = async {
        while !harness.world.process.metrics.text().contains("chat_slow_sockets_total 1") {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), is_cut).await.expect("the slow client is cut");
    fast.send(&json!({"type": "ping"})).await;
    fast.next_of("pong").await;
    drop((slow, fast));
    harness.world.end().await;
}

#[tokio::test]
async fn a_socket_is_opened_by_members_only_and_says_why_it_ends() {
    let harness = Harness::new().await;
    let [ada, bob] = harness.members(["ada", "bob"]);
    harness.follow(&bob, &ada);
    let world = &harness.world;
    world.anonymous().get("/v1/chat/socket").await.refused(401, "auth.required");
    ada.get("/v1/chat/socket").await.refused(400, "chat.not_a_websocket");
    let foreign = SocketClient::open(world, (AUTHORIZATION, "Bearer x".to_owned()), None).await;
    assert!(matches!(foreign, Err(Error::Http(response)) if response.status() == 401));

    // A frame that is none has a problem; too many of them end the socket.
    let mut wrong = SocketClient::hello(world, &ada, &[]).await;
    assert_eq!(wrong.next().await["type"], "places");
    for text in ["nonsense", "{}", r#"{"type": "shout"}"#, r#"{"type": "read"}"#] {
        wrong.send_text(text).await;
        assert_eq!(wrong.next().await["code"], "request.invalid", "{text}");
    }
    for _ in 0..7 {
        wrong.send_text("[]").await;
    }
    let (bye, code) = farewell(&mut wrong).await;
    assert_eq!((&bye["reason"], code), (&json!("misuse"), CloseCode::Policy));
    let mut hasty = SocketClient::of(world, &ada).await;
    for _ in 0..300 {
        hasty.send(&json!({"type": "ping"})).await;
    }
    assert_eq!(hasty.next_of("problem").await["code"], "request.too_many");
    assert_eq!(farewell(&mut hasty).await.0["reason"], "misuse");
    let mut large = SocketClient::of(world, &ada).await;
    large.send_text(&"a".repeat(70_000)).await;
    let (bye, code) = farewell(&mut large).await;
    assert_eq!((&bye["reason"], code), (&json!("too_large"), CloseCode::Size));

    // A token that ends, and one that may only read.
    let until = world.clock().now().timestamp() + 60;
    let guest = world.member_who("guest", &["member"], |claims| claims.exp = until);
    let mut client = SocketClient::of(world, &guest).await;
    world.clock().advance(TimeDelta::seconds(61));
    client.send(&json!({"type": "ping"})).await;
    let (bye, code) = farewell(&mut client).await;
    assert_eq!((&bye["reason"], u16::from(code)), (&json!("token_ended"), 3000));
    let reader = world.member_who("reader", &["member"], |claims| claims.scope = vec!["chat:read".to_owned()]);
    let mut client = SocketClient::of(world, &reader).await;
    client.send(&json!({"type": "typing", "conversation": reader.id})).await;
    assert_eq!(client.next().await["code"], "auth.scope");

    // Who has left is told nothing newer.
    let group = harness.begin(&ada, &["bob"], Some("Choir")).await;
    let pair = harness.begin(&ada, &["bob"], None).await;
    harness.say(&ada, &group, "before").await.expect(201);
    let mut left = SocketClient::hello(world, &bob, &[]).await;
    assert_eq!(left.next().await["type"], "places");
    bob.delete(&group).await.expect(204);
    harness.say(&ada, &group, "after").await.expect(201);
    harness.say(&ada, &pair, "elsewhere").await.expect(201);
    let mut told = Vec::new();
    while told.last() != Some(&json!("elsewhere")) {
        let frame = left.next_of("changes").await;
        let changes = frame["changes"].as_array().unwrap();
        told.extend(changes.iter().map(|change| change["message"]["text"].clone()).filter(Value::is_string));
    }
    assert_eq!(told, ["elsewhere"]);

    // A process that stops says when to come back.
    drop((client, wrong, hasty, large));
    let leaving = async move { farewell(&mut left).await };
    let ((bye, code), ()) = tokio::join!(leaving, harness.world.end());
    assert_eq!((&bye["reason"], code), (&json!("draining"), CloseCode::Away));
    assert!(bye["reconnect_ms"].as_u64().unwrap() <= 5_000);
}
