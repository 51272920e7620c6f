//! A gateway, and behind it one door that plays every role and writes down what it got.
//!
//! Invariant: what is written down came over a socket, and whole; a request that broke off is not in the list.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, get};
use http::{HeaderMap, StatusCode, header};
use http_body_util::BodyExt as _;
use hyper_util::rt::TokioIo;
use kit::http::{Door, Limits, believe, serve};
use kit::tasks::Tasks;
use kit::telemetry::Metrics;
use testkit::World;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{self, Message};

/// A request as the role got it.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) uri: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// The role's side.
#[derive(Clone, Default)]
pub(crate) struct Role {
    pub(crate) seen: Arc<Mutex<Vec<Seen>>>,
    /// Bytes of bodies that have arrived so far, also of those that are not whole.
    pub(crate) arrived: Arc<Mutex<Vec<u8>>>,
    /// Bodies that broke off.
    pub(crate) broken: Arc<Mutex<usize>>,
    /// WebSockets that were closed with a goodbye.
    pub(crate) closed: Arc<Mutex<usize>>,
    /// Lets `/v1/files/slow` go on.
    pub(crate) go_on: Arc<Notify>,
    pub(crate) tasks: Tasks,
}

/// The gateway, and what is behind it.
pub(crate) struct Stage {
    pub(crate) world: World,
    pub(crate) role: Role,
}

impl Stage {
    pub(crate) async fn with(settings: &[&str]) -> Self {
        let world = settings.iter().fold(World::builder(), |world, setting| world.set(setting)).start(&[gateway::service()]).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, role) = (listener.local_addr().unwrap(), Role::default());
        let routes = Router::new()
            .route("/v1/files/slow", get(in_two_parts))
            .route("/v1/files/never", get(async || tokio::time::sleep(Duration::from_secs(600)).await))
            .route("/v1/media/{id}/events", get(live))
            .route("/v1/media/{id}/socket", get(socket))
            .fallback(any(record))
            .with_state(role.clone())
            .layer(axum::middleware::from_fn(believe))
            .route("/readyz", get(async || "ready"));
        serve(Door { listener, limits: Limits::default(), open: Metrics::default().connections }, routes, &role.tasks);
        for name in ["accounts", "media", "delivery"] {
            world.process.peers.plays_at(name, &format!("http://{address}"));
        }
        Self { world, role }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.world.address.trim_start_matches("http://").parse().unwrap()
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address()).await.unwrap()
    }

    /// Sends this as it is and reads until the gateway closes the connection.
    pub(crate) async fn raw(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect().await;
        stream.write_all(bytes).await.unwrap();
        rest(&mut stream).await
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.role.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What comes until the other side closes; fails the test if it doesn't.
pub(crate) async fn rest(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await;
    assert!(read.is_ok(), "the connection stayed open: {}", String::from_utf8_lossy(&answer));
    String::from_utf8_lossy(&answer).into_owned()
}

/// Reads until this has come.
pub(crate) async fn read_until(stream: &mut TcpStream, what: &str) -> String {
    let mut read = String::new();
    let mut some = [0; 4096];
    while !read.contains(what) {
        let bytes = tokio::time::timeout(Duration::from_secs(20), stream.read(&mut some)).await.expect("something comes").unwrap();
        assert!(bytes > 0, "the end came before {what}: {read}");
        read.push_str(&String::from_utf8_lossy(&some[..bytes]));
    }
    read
}

/// Waits until it is so; fails the test after half a minute.
pub(crate) async fn until(promise: &str, mut what: impl FnMut() -> bool) {
    let started = std::time::Instant::now();
    while !what() {
        assert!(started.elapsed() < Duration::from_secs(30), "waited in vain: {promise}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn record(State(role): State<Role>, request: Request) -> Response {
    let (parts, mut body) = request.into_parts();
    let mut whole = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            *role.broken.lock().unwrap() += 1;
            return StatusCode::BAD_REQUEST.into_response();
        };
        if let Ok(bytes) = frame.into_data() {
            whole.extend_from_slice(&bytes);
            role.arrived.lock().unwrap().extend_from_slice(&bytes);
        }
    }
    let seen = Seen { method: parts.method.to_string(), uri: parts.uri.to_string(), headers: parts.headers, body: whole };
    role.seen.lock().unwrap().push(seen);
    ([("x-private", "1"), ("connection", "x-private"), ("keep-alive", "timeout=5"), ("x-public", "2"), ("set-cookie", "planted=1")], "ok").into_response()
}

async fn in_two_parts(State(role): State<Role>) -> Response {
    let parts = futures::stream::unfold(0, move |part| {
        let role = role.clone();
        async move {
            match part {
                0 => Some((Ok::<_, std::io::Error>("first "), 1)),
                1 => {
                    role.go_on.notified().await;
                    Some((Ok("second"), 2))
                }
                _ => None,
            }
        }
    });
    Body::from_stream(parts).into_response()
}

/// A stream that says one thing and then waits for ever.
async fn live() -> Response {
    use futures::StreamExt as _;
    let later = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        Ok("event: state\ndata: 2\n\n")
    };
    let events = futures::stream::iter([Ok::<_, std::io::Error>("event: state\ndata: 1\n\n")]).chain(futures::stream::once(later)).chain(futures::stream::pending());
    ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(events)).into_response()
}

/// A WebSocket that says welcome, and what it hears.
async fn socket(State(role): State<Role>, mut request: Request) -> Response {
    use futures::{SinkExt as _, StreamExt as _};
    let accept = tungstenite::handshake::derive_accept_key(request.headers()[header::SEC_WEBSOCKET_KEY].as_bytes());
    let upgraded = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let stream = TokioIo::new(upgraded.await.unwrap());
        let mut socket = WebSocketStream::from_raw_socket(stream, tungstenite::protocol::Role::Server, None).await;
        socket.send(Message::text("welcome")).await.unwrap();
        while let Some(Ok(message)) = socket.next().await {
            match message {
                Message::Close(_) => *role.closed.lock().unwrap() += 1,
                Message::Text(_) | Message::Binary(_) => socket.send(message).await.unwrap(),
                // Pings are answered by the library.
                _ => {}
            }
        }
    });
    let headers = [(header::CONNECTION, "upgrade"), (header::UPGRADE, "websocket"), (header::SEC_WEBSOCKET_ACCEPT, accept.as_str())];
    (StatusCode::SWITCHING_PROTOCOLS, headers).into_response()
}
