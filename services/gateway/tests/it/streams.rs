//! The stream budget: long-lived requests are counted apart, and the client with the most streams loses first.

use futures::{SinkExt as _, StreamExt as _};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::harness::{Harness, read_to_end, read_until, wait_until};
use crate::websocket::open_websocket;

/// Opens an event stream and waits for its first event.
async fn open_event_stream(harness: &Harness, token: Option<&str>) -> TcpStream {
    let mut stream = harness.connect().await;
    let token = token.map_or_else(String::new, |token| format!("Authorization: Bearer {token}\r\n"));
    stream.write_all(format!("GET /v1/media/m/events HTTP/1.1\r\nHost: x\r\n{token}\r\n").as_bytes()).await.unwrap();
    read_until(&mut stream, "data: 1\n\n").await;
    stream
}

fn metric(harness: &Harness, name: &str) -> u64 {
    let text = harness.world.process.metrics.text();
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("there is no {name}"));
    line.trim().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn anonymous_streams_displace_neither_requests_nor_members() {
    // Fewer requests are allowed at once than streams are opened.
    let harness = Harness::start(&[
        "gateway.requests_at_once=3",
        "gateway.streams_at_once=8",
        "gateway.streams_per_address=6",
        "gateway.streams_per_member=4",
    ])
    .await;
    let (ada, bob) = (harness.world.ada(), harness.world.bob());
    let mut honest = Vec::new();
    for _ in 0..2 {
        honest.push(open_event_stream(&harness, ada.token()).await);
    }
    let mut crowd = Vec::new();
    for _ in 0..20 {
        crowd.push(open_event_stream(&harness, None).await);
        ada.get("/v1/media").await.expect(200);
    }
    assert_eq!(
        (metric(&harness, "tutti_gateway_streams_open"), metric(&harness, "tutti_gateway_streams_evicted_total")),
        (8, 14)
    );
    // The oldest streams got an event that makes an EventSource reconnect later.
    for stream in &mut crowd[..14] {
        let end = read_to_end(stream).await;
        assert!(end.contains("retry: 30000\n") && end.ends_with("\r\n0\r\n\r\n"), "{end}");
    }
    // Another member gets streams although the budget is used up: those with the most streams lose some.
    let mut bobs = Vec::new();
    for _ in 0..5 {
        bobs.push(open_event_stream(&harness, bob.token()).await);
    }
    assert!(
        read_to_end(&mut bobs[0]).await.contains("retry: 30000"),
        "the fifth stream of a member ends the member's first"
    );
    for stream in honest.iter_mut().chain(&mut bobs[1..]) {
        read_until(stream, "data: 2\n\n").await;
    }
    drop((honest, crowd, bobs));
    wait_until("all permits are released", || metric(&harness, "tutti_gateway_streams_open") == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_with_its_connection() {
    let harness = Harness::start(&["gateway.streams_per_member=1"]).await;
    let ada = harness.world.ada();
    let mut first = open_event_stream(&harness, ada.token()).await;
    let _second = open_event_stream(&harness, ada.token()).await;
    // The connection accepts no further request: an evicted stream leaves no idle connection behind.
    first.write_all(b"GET /v1/media HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    assert!(!read_to_end(&mut first).await.contains("HTTP/1.1 200"));
    wait_until("the connection is closed", || harness.world.process.metrics.connections.get() <= 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_counts_as_a_stream_and_an_evicted_one_gets_a_close_frame() {
    let harness = Harness::start(&["gateway.streams_per_address=2"]).await;
    let mut first = open_websocket(&harness, "/v1/media/m/socket").await.unwrap();
    assert_eq!(first.next().await.unwrap().unwrap(), Message::text("welcome"));
    let (_live, mut second) =
        (open_event_stream(&harness, None).await, open_websocket(&harness, "/v1/media/m/socket").await.unwrap());
    let Message::Close(Some(close)) = first.next().await.unwrap().unwrap() else { panic!("no close frame") };
    assert_eq!(close.code, CloseCode::Away);
    let reason: serde_json::Value = serde_json::from_str(close.reason.as_str()).unwrap();
    assert_eq!(reason["reason"], "evicted");
    assert!(reason["reconnect_ms"].as_u64().unwrap() >= 30_000, "it would evict the next: {reason}");
    assert_eq!(second.next().await.unwrap().unwrap(), Message::text("welcome"));
    second.send(Message::text("still here")).await.unwrap();
    assert_eq!(second.next().await.unwrap().unwrap(), Message::text("still here"));
}
