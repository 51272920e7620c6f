//! Floods of WebSocket messages: what is kept for a client that takes nothing is bounded, and others are served.

use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use crate::harness::Harness;
use crate::websocket::open_websocket;

/// The role sends back each message. When the client takes none, the role can't send, so it reads no more, and neither
/// does the gateway: all that is kept is in the buffers of the sockets between them.
#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_whose_client_sends_and_takes_nothing_is_read_no_further() {
    let harness = Harness::start(&[]).await;
    let anonymous = harness.world.anonymous();
    // Open until the end.
    let mut flooded = Vec::new();
    for _ in 0..4 {
        let mut socket = open_websocket(&harness, "/v1/media/m/socket").await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap(), Message::text("welcome"));
        let message = Message::binary(vec![7; 256 * 1024]);
        let mut sent = 0;
        // The first message that finds no room ends the flood.
        while sent < 512
            && matches!(timeout(Duration::from_millis(500), socket.send(message.clone())).await, Ok(Ok(())))
        {
            sent += 1;
        }
        assert!(sent < 512, "128 MiB were taken from a client that takes nothing");
        flooded.push(socket);
        anonymous.get("/v1/media/m").await.expect(200);
    }
    // One that is not flooded goes on beside them.
    let mut honest = open_websocket(&harness, "/v1/media/m/socket").await.unwrap();
    assert_eq!(honest.next().await.unwrap().unwrap(), Message::text("welcome"));
    honest.send(Message::text("hello")).await.unwrap();
    assert_eq!(honest.next().await.unwrap().unwrap(), Message::text("hello"));
    let text = harness.world.process.metrics.text();
    assert!(text.lines().any(|line| line == "tutti_gateway_streams_open 5"), "{text}");
}
