//! Long-lived requests: a budget of their own, by client, from which the greediest loses first.

use futures::{SinkExt as _, StreamExt as _};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::sockets::open;
use crate::stage::{Stage, read_until, rest, until};

/// Opens a stream and waits until it says something.
async fn follow(stage: &Stage, token: Option<&str>) -> TcpStream {
    let mut stream = stage.connect().await;
    let token = token.map_or_else(String::new, |token| format!("Authorization: Bearer {token}\r\n"));
    stream.write_all(format!("GET /v1/media/m/events HTTP/1.1\r\nHost: x\r\n{token}\r\n").as_bytes()).await.unwrap();
    read_until(&mut stream, "data: 1\n\n").await;
    stream
}

fn figure(stage: &Stage, name: &str) -> u64 {
    let text = stage.world.process.metrics.text();
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("there is no {name}"));
    line.trim().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_with_streams_take_no_place_from_requests_and_none_from_members() {
    // Fewer places for requests than streams that are opened.
    let stage = Stage::with(&["gateway.requests_at_once=3", "gateway.streams_at_once=8", "gateway.streams_per_address=6", "gateway.streams_per_member=4"]).await;
    let (ada, bob) = (stage.world.ada(), stage.world.bob());
    let mut honest = Vec::new();
    for _ in 0..2 {
        honest.push(follow(&stage, ada.token()).await);
    }
    let mut crowd = Vec::new();
    for _ in 0..20 {
        crowd.push(follow(&stage, None).await);
        ada.get("/v1/media").await.expect(200);
    }
    assert_eq!((figure(&stage, "tutti_gateway_streams_open"), figure(&stage, "tutti_gateway_streams_evicted_total")), (8, 14));
    // The oldest were told to come back later, by an end that an EventSource understands.
    for stream in &mut crowd[..14] {
        let end = rest(stream).await;
        assert!(end.contains("retry: 30000\n") && end.ends_with("\r\n0\r\n\r\n"), "{end}");
    }
    // Another member comes in although all is taken: from those with the most.
    let mut bobs = Vec::new();
    for _ in 0..5 {
        bobs.push(follow(&stage, bob.token()).await);
    }
    assert!(rest(&mut bobs[0]).await.contains("retry: 30000"), "the fifth of a member ends the member's first");
    for stream in honest.iter_mut().chain(&mut bobs[1..]) {
        read_until(stream, "data: 2\n\n").await;
    }
    drop((honest, crowd, bobs));
    until("all places are free again", || figure(&stage, "tutti_gateway_streams_open") == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_with_its_connection() {
    let stage = Stage::with(&["gateway.streams_per_member=1"]).await;
    let ada = stage.world.ada();
    let mut first = follow(&stage, ada.token()).await;
    let _second = follow(&stage, ada.token()).await;
    // Nothing more is taken on it: an evicted stream leaves no idle connection behind.
    first.write_all(b"GET /v1/media HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    assert!(!rest(&mut first).await.contains("HTTP/1.1 200"));
    until("the connection is gone", || stage.world.process.metrics.connections.get() <= 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_counts_as_a_stream_and_an_evicted_one_says_goodbye() {
    let stage = Stage::with(&["gateway.streams_per_address=2"]).await;
    let mut first = open(&stage, "/v1/media/m/socket").await.unwrap();
    assert_eq!(first.next().await.unwrap().unwrap(), Message::text("welcome"));
    let (_live, mut second) = (follow(&stage, None).await, open(&stage, "/v1/media/m/socket").await.unwrap());
    let Message::Close(Some(close)) = first.next().await.unwrap().unwrap() else { panic!("no goodbye") };
    assert_eq!(close.code, CloseCode::Away);
    assert_eq!(second.next().await.unwrap().unwrap(), Message::text("welcome"));
    second.send(Message::text("still here")).await.unwrap();
    assert_eq!(second.next().await.unwrap().unwrap(), Message::text("still here"));
}
