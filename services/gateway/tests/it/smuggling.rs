//! Request smuggling: each request is either refused and its connection closed, or the role gets exactly one
//! well-formed request.
//!
//! Invariant: a request that is hidden in another one (`smuggled`) is never handled as a request.

use tokio::io::AsyncWriteExt as _;

use crate::harness::{Harness, ReceivedRequest, read_to_end, read_until};

/// The headers of a WebSocket handshake (RFC 6455, section 4.1), and a length that none has.
const HANDSHAKE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nContent-Length: LENGTH\r\n";
const SMUGGLED_REQUEST: &str = "GET /v1/me?smuggled HTTP/1.1\r\nHost: x\r\n\r\n";

/// The expected result of a case.
enum Expected {
    Refused,
    /// The role gets one request with this body.
    Once(&'static str),
    /// The role gets one request with this body. What follows on the connection is refused.
    Then400(&'static str),
}
use Expected::{Once, Refused, Then400};

fn post(headers: &str, body: &str) -> String {
    format!("POST /v1/media HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n{body}")
}

fn cases() -> Vec<(&'static str, String, Expected)> {
    let hidden_chunked = format!("0\r\n\r\n{SMUGGLED_REQUEST}");
    let chunked = "Transfer-Encoding: chunked\r\n";
    vec![
        // Both framings: hyper would use Transfer-Encoding and ignore Content-Length (RFC 9112 §6.1).
        (
            "length, then coding",
            post("Content-Length: 6\r\nTransfer-Encoding: chunked\r\n", &hidden_chunked)
                .replace("Connection: close\r\n", ""),
            Refused,
        ),
        (
            "coding, then length",
            post("Transfer-Encoding: chunked\r\nContent-Length: 100\r\n", &hidden_chunked)
                .replace("Connection: close\r\n", ""),
            Refused,
        ),
        ("two lengths", post("Content-Length: 0\r\nContent-Length: 44\r\n", SMUGGLED_REQUEST), Refused),
        ("the same length twice", post("Content-Length: 2\r\nContent-Length: 2\r\n", "hi"), Refused),
        ("a list of lengths", post("Content-Length: 2, 2\r\n", "hi"), Refused),
        ("a length with a sign", post("Content-Length: +5\r\n", "hello"), Refused),
        ("a negative length", post("Content-Length: -1\r\n", SMUGGLED_REQUEST), Refused),
        ("a hexadecimal length", post("Content-Length: 0x5\r\n", "hello"), Refused),
        ("an empty length", post("Content-Length: \r\n", SMUGGLED_REQUEST), Refused),
        ("a length past 64 bits", post("Content-Length: 18446744073709551617\r\n", "x"), Refused),
        ("a space before the length's colon", post("Content-Length : 5\r\n", "hello"), Refused),
        ("an unknown coding", post("Transfer-Encoding: xchunked\r\n", &hidden_chunked), Refused),
        ("chunked is not the last coding", post("Transfer-Encoding: chunked, identity\r\n", &hidden_chunked), Refused),
        ("identity before chunked", post("Transfer-Encoding: identity, chunked\r\n", &hidden_chunked), Refused),
        ("a coding that we can't undo", post("Transfer-Encoding: gzip, chunked\r\n", &hidden_chunked), Refused),
        (
            "two codings, the good one last",
            post("Transfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n", &hidden_chunked),
            Refused,
        ),
        (
            "two codings, the good one first",
            post("Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n", &hidden_chunked),
            Refused,
        ),
        ("a folded coding", post("Transfer-Encoding:\r\n chunked\r\n", &hidden_chunked), Refused),
        ("a folded header", post("X-A: a\r\n Transfer-Encoding: chunked\r\nContent-Length: 2\r\n", "hi"), Refused),
        ("a space before the coding's colon", post("Transfer-Encoding : chunked\r\n", &hidden_chunked), Refused),
        ("a tab in the coding", post("Transfer-Encoding: \u{b}chunked\r\n", &hidden_chunked), Refused),
        ("a quoted coding", post("Transfer-Encoding: \"chunked\"\r\n", &hidden_chunked), Refused),
        (
            "a coding in HTTP/1.0",
            post(&format!("Connection: keep-alive\r\n{chunked}"), &hidden_chunked)
                .replace("HTTP/1.1\r\nHost: x\r\nConn", "HTTP/1.0\r\nHost: x\r\nConn"),
            Refused,
        ),
        ("a chunk size past 64 bits", post(chunked, "FFFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n"), Refused),
        ("a chunk size with a sign", post(chunked, "-5\r\nhello\r\n0\r\n\r\n"), Refused),
        ("a chunk size with a prefix", post(chunked, "0x5\r\nhello\r\n0\r\n\r\n"), Refused),
        ("a chunk longer than its size", post(chunked, "5\r\nhelloGET /v1/me?smuggled HTTP/1.1\r\n0\r\n\r\n"), Refused),
        ("a chunk extension", post(chunked, "5;a=\"b\"\r\nhello\r\n0\r\n\r\n"), Once("hello")),
        ("trailers", post(chunked, "5\r\nhello\r\n0\r\nContent-Length: 3\r\n\r\n"), Once("hello")),
        ("what follows a closing request", post(chunked, &hidden_chunked), Once("")),
        (
            "the same host in the address",
            "GET http://x/v1/media HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".into(),
            Once(""),
        ),
        (
            "another host in the address",
            "GET http://y/v1/media HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".into(),
            Refused,
        ),
        ("two hosts", "GET /v1/media HTTP/1.1\r\nHost: x\r\nHost: y\r\nConnection: close\r\n\r\n".into(), Refused),
        ("no host", "GET /v1/media HTTP/1.1\r\nConnection: close\r\n\r\n".into(), Refused),
        ("bare line feeds", "GET /v1/media HTTP/1.1\nHost: x\nConnection: close\n\n".into(), Refused),
        (
            "a bare line feed at the end of the head",
            "GET /v1/media HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\n".into(),
            Refused,
        ),
        (
            "a bare line feed behind a good request",
            format!("GET /v1/media HTTP/1.1\r\nHost: x\r\n\r\n{}", SMUGGLED_REQUEST.replace("\r\n", "\n")),
            Then400(""),
        ),
        (
            "a good request behind a bad chunk",
            format!("{}z\r\n{SMUGGLED_REQUEST}", post(chunked, "2\r\nhi\r\n").replace("Connection: close\r\n", "")),
            Refused,
        ),
        ("two tokens", post("Authorization: Bearer a\r\nAuthorization: Bearer b\r\n", ""), Refused),
        ("the same token twice", post("Authorization: Bearer a\r\nauthorization: Bearer a\r\n", ""), Refused),
        ("two types", post("Content-Type: a/b\r\nContent-Type: a/c\r\n", ""), Refused),
        ("spaces in the first line", "GET  /v1/media HTTP/1.1\r\nHost: x\r\n\r\n".into(), Refused),
        ("a tab in the first line", "GET\t/v1/media HTTP/1.1\r\nHost: x\r\n\r\n".into(), Refused),
        ("a space after the version", "GET /v1/media HTTP/1.1 \r\nHost: x\r\n\r\n".into(), Refused),
        ("another version", "GET /v1/media HTTP/1.2\r\nHost: x\r\n\r\n".into(), Refused),
        ("HTTP/2 without a word", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".into(), Refused),
        ("a host that is none", "GET /v1/media HTTP/1.1\r\nHost: [::1\r\nConnection: close\r\n\r\n".into(), Refused),
        ("an IPv6 host", "GET /v1/media HTTP/1.1\r\nHost: [::1]:8080\r\nConnection: close\r\n\r\n".into(), Once("")),
        ("a chunk size with spaces", post(chunked, "5 \r\nhello\r\n0\r\n\r\n"), Refused),
        ("a chunk size that ends with a line feed", post(chunked, "5\nhello\r\n0\r\n\r\n"), Refused),
        ("a chunk that ends with a line feed", post(chunked, "5\r\nhello\n0\r\n\r\n"), Refused),
        ("a chunk extension with a line feed", post(chunked, "5;a\nX: y\r\nhello\r\n0\r\n\r\n"), Refused),
        ("a chunk extension with a zero", post(chunked, "5;a=\0\r\nhello\r\n0\r\n\r\n"), Refused),
        (
            "a chunk extension without end",
            post(chunked, &format!("5;{}\r\nhello\r\n0\r\n\r\n", "a".repeat(5000))),
            Refused,
        ),
        ("a trailer without a colon", post(chunked, "5\r\nhello\r\n0\r\nX\r\n\r\n"), Refused),
        ("a folded trailer", post(chunked, "5\r\nhello\r\n0\r\nX: a\r\n b\r\n\r\n"), Refused),
        (
            "trailers without end",
            post(chunked, &format!("5\r\nhello\r\n0\r\nX: {}\r\n\r\n", "a".repeat(20_000))),
            Refused,
        ),
        ("a coding behind a bare line feed", post("X-A: a\nTransfer-Encoding: chunked\r\n", &hidden_chunked), Refused),
        ("a bare carriage return", post("X-A: a\rTransfer-Encoding: chunked\r\nContent-Length: 2\r\n", "hi"), Refused),
        ("a zero in a value", post("X-A: a\0b\r\nContent-Length: 2\r\n", "hi"), Refused),
        (
            "a third word in the first line",
            "GET /v1/media HTTP/1.1 GET\r\nHost: x\r\nConnection: close\r\n\r\n".into(),
            Refused,
        ),
        (
            "line ends in the address",
            "GET /v1/accounts/a%0d%0aX-Evil:%201%0d%0a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".into(),
            Once(""),
        ),
        (
            "a body where none is due",
            format!(
                "GET /v1/media HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n\
                 {SMUGGLED_REQUEST}",
                SMUGGLED_REQUEST.len()
            ),
            Once(SMUGGLED_REQUEST),
        ),
        (
            "a chunked body where none is due",
            format!(
                "GET /v1/media HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{chunked}\r\n\
                 {:x}\r\n{SMUGGLED_REQUEST}\r\n0\r\n\r\n",
                SMUGGLED_REQUEST.len()
            ),
            Once(""),
        ),
        (
            "a length that Connection would take away",
            post("Connection: content-length\r\nContent-Length: 2\r\n", "hi"),
            Once("hi"),
        ),
        (
            "another protocol",
            post(
                concat!(
                    "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n",
                    "Connection: Upgrade, HTTP2-Settings\r\nContent-Length: 2\r\n",
                ),
                "hi",
            ),
            Once("hi"),
        ),
        // A handshake has no body; what brings one is no handshake, and its body stays its own.
        (
            "a handshake with a length",
            post(HANDSHAKE, SMUGGLED_REQUEST)
                .replace("POST", "GET")
                .replace("LENGTH", &SMUGGLED_REQUEST.len().to_string()),
            Once(SMUGGLED_REQUEST),
        ),
        (
            "a handshake with a coding",
            post(&HANDSHAKE.replace("Content-Length: LENGTH", "Transfer-Encoding: chunked"), "2\r\nhi\r\n0\r\n\r\n")
                .replace("POST", "GET"),
            Once(""),
        ),
        ("a tunnel", "CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\n".into(), Refused),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn no_hidden_request_is_handled() {
    let harness = Harness::start(&[]).await;
    let mut wrong = Vec::new();
    for (name, request, expected) in cases() {
        let before = harness.received().len();
        let response = harness.send_raw(request.as_bytes()).await;
        let seen: Vec<ReceivedRequest> = harness.received().split_off(before);
        let first = response.lines().next().unwrap_or_default();
        let right = match expected {
            // The response has a problem body: the server refused the request, not the HTTP library.
            Refused => {
                first.starts_with("HTTP/1.1 40")
                    && response.matches("HTTP/1.1 ").count() == 1
                    && seen.is_empty()
                    && response.contains("\"code\":\"request.")
            }
            Then400(body) => {
                let (good, rest) = response.split_at(response.rfind("HTTP/1.1 ").unwrap_or_default());
                good.starts_with("HTTP/1.1 200")
                    && rest.starts_with("HTTP/1.1 400")
                    && rest.contains("request.malformed")
                    && seen.len() == 1
                    && seen[0].body == body.as_bytes()
            }
            Once(body) => {
                first.starts_with("HTTP/1.1 200")
                    && seen.len() == 1
                    && seen[0].body == body.as_bytes()
                    && well_formed(&seen[0])
            }
        };
        if !right {
            wrong.push(format!("{name}: the response was `{first}`, the role got {seen:?}"));
        }
    }
    // A leftover in a connection between gateway and role would show up in the next requests.
    for _ in 0..5 {
        assert!(
            harness
                .send_raw(b"GET /v1/media?after HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                .await
                .starts_with("HTTP/1.1 200")
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(harness.received().iter().all(|seen| !seen.uri.contains("smuggled")));
    assert_eq!(harness.received().iter().filter(|seen| seen.uri.contains("after")).count(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_chunk_is_not_called_too_large() {
    let harness = Harness::start(&[]).await;
    for (path, kind) in [("/v1/media", "image/png"), ("/v1/media/claims", "application/json")] {
        let head =
            format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n");
        for wrong in ["zz\r\n", "5\r\nhelloXX\r\n", "5\r\nhello\r\n0\r\nbad trailer\r\n\r\n"] {
            let response = harness.send_raw(format!("{head}{wrong}").as_bytes()).await;
            assert!(
                response.starts_with("HTTP/1.1 400")
                    && response.contains("request.malformed")
                    && response.to_lowercase().contains("connection: close"),
                "{wrong:?}: {response}"
            );
        }
    }
    assert!(harness.received().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn earlier_requests_get_their_responses_before_a_refusal() {
    let harness = Harness::start(&[]).await;
    let mut stream = harness.connect().await;
    // A request with a slow response, followed at once by a malformed one.
    stream.write_all(b"GET /v1/files/slow HTTP/1.1\r\nHost: x\r\n\r\nGET /v1/me HTTP/1.1\nHost: x\n\n").await.unwrap();
    read_until(&mut stream, "first ").await;
    harness.role.resume.notify_one();
    let response = read_to_end(&mut stream).await;
    let (slow, refused) = (response.find("second").unwrap(), response.find("HTTP/1.1 400").unwrap());
    assert!(slow < refused && response.contains("request.malformed"), "{response}");
    assert!(harness.received().is_empty());
}

fn well_formed(seen: &ReceivedRequest) -> bool {
    let count = |name| seen.headers.get_all(name).iter().count();
    let framings = count("content-length") + count("transfer-encoding");
    seen.uri.starts_with('/')
        && count("host") == 1
        && framings <= 1
        && !seen.headers.contains_key("upgrade")
        && !seen.headers.contains_key("x-evil")
        && !seen.method.is_empty()
}
