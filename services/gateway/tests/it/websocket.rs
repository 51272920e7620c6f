//! WebSockets through the gateway, between a real client and a fake role.

use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::harness::{Harness, wait_until};

pub(crate) async fn open_websocket(harness: &Harness, path: &str) -> Result<WebSocketStream<TcpStream>, Error> {
    let stream = TcpStream::connect(harness.address()).await.unwrap();
    client_async(format!("ws://tutti.example{path}"), stream).await.map(|(socket, _)| socket)
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_and_close_frames_pass_both_ways() {
    let harness = Harness::start(&[]).await;
    let mut socket = open_websocket(&harness, "/v1/media/m/socket").await.unwrap();
    // The role sends first.
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::text("welcome"));
    for size in [0, 5, 125, 126, 70_000, 1_000_000] {
        let message = Message::binary(vec![7; size]);
        socket.send(message.clone()).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap(), message, "{size}");
    }
    socket.close(None).await.unwrap();
    assert!(matches!(socket.next().await, Some(Ok(Message::Close(_)))));
    wait_until("the role received the close frame", || *harness.role.closed_sockets.lock().unwrap() == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_handshake_gets_the_response_of_the_role() {
    let harness = Harness::start(&[]).await;
    let Err(Error::Http(response)) = open_websocket(&harness, "/v1/files/whatever").await else {
        panic!("the handshake succeeded")
    };
    assert_eq!(response.status(), 200);
    let seen = harness.received();
    assert_eq!(seen.last().unwrap().headers["upgrade"], "websocket");
    let Err(Error::Http(response)) = open_websocket(&harness, "/internal/media/m").await else {
        panic!("the handshake succeeded")
    };
    assert_eq!(response.status(), 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_sends_going_away_to_websockets() {
    let harness = Harness::start(&[]).await;
    let mut socket = open_websocket(&harness, "/v1/media/m/socket").await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::text("welcome"));
    let tasks = harness.world.process.tasks.clone();
    let stopped = tokio::spawn(async move { tasks.stop(Duration::from_secs(20)).await });
    let Message::Close(Some(close)) = socket.next().await.unwrap().unwrap() else { panic!("no close frame") };
    assert_eq!(close.code, CloseCode::Away);
    let reason: serde_json::Value = serde_json::from_str(close.reason.as_str()).unwrap();
    assert_eq!(reason["reason"], "draining");
    assert!(reason["reconnect_ms"].as_u64().unwrap() <= 5_000, "{reason}");
    // The client's own close frame goes to the role. The role itself goes on.
    assert!(socket.next().await.is_none_or(|end| end.is_err()));
    wait_until("the role received the close frame", || *harness.role.closed_sockets.lock().unwrap() == 1).await;
    assert!(stopped.await.unwrap(), "the shutdown exceeded its timeout");
    assert!(!harness.role.tasks.is_stopping());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_holds_its_connection_permit_and_an_idle_one_is_closed() {
    let harness = Harness::start(&["gateway.websocket_idle_timeout_seconds=8"]).await;
    let connections = || harness.world.process.metrics.connections.get();
    let mut socket = open_websocket(&harness, "/v1/media/m/socket").await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::text("welcome"));
    for _ in 0..5 {
        tokio::time::sleep(Duration::from_secs(2)).await;
        socket.send(Message::Ping(vec![1].into())).await.unwrap();
        assert!(
            matches!(socket.next().await, Some(Ok(Message::Pong(_)))),
            "the WebSocket was closed although it was in use"
        );
    }
    assert_eq!(connections(), 1);
    assert!(socket.next().await.unwrap().is_err(), "the idle WebSocket was not closed");
    wait_until("its permit is released", || connections() == 0).await;
}
