//! Attacks over HTTP/1 on a plain listener: what the server keeps for the attackers is bounded, and an honest client
//! beside them is served.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use base::Clock;
use base::tasks::Tasks;
use base::telemetry::Metrics;
use http_server::auth::{JwkSet, Verifier};
use http_server::{LayerState, Limits, Listener, serve, with_common_layers};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;

use crate::secure::{Seen, routes};

const TIMEOUT: Duration = Duration::from_secs(30);

struct Server {
    address: SocketAddr,
    metrics: Metrics,
    seen: Arc<Seen>,
    _tasks: Tasks,
}

impl Server {
    async fn start(limits: Limits) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, tasks, seen) = (socket.local_addr().unwrap(), Tasks::default(), Arc::new(Seen::default()));
        let metrics = Metrics::default();
        let verifier = Verifier::pinned(&JwkSet { keys: Vec::new() }, Clock::system());
        let router = with_common_layers(routes(&seen), LayerState { role: "test", metrics: metrics.clone(), verifier });
        serve(Listener { socket, limits, open: metrics.connections.clone() }, router, &tasks);
        Self { address, metrics, seen, _tasks: tasks }
    }

    fn connections(&self) -> i64 {
        self.metrics.connections.get()
    }

    /// Sends a request over a connection of its own, as an honest client, and returns the response.
    async fn send(&self, head: &str, body: &[u8]) -> String {
        let exchange = async {
            let mut stream = TcpStream::connect(self.address).await?;
            let length = body.len();
            let head = format!("{head} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n");
            stream.write_all(format!("{head}Content-Type: application/json\r\n\r\n").as_bytes()).await?;
            // A refusal may come before the body has been sent.
            let _ = stream.write_all(body).await;
            let mut response = Vec::new();
            stream.read_to_end(&mut response).await?;
            Ok::<_, std::io::Error>(response)
        };
        let response = tokio::time::timeout(TIMEOUT, exchange).await.expect("it gets in").unwrap();
        String::from_utf8_lossy(&response).into_owned()
    }

    async fn is_well(&self) {
        let response = self.send("GET /ok", b"").await;
        assert!(response.starts_with("HTTP/1.1 200") && response.ends_with("ok"), "{response}");
    }

    /// Waits until every connection has ended.
    async fn ends_all(&self) {
        let none_left = async {
            while self.connections() > 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(TIMEOUT, none_left).await.expect("each attacker's connection ends");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_heads_on_many_connections_keep_no_honest_client_out() {
    let limits = Limits {
        max_connections: 64,
        max_per_prefix: 64,
        idle_timeout: Duration::from_millis(50),
        header_timeout: Duration::from_millis(400),
        ..Limits::default()
    };
    let server = Server::start(limits).await;
    let (address, mut attackers) = (server.address, JoinSet::new());
    for _ in 0..300 {
        attackers.spawn(async move {
            let Ok(mut stream) = TcpStream::connect(address).await else { return };
            let mut part = &b"GET /ok HTTP/1.1\r\nHost: x\r\n"[..];
            while stream.write_all(part).await.is_ok() {
                part = b"X-Slow: 1\r\n";
                tokio::time::sleep(Duration::from_millis(40)).await;
            }
        });
    }
    for _ in 0..20 {
        server.is_well().await;
        assert!(server.connections() <= 64);
    }
    tokio::time::timeout(TIMEOUT, attackers.join_all()).await.expect("each attacker is cut off");
    server.ends_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_take_nothing_or_say_too_much_are_cut_off() {
    let server = Server::start(Limits { write_timeout: Duration::from_millis(400), ..Limits::default() }).await;
    let mut readers = Vec::new();
    for _ in 0..32 {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(8 * 1024).unwrap();
        let mut stream = socket.connect(server.address).await.unwrap();
        stream.write_all(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        readers.push(stream);
    }
    server.is_well().await;
    server.ends_all().await;
    let made = server.seen.made.load(Ordering::Relaxed);
    // What is on its way is in the buffers of the system, which are a few megabytes at most.
    assert!(made < 32 * (8 << 20), "{made} bytes were made for clients that took none");
    drop(readers);

    // A head that never ends, and one in too many lines.
    for part in [vec![b'a'; 64 * 1024], b"X-Y: z\r\n".repeat(8 * 1024)] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(b"GET /ok HTTP/1.1\r\nHost: x\r\nX-Long: ").await.unwrap();
        let mut sent = 0;
        while sent < 1_024 && stream.write_all(&part).await.is_ok() {
            sent += 1;
        }
        assert!(sent < 1_024, "64 MiB of a head were taken");
        server.is_well().await;
    }
    server.ends_all().await;
}

#[tokio::test]
async fn bodies_that_would_grow_or_nest_are_refused_before_they_do() {
    let server = Server::start(Limits::default()).await;
    for (head, body, expected) in [
        ("POST /json", vec![b'['; 60_000], ("400", "request.not_json")),
        ("POST /json", vec![b'['; 600_000], ("413", "request.too_large")),
        ("POST /json", br#"{"a":"#.repeat(10_000), ("400", "request.not_json")),
        ("POST /json HTTP/1.1\r\nContent-Encoding: gzip\r\nX:", vec![0x1f; 100], ("415", "request.content_encoding")),
    ] {
        let response = server.send(head, &body).await;
        let (status, code) = expected;
        assert!(response.starts_with(&format!("HTTP/1.1 {status}")) && response.contains(code), "{head}: {response}");
        server.is_well().await;
    }
}
