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
async fn what_is_said_goes_both_ways_and_a_close_is_passed_on() {
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
async fn a_role_that_does_not_agree_is_heard_as_ever() {
    let harness = Harness::start(&[]).await;
    let Err(Error::Http(answer)) = open_websocket(&harness, "/v1/files/whatever").await else { panic!("the handshake succeeded") };
    assert_eq!(answer.status(), 200);
    let seen = harness.received();
    assert_eq!(seen.last().unwrap().headers["upgrade"], "websocket");
    let Err(Error::Http(answer)) = open_websocket(&harness, "/internal/media/m").await else { panic!("the handshake succeeded") };
    assert_eq!(answer.status(), 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_says_going_away_to_those_who_speak_websocket() {
    let harness = Harness::start(&[]).await;
    let mut socket = open_websocket(&harness, "/v1/media/m/socket").await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::text("welcome"));
    let tasks = harness.world.process.tasks.clone();
    let stopped = tokio::spawn(async move { tasks.stop(Duration::from_secs(20)).await });
    let Message::Close(Some(close)) = socket.next().await.unwrap().unwrap() else { panic!("no close frame") };
    assert_eq!(close.code, CloseCode::Away);
    // The client's own close frame goes to the role. The role itself goes on.
    assert!(socket.next().await.is_none_or(|end| end.is_err()));
    wait_until("the role received the close frame", || *harness.role.closed_sockets.lock().unwrap() == 1).await;
    assert!(stopped.await.unwrap(), "the shutdown exceeded its timeout");
    assert!(!harness.role.tasks.is_stopping());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_holds_its_place_and_a_silent_one_loses_it() {
    let harness = Harness::start(&["gateway.websocket_idle_timeout_seconds=8"]).await;
    let connections = || harness.world.process.metrics.connections.get();
    let mut socket = open_websocket(&harness, "/v1/media/m/socket").await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::text("welcome"));
    for _ in 0..5 {
        tokio::time::sleep(Duration::from_secs(2)).await;
        socket.send(Message::Ping(vec![1].into())).await.unwrap();
        assert!(matches!(socket.next().await, Some(Ok(Message::Pong(_)))), "the WebSocket was closed although it was in use");
    }
    assert_eq!(connections(), 1);
    assert!(socket.next().await.unwrap().is_err(), "the idle WebSocket was not closed");
    wait_until("its permit is released", || connections() == 0).await;
}
