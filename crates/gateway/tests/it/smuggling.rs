//! Request smuggling: whatever is sent, it is refused and the connection closed, or the role behind gets exactly one well-formed request.
//!
//! Invariant: nothing that was hidden in a request (`smuggled`) is ever a request of its own.

use crate::stage::{Seen, Stage};

const HIDDEN: &str = "GET /v1/me?smuggled HTTP/1.1\r\nHost: x\r\n\r\n";

/// What must become of it.
enum Fate {
    Refused,
    /// The role gets one request with this body.
    Once(&'static str),
}
use Fate::{Once, Refused};

fn post(headers: &str, body: &str) -> String {
    format!("POST /v1/media HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n{body}")
}

fn cases() -> Vec<(&'static str, String, Fate)> {
    let hidden_chunked = format!("0\r\n\r\n{HIDDEN}");
    let chunked = "Transfer-Encoding: chunked\r\n";
    vec![
        // Both framings: hyper goes by the coding, drops the length and ends the connection (RFC 9112 §6.1).
        ("length, then coding", post("Content-Length: 6\r\nTransfer-Encoding: chunked\r\n", &hidden_chunked).replace("Connection: close\r\n", ""), Once("")),
        ("coding, then length", post("Transfer-Encoding: chunked\r\nContent-Length: 100\r\n", &hidden_chunked).replace("Connection: close\r\n", ""), Once("")),
        ("two lengths", post("Content-Length: 0\r\nContent-Length: 44\r\n", HIDDEN), Refused),
        ("the same length twice", post("Content-Length: 2\r\nContent-Length: 2\r\n", "hi"), Once("hi")),
        ("a list of lengths", post("Content-Length: 2, 2\r\n", "hi"), Refused),
        ("a length with a sign", post("Content-Length: +5\r\n", "hello"), Refused),
        ("a negative length", post("Content-Length: -1\r\n", HIDDEN), Refused),
        ("a hexadecimal length", post("Content-Length: 0x5\r\n", "hello"), Refused),
        ("an empty length", post("Content-Length: \r\n", HIDDEN), Refused),
        ("a length past 64 bits", post("Content-Length: 18446744073709551617\r\n", "x"), Refused),
        ("a space before the length's colon", post("Content-Length : 5\r\n", "hello"), Refused),
        ("an unknown coding", post("Transfer-Encoding: xchunked\r\n", &hidden_chunked), Refused),
        ("chunked is not the last coding", post("Transfer-Encoding: chunked, identity\r\n", &hidden_chunked), Refused),
        ("identity before chunked", post("Transfer-Encoding: identity, chunked\r\n", &hidden_chunked), Refused),
        ("a coding that we can't undo", post("Transfer-Encoding: gzip, chunked\r\n", &hidden_chunked), Refused),
        ("two codings, the good one last", post("Transfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n", &hidden_chunked), Refused),
        ("two codings, the good one first", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n", &hidden_chunked), Refused),
        ("a folded coding", post("Transfer-Encoding:\r\n chunked\r\n", &hidden_chunked), Refused),
        ("a folded header", post("X-A: a\r\n Transfer-Encoding: chunked\r\nContent-Length: 2\r\n", "hi"), Refused),
        ("a space before the coding's colon", post("Transfer-Encoding : chunked\r\n", &hidden_chunked), Refused),
        ("a tab in the coding", post("Transfer-Encoding: \u{b}chunked\r\n", &hidden_chunked), Refused),
        ("a quoted coding", post("Transfer-Encoding: \"chunked\"\r\n", &hidden_chunked), Refused),
        (
            "a coding in HTTP/1.0",
            post(&format!("Connection: keep-alive\r\n{chunked}"), &hidden_chunked).replace("HTTP/1.1\r\nHost: x\r\nConn", "HTTP/1.0\r\nHost: x\r\nConn"),
            Refused,
        ),
        ("a chunk size past 64 bits", post(chunked, "FFFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n"), Refused),
        ("a chunk size with a sign", post(chunked, "-5\r\nhello\r\n0\r\n\r\n"), Refused),
        ("a chunk size with a prefix", post(chunked, "0x5\r\nhello\r\n0\r\n\r\n"), Refused),
        ("a chunk longer than its size", post(chunked, "5\r\nhelloGET /v1/me?smuggled HTTP/1.1\r\n0\r\n\r\n"), Refused),
        ("a chunk extension", post(chunked, "5;a=\"b\"\r\nhello\r\n0\r\n\r\n"), Once("hello")),
        ("trailers", post(chunked, "5\r\nhello\r\n0\r\nContent-Length: 3\r\n\r\n"), Once("hello")),
        ("what follows a closing request", post(chunked, &hidden_chunked), Once("")),
        ("the same host in the address", "GET http://x/v1/media HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".into(), Once("")),
        ("another host in the address", "GET http://y/v1/media HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".into(), Refused),
        ("two hosts", "GET /v1/media HTTP/1.1\r\nHost: x\r\nHost: y\r\nConnection: close\r\n\r\n".into(), Refused),
        ("no host", "GET /v1/media HTTP/1.1\r\nConnection: close\r\n\r\n".into(), Refused),
        ("bare line feeds", "GET /v1/media HTTP/1.1\nHost: x\nConnection: close\n\n".into(), Once("")),
        ("a coding behind a bare line feed", post("X-A: a\nTransfer-Encoding: chunked\r\n", &hidden_chunked), Once("")),
        ("a bare carriage return", post("X-A: a\rTransfer-Encoding: chunked\r\nContent-Length: 2\r\n", "hi"), Refused),
        ("a zero in a value", post("X-A: a\0b\r\nContent-Length: 2\r\n", "hi"), Refused),
        ("a third word in the first line", "GET /v1/media HTTP/1.1 GET\r\nHost: x\r\nConnection: close\r\n\r\n".into(), Refused),
        ("line ends in the address", "GET /v1/accounts/a%0d%0aX-Evil:%201%0d%0a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".into(), Once("")),
        ("a body where none is due", format!("GET /v1/media HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{HIDDEN}", HIDDEN.len()), Once(HIDDEN)),
        (
            "a chunked body where none is due",
            format!("GET /v1/media HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{chunked}\r\n{:x}\r\n{HIDDEN}\r\n0\r\n\r\n", HIDDEN.len()),
            Once(""),
        ),
        ("a length that Connection would take away", post("Connection: content-length\r\nContent-Length: 2\r\n", "hi"), Once("hi")),
        ("another protocol", post("Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\nConnection: Upgrade, HTTP2-Settings\r\nContent-Length: 2\r\n", "hi"), Once("hi")),
        ("a tunnel", "CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\n".into(), Refused),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_hidden_in_a_request_becomes_one() {
    let stage = Stage::with(&[]).await;
    let mut wrong = Vec::new();
    for (name, request, fate) in cases() {
        let before = stage.seen().len();
        let answer = stage.raw(request.as_bytes()).await;
        let seen: Vec<Seen> = stage.seen().split_off(before);
        let first = answer.lines().next().unwrap_or_default();
        let right = match fate {
            Refused => first.starts_with("HTTP/1.1 40") && answer.matches("HTTP/1.1 ").count() == 1 && seen.is_empty(),
            Once(body) => first.starts_with("HTTP/1.1 200") && seen.len() == 1 && seen[0].body == body.as_bytes() && well_formed(&seen[0]),
        };
        if !right {
            wrong.push(format!("{name}: answered `{first}`, the role got {seen:?}"));
        }
    }
    // Whatever was left in a connection between the two would come to light with the next requests.
    for _ in 0..5 {
        assert!(stage.raw(b"GET /v1/media?after HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.starts_with("HTTP/1.1 200"));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(stage.seen().iter().all(|seen| !seen.uri.contains("smuggled")));
    assert_eq!(stage.seen().iter().filter(|seen| seen.uri.contains("after")).count(), 5);
}

fn well_formed(seen: &Seen) -> bool {
    let count = |name| seen.headers.get_all(name).iter().count();
    let framings = count("content-length") + count("transfer-encoding");
    seen.uri.starts_with('/') && count("host") == 1 && framings <= 1 && !seen.headers.contains_key("upgrade") && !seen.headers.contains_key("x-evil") && !seen.method.is_empty()
}
