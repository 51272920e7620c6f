//! Attacks over HTTP/2, frame by frame: each ends its own connection, and what the server does for it is bounded.

use std::sync::atomic::Ordering;
use std::time::Duration;

use http_server::Limits;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::secure::{Server, VERSIONS};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const PRIORITY: u8 = 2;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const TIMEOUT: Duration = Duration::from_secs(20);

/// Returns a frame (RFC 9113 §4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Returns the header block of a request (RFC 7541), without the table: `:method`, `:scheme`, `:path`, `:authority`.
fn block(method: u8, path: &str) -> Vec<u8> {
    let literal = |name: u8, value: &str| [&[name, value.len() as u8][..], value.as_bytes()].concat();
    [vec![method, 0x87], literal(0x04, path), literal(0x01, "localhost")].concat()
}

const GET: u8 = 0x82;
const POST: u8 = 0x83;

fn get(stream: u32, path: &str) -> Vec<u8> {
    frame(HEADERS, END_STREAM | END_HEADERS, stream, &block(GET, path))
}

/// Returns the number of a client's stream.
fn stream_of(number: u32) -> u32 {
    1 + 2 * number
}

/// Opens a connection, sends `first`, then `then` up to `max` times until the server ends the connection. Returns what
/// came back, and how often it was sent.
async fn flood(server: &Server, first: &[u8], max: u32, then: impl Fn(u32) -> Vec<u8>) -> (Vec<u8>, u32) {
    let stream = server.connect(&["h2"], &VERSIONS).await.unwrap();
    let (mut reader, mut writer) = tokio::io::split(stream);
    let received = tokio::spawn(async move {
        let mut all = Vec::new();
        // It ends without the end of TLS, or with a reset.
        let _ = reader.read_to_end(&mut all).await;
        all
    });
    writer.write_all(&[PREFACE, &frame(SETTINGS, 0, 0, &[]), first].concat()).await.unwrap();
    let mut sent = 0;
    while sent < max && !received.is_finished() {
        if writer.write_all(&then(sent)).await.is_err() || writer.flush().await.is_err() {
            break;
        }
        sent += 1;
    }
    let received = tokio::time::timeout(TIMEOUT, received).await.expect("the connection goes on").unwrap();
    (received, sent)
}

/// Returns the frames in what a server has sent: their types, flags and streams.
fn frames(mut bytes: &[u8]) -> Vec<(u8, u8, u32)> {
    let mut frames = Vec::new();
    while let [high, middle, low, kind, flags, a, b, c, d, rest @ ..] = bytes {
        frames.push((*kind, *flags, u32::from_be_bytes([*a, *b, *c, *d])));
        let length = u32::from_be_bytes([0, *high, *middle, *low]) as usize;
        bytes = rest.get(length..).unwrap_or_default();
    }
    frames
}

#[tokio::test(flavor = "multi_thread")]
async fn each_flood_of_frames_ends_its_connection_and_no_other() {
    let server = Server::start(Limits::default()).await;
    let honest = server.honest_client();
    // CVE-2023-44487: requests that are cancelled at once.
    let (_, sent) = flood(&server, &[], 20_000, |number| {
        let stream = stream_of(number);
        [get(stream, "/counted"), frame(RST_STREAM, 0, stream, &[0, 0, 0, 8])].concat()
    })
    .await;
    let counted = server.seen.counted.load(Ordering::Relaxed);
    assert!(counted < 2_000 && sent < 20_000, "{counted} of {sent} requests were handled");
    // CVE-2019-9515 and CVE-2019-9512: frames that the server answers.
    let window = |number: u32| [&[0, 4][..], &(65_535 + number).to_be_bytes()].concat();
    flood(&server, &[], 200_000, |number| frame(SETTINGS, 0, 0, &window(number))).await;
    flood(&server, &[], 200_000, |_| frame(PING, 0, 0, &[7; 8])).await;
    // Frames that it has to look at.
    flood(&server, &[], 200_000, |_| frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1])).await;
    flood(&server, &[], 200_000, |number| frame(PRIORITY, 0, stream_of(number % 1_000), &[0, 0, 0, 0, 16])).await;
    flood(&server, &[], 200_000, |_| frame(0xbe, 0, 0, &[])).await;
    // hyper ends the first of them itself where many frames come at once.
    let text = server.metrics.text();
    let counted = |count: u32| format!("tutti_http2_floods_total{{listener=\"public\",reason=\"frames\"}} {count}\n");
    assert!(text.contains(&counted(5)) || text.contains(&counted(6)), "{text}");

    // CVE-2024-27316: a header that never ends; and one whose few bytes become many (an entry of the table, repeated).
    let open = frame(HEADERS, END_STREAM, 1, &block(GET, "/counted"));
    let (_, sent) =
        flood(&server, &open, 10_000, |_| frame(CONTINUATION, 0, 1, &[&[0, 1, b'a', 100][..], &[b'b'; 100]].concat()))
            .await;
    assert!(sent < 10_000);
    let entry = [&[0x40, 1, b'a', 0x7f, 0xbd, 0x1d][..], &[b'b'; 3_900]].concat();
    let bomb = [block(GET, "/counted"), entry, vec![0xbe; 12_000]].concat();
    let before = server.seen.counted.load(Ordering::Relaxed);
    flood(&server, &[], 10_000, |number| frame(HEADERS, END_STREAM | END_HEADERS, stream_of(number), &bomb)).await;
    assert_eq!(server.seen.counted.load(Ordering::Relaxed), before, "none has reached a handler");
    // CVE-2019-9518: a body of nothing.
    let open = frame(HEADERS, END_HEADERS, 1, &block(POST, "/sink"));
    let (_, sent) = flood(&server, &open, 200_000, |_| frame(DATA, 0, 1, &[])).await;
    assert!(sent < 200_000);
    honest.expect_unharmed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_without_room_for_its_response_is_not_waited_for() {
    let server = Server::start(Limits { write_timeout: Duration::from_millis(300), ..Limits::default() }).await;
    let honest = server.honest_client();
    let mut stream = server.connect(&["h2"], &VERSIONS).await.unwrap();
    // No room at first, in any stream, and never more.
    let settings = frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]);
    let requests: Vec<u8> = (0..20).flat_map(|number| get(stream_of(number), "/endless")).collect();
    stream.write_all(&[PREFACE, &settings, &requests].concat()).await.unwrap();
    stream.flush().await.unwrap();
    let (mut received, mut some) = (Vec::new(), [0; 4096]);
    let ended = |received: &[u8]| frames(received).iter().filter(|(kind, ..)| *kind == RST_STREAM).count();
    while ended(&received) < 20 {
        let read = tokio::time::timeout(TIMEOUT, stream.read(&mut some)).await.expect("each is reset").unwrap();
        assert!(read > 0, "the connection was ended");
        received.extend_from_slice(&some[..read]);
    }
    assert!(!frames(&received).iter().any(|(kind, ..)| *kind == DATA));
    let made = server.seen.made.load(Ordering::Relaxed);
    assert!(made <= 20 * 64 * 1024, "{made} bytes were made for a client that took none");
    assert!(server.metrics.text().contains("tutti_http2_floods_total{listener=\"public\",reason=\"stalled\"} 20"));
    honest.expect_unharmed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_has_a_hundred_requests_at_most_and_one_that_sends_none_ends() {
    let server = Server::start(Limits { header_timeout: Duration::from_millis(500), ..Limits::default() }).await;
    let honest = server.honest_client();
    let mut stream = server.connect(&["h2"], &VERSIONS).await.unwrap();
    let requests: Vec<u8> = (0..150).flat_map(|number| get(stream_of(number), "/slow")).collect();
    stream.write_all(&[PREFACE, &frame(SETTINGS, 0, 0, &[]), &requests].concat()).await.unwrap();
    stream.flush().await.unwrap();
    let (mut received, mut some) = (Vec::new(), [0; 4096]);
    let of = |received: &[u8], wanted: u8| frames(received).iter().filter(|(kind, ..)| *kind == wanted).count();
    while of(&received, HEADERS) + of(&received, RST_STREAM) < 150 {
        let read = tokio::time::timeout(TIMEOUT, stream.read(&mut some)).await.expect("each is answered").unwrap();
        assert!(read > 0, "the connection was ended");
        received.extend_from_slice(&some[..read]);
    }
    assert_eq!((of(&received, HEADERS), of(&received, RST_STREAM)), (100, 50), "the others are refused");
    assert!(server.seen.max_slow.load(Ordering::Relaxed) <= 100);
    // It says that it speaks HTTP/2, and then nothing, or a header byte by byte.
    for first in [&[][..], PREFACE, &[PREFACE, &frame(SETTINGS, 0, 0, &[]), &[0, 0, 40, HEADERS]].concat()] {
        let mut stream = server.connect(&["h2"], &VERSIONS).await.unwrap();
        stream.write_all(first).await.unwrap();
        stream.flush().await.unwrap();
        let mut rest = Vec::new();
        let _ = tokio::time::timeout(TIMEOUT, stream.read_to_end(&mut rest)).await.expect("it is not waited for");
    }
    honest.expect_unharmed().await;
}
