//! Requests to receivers that misbehave, and to addresses that must not be reached.
//!
//! Invariant: a receiver here is a socket that a test reads and writes itself.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base::Networks;
use testkit::engines::{Authority, TlsTerminator};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;

/// Answers every connection with this, as often as it is read, and counts them. Returns the port.
async fn receiver(response: &'static str, repeats: usize, connections: Arc<AtomicUsize>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            connections.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(answer(socket, response, repeats));
        }
    });
    port
}

async fn answer(mut socket: TcpStream, response: &'static str, repeats: usize) {
    let mut request = [0; 4096];
    if socket.read(&mut request).await.is_err() {
        return;
    }
    for _ in 0..repeats {
        if socket.write_all(response.as_bytes()).await.is_err() {
            return;
        }
    }
    // Until the client closes.
    while socket.read(&mut request).await.is_ok_and(|bytes| bytes > 0) {}
}

/// Returns a lookup that gives these addresses, one list after the other; the last one stays.
fn addresses(lists: &[&[&str]]) -> Lookup {
    let lists: Vec<Vec<IpAddr>> =
        lists.iter().map(|list| list.iter().map(|text| text.parse().unwrap()).collect()).collect();
    let asked = Arc::new(AtomicUsize::new(0));
    Arc::new(move |_: String| -> futures::future::BoxFuture<'static, std::io::Result<Vec<IpAddr>>> {
        let place = asked.fetch_add(1, Ordering::SeqCst).min(lists.len() - 1);
        let found = lists[place].clone();
        Box::pin(async move { Ok(found) })
    })
}

fn outbound(allowed: &[&str], lookup: &Lookup) -> Outbound {
    trusting(&[], allowed, lookup)
}

fn trusting(trusted: &[Certificate], allowed: &[&str], lookup: &Lookup) -> Outbound {
    let allowed: Vec<String> = allowed.iter().map(|&text| text.to_owned()).collect();
    Outbound::new(&AddressRules::new(Networks::parse(&allowed).unwrap()), trusted, lookup, Clock::system())
}

async fn post(outbound: &Outbound, url: &str) -> AttemptResult {
    let message = Message { url, id: "1", timestamp: 1, signatures: "v1,x".into(), body: "{}".into() };
    outbound.send(message).await
}

fn error(result: &AttemptResult) -> &str {
    result.attempt.error.as_deref().unwrap_or_default()
}

#[tokio::test]
async fn an_address_that_is_not_public_is_never_connected() {
    let connections = Arc::new(AtomicUsize::new(0));
    let port = receiver("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", 1, connections.clone()).await;
    let cases: [(&[&str], &[&str]); 5] = [
        (&["127.0.0.1"], &[]),
        (&["::ffff:127.0.0.1"], &[]),
        (&["169.254.169.254"], &["127.0.0.0/8"]),
        // A public address beside one that is not.
        (&["1.1.1.1", "127.0.0.1"], &[]),
        (&[], &[]),
    ];
    for (addresses_of_name, allowed) in cases {
        let outbound = outbound(allowed, &addresses(&[addresses_of_name]));
        for scheme in ["https", "http"] {
            let result = post(&outbound, &format!("{scheme}://receiver.test:{port}/")).await;
            assert_eq!(result.attempt.status, None);
            assert!(error(&result).starts_with("It was not sent:"), "{addresses_of_name:?}: {}", error(&result));
        }
    }
    let nothing = outbound(&[], &addresses(&[&["1.1.1.1"]]));
    for host in ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "127.1", "2130706433", "0"] {
        let result = post(&nothing, &format!("https://{host}:{port}/")).await;
        assert!(error(&result).starts_with("It was not sent:"), "{host}: {}", error(&result));
    }
    // A public address, but without TLS.
    assert!(error(&post(&nothing, "http://receiver.test/").await).starts_with("It was not sent:"));
    assert_eq!(connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn outside_production_only_hosts_that_are_named_are_connected() {
    let connections = Arc::new(AtomicUsize::new(0));
    let port = receiver("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", 1, connections.clone()).await;
    let staging =
        Environment { name: "staging".into(), webhook_allowed: vec!["receiver.test".into()], ..Environment::default() };
    let here = ["127.0.0.1"];
    let outbound = outbound(&["127.0.0.0/8"], &addresses(&[&here, &here])).within(staging);
    let refused = post(&outbound, &format!("http://other.test:{port}/")).await;
    assert!(error(&refused).contains("webhook_allowed"), "{}", error(&refused));
    assert_eq!(connections.load(Ordering::SeqCst), 0);
    assert_eq!(post(&outbound, &format!("http://receiver.test:{port}/")).await.attempt.status, Some(200));
}

#[tokio::test]
async fn a_name_that_changes_its_address_is_checked_at_every_request() {
    let connections = Arc::new(AtomicUsize::new(0));
    let port = receiver("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", 1, connections.clone()).await;
    let outbound = outbound(&["127.0.0.1/32"], &addresses(&[&["127.0.0.1"], &["127.0.0.2"]]));
    let url = format!("http://receiver.test:{port}/");
    assert_eq!(post(&outbound, &url).await.attempt.status, Some(200));
    assert!(error(&post(&outbound, &url).await).starts_with("It was not sent:"));
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_name_is_checked_at_every_request_over_tls_as_well() {
    let connections = Arc::new(AtomicUsize::new(0));
    let port = receiver("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", 1, connections.clone()).await;
    let authority = Authority::new();
    let front = TlsTerminator::before(port, &authority);
    let trusted = Certificate::from_pem_bundle(&std::fs::read(authority.ca_file()).unwrap()).unwrap();
    let outbound = trusting(&trusted, &["127.0.0.1/32"], &addresses(&[&["127.0.0.1"], &["127.0.0.2"]]));
    let url = format!("https://localhost:{}/", front.port());
    let first = post(&outbound, &url).await;
    assert_eq!(first.attempt.status, Some(200), "{}", error(&first));
    assert!(error(&post(&outbound, &url).await).starts_with("It was not sent:"));
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_redirect_is_a_failure_and_is_not_followed() {
    let connections = Arc::new(AtomicUsize::new(0));
    let response = "HTTP/1.1 307 Temporary Redirect\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n";
    let port = receiver(response, 1, connections.clone()).await;
    let outbound = outbound(&["127.0.0.0/8"], &addresses(&[&["127.0.0.1"]]));
    let result = post(&outbound, &format!("http://127.0.0.1:{port}/")).await;
    assert_eq!(result.attempt.status, Some(307));
    assert!(error(&result).contains("redirects"), "{}", error(&result));
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn an_endless_body_is_cut_off_and_retry_after_is_read() {
    let outbound = outbound(&["127.0.0.0/8"], &addresses(&[&["127.0.0.1"]]));
    // Each read finds more; the first one also has the head.
    let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endless = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut request = [0; 4096];
        assert!(socket.read(&mut request).await.unwrap() > 0);
        socket.write_all(head.as_bytes()).await.unwrap();
        while socket.write_all(b"8\r\na\0aaaaaa\r\n").await.is_ok() {}
    });
    let result = post(&outbound, &format!("http://127.0.0.1:{endless}/")).await;
    assert_eq!(result.attempt.status, Some(200));
    let kept = result.attempt.response.unwrap();
    assert!(kept.starts_with("a\u{fffd}aaaaaa") && kept.chars().count() == MAX_RESPONSE_BYTES, "{}", kept.len());

    let busy = "HTTP/1.1 429 Too Many Requests\r\nretry-after: 120\r\ncontent-length: 0\r\n\r\n";
    let port = receiver(busy, 1, Arc::default()).await;
    let result = post(&outbound, &format!("http://127.0.0.1:{port}/")).await;
    assert_eq!((result.attempt.status, result.retry_after), (Some(429), Some(TimeDelta::seconds(120))));
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_hangs_is_given_up_after_fifteen_seconds() {
    let outbound = outbound(&["127.0.0.0/8"], &addresses(&[&["127.0.0.1"]]));
    // It takes the connection, and never answers.
    let port = receiver("", 0, Arc::default()).await;
    let began = Instant::now();
    let result = post(&outbound, &format!("http://127.0.0.1:{port}/")).await;
    assert_eq!(result.attempt.status, None);
    assert!(error(&result).starts_with("No "), "{}", error(&result));
    assert!(began.elapsed() <= TOTAL_TIMEOUT + Duration::from_secs(1), "{:?}", began.elapsed());
}
