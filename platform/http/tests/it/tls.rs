//! Listeners with a certificate: what they speak, how a certificate is replaced, and handshakes that don't go on.

use std::sync::atomic::Ordering;
use std::time::Duration;

use http_server::Limits;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::secure::{self, Server, VERSIONS, connect, write_pair};

const GET: &[u8] = b"GET /scheme HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
const TIMEOUT: Duration = Duration::from_secs(20);

/// Sends a request over HTTP/1, and returns the response.
async fn get(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> String {
    stream.write_all(GET).await.unwrap();
    stream.flush().await.unwrap();
    let mut response = Vec::new();
    // The end of the connection may come without that of TLS.
    let _ = tokio::time::timeout(TIMEOUT, stream.read_to_end(&mut response)).await.expect("a response comes");
    String::from_utf8_lossy(&response).into_owned()
}

fn metric(server: &Server, line: &str) -> bool {
    server.metrics.text().lines().any(|there| there == line)
}

#[tokio::test]
async fn both_versions_of_http_are_served_over_both_of_tls() {
    let server = Server::start(Limits::default()).await;
    for version in VERSIONS {
        for (offered, spoken) in [(&["h2", "http/1.1"][..], Some("h2")), (&["http/1.1"], Some("http/1.1")), (&[], None)]
        {
            let mut stream = server.connect(offered, &[version]).await.unwrap();
            let agreed = stream.get_ref().1.alpn_protocol();
            assert_eq!(agreed.map(|name| std::str::from_utf8(name).unwrap()), spoken);
            if spoken != Some("h2") {
                let response = get(&mut stream).await;
                assert!(response.starts_with("HTTP/1.1 200") && response.ends_with("true"), "{response}");
            }
        }
    }
    let response = server.client().get(server.url("/scheme")).send().await.unwrap();
    assert_eq!((response.status().as_u16(), response.version()), (200, http::Version::HTTP_2));
    assert!(response.headers().contains_key("content-security-policy"), "the headers of each listener");
    assert_eq!(response.text().await.unwrap(), "true", "the handler knows the scheme");
    // A protocol that the server does not speak, and none at all.
    assert!(server.connect(&["spdy/3"], &VERSIONS).await.is_err());
    let response = get(&mut TcpStream::connect(server.address).await.unwrap()).await;
    assert!(!response.contains("HTTP/1.1"), "plain text is not answered in plain text: {response}");
}

#[tokio::test]
async fn a_new_certificate_is_used_and_a_bad_one_is_not() {
    let server = Server::start(Limits::default()).await;
    let mut open = server.connect(&[], &VERSIONS).await.unwrap();
    let folder = server.folder.path();
    let second = write_pair(folder, 2101);
    assert!(connect(server.address, &second, &[], &VERSIONS).await.is_err(), "it is not read yet");
    server.tls.reload().await;
    assert!(connect(server.address, &second, &[], &VERSIONS).await.is_ok());
    assert!(server.connect(&[], &VERSIONS).await.is_err(), "the first certificate is not used any more");
    assert!(get(&mut open).await.starts_with("HTTP/1.1 200"), "a connection outlives its certificate");
    assert!(metric(&server, "tutti_tls_reloads_total{listener=\"public\",outcome=\"used\"} 1"));

    // Another pair's key, no certificate, a pair that has expired, no file.
    let mut refused = 0;
    for spoil in [
        |folder: &std::path::Path| {
            let other = tempfile::tempdir().unwrap();
            write_pair(other.path(), 2102);
            std::fs::copy(other.path().join("server.key"), folder.join("server.key")).unwrap();
        },
        |folder: &std::path::Path| std::fs::write(folder.join("server.pem"), "no certificate").unwrap(),
        |folder: &std::path::Path| drop(write_pair(folder, 2020)),
        |folder: &std::path::Path| std::fs::remove_file(folder.join("server.pem")).unwrap(),
    ] {
        spoil(folder);
        // What was looked at once is not counted again.
        server.tls.reload().await;
        server.tls.reload().await;
        refused += 1;
        assert!(metric(
            &server,
            &format!("tutti_tls_reloads_total{{listener=\"public\",outcome=\"refused\"}} {refused}")
        ));
        let mut stream = connect(server.address, &second, &[], &VERSIONS).await.expect("the one before it stays");
        assert!(get(&mut stream).await.starts_with("HTTP/1.1 200"));
    }
    let text = server.metrics.text();
    let expiry = text.lines().find_map(|line| {
        line.strip_prefix("tutti_tls_certificate_expiry_seconds{listener=\"public\"} ")?.parse::<i64>().ok()
    });
    assert!(expiry.is_some_and(|seconds| seconds > 86_400 * 365), "{text}");
}

#[tokio::test]
async fn a_certificate_that_can_not_be_used_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let (files, now) = (secure::files(folder.path()), base::Clock::system().now());
    let error = files.validity(now).unwrap_err().to_string();
    assert!(error.contains("server.pem") && error.contains("can't be read"), "{error}");
    write_pair(folder.path(), 2020);
    let error = files.validity(now).unwrap_err().to_string();
    assert!(error.contains("has expired at 2020-12-31"), "{error}");
    write_pair(folder.path(), 2100);
    assert!(files.validity(now).unwrap().num_days() > 365);
    std::fs::write(&files.key, std::fs::read(&files.certificate).unwrap()).unwrap();
    let error = files.validity(now).unwrap_err().to_string();
    assert!(error.contains("server.key") && error.contains("no private key"), "{error}");
}

#[tokio::test]
async fn a_handshake_that_does_not_go_on_ends_and_makes_room() {
    let limits = Limits { handshake_timeout: Duration::from_millis(200), ..Limits::default() };
    let server = Server::start(limits).await;
    // The head of a record, and nothing of what it announces.
    for begun in [&b""[..], b"\x16\x03\x01\x02\x00"] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(begun).await.unwrap();
        let read = tokio::time::timeout(TIMEOUT, stream.read(&mut [0; 16])).await.expect("it is not waited for");
        assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
    }
    // They are counted right after they have ended.
    let counted = async {
        while !metric(&server, "tutti_tls_handshakes_total{listener=\"public\",outcome=\"timed_out\"} 2") {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(TIMEOUT, counted).await.expect("both are counted");
    // Clients that say nothing hold all places of an address, and one that speaks gets in.
    let server = Server::start(Limits { max_per_prefix: 4, idle_timeout: Duration::ZERO, ..Limits::default() }).await;
    let mut silent = Vec::new();
    for _ in 0..4 {
        silent.push(TcpStream::connect(server.address).await.unwrap());
    }
    let mut stream = server.connect(&[], &VERSIONS).await.expect("there is room");
    assert!(get(&mut stream).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn uploads_that_wait_their_turn_leave_room_for_other_bodies() {
    let server = Server::start(Limits::default()).await;
    let client = server.client();
    assert_eq!(client.get(server.url("/ok")).send().await.unwrap().version(), http::Version::HTTP_2);
    let upload = |_| tokio::spawn(client.post(server.url("/untaken")).body(vec![7_u8; 1 << 20]).send());
    let uploads: Vec<_> = (0..6).map(upload).collect();
    let waiting = async {
        while server.seen.untaken.load(Ordering::Relaxed) < uploads.len() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(TIMEOUT, waiting).await.expect("all have begun");
    let small = client.post(server.url("/json")).header("content-type", "application/json").body("{}").send();
    let response = tokio::time::timeout(TIMEOUT, small).await.expect("it does not wait for them").unwrap();
    assert_eq!(response.text().await.unwrap(), "{}");
    uploads.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test]
async fn what_runs_over_http_2_may_finish_and_nothing_new_begins() {
    let server = Server::start(Limits::default()).await;
    let (client, url) = (server.client(), server.url("/slow"));
    let running = tokio::spawn(client.get(url).send());
    tokio::time::timeout(TIMEOUT, server.seen.entered.notified()).await.expect("the request comes in");
    assert!(server.tasks.stop(TIMEOUT).await, "it did not drain");
    assert_eq!(running.await.unwrap().unwrap().text().await.unwrap(), "slow");
    assert!(client.get(server.url("/ok")).send().await.is_err());
}
