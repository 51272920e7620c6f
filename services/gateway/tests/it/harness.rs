//! The test harness: a gateway, and behind it one server that plays every role and records the requests that it
//! received.
//!
//! Invariant: a recorded request came over a socket and was complete; an incomplete request is not recorded.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, get};
use base::Query as _;
use base::tasks::Tasks;
use base::telemetry::Metrics;
use chrono::DateTime;
use contract::media::{Kind, Received, Visibility};
use contract::{AccountId, ObjectKey};
use http::{HeaderMap, StatusCode, header};
use http_body_util::BodyExt as _;
use http_server::{Limits, Listener, serve, trust_internal_headers};
use hyper_util::rt::TokioIo;
use service::personal_data::PersonalData;
use service::{FindFlags, FlagsState, RoleInstance, Service};
use testkit::World;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{self, Message};
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::path::{HttpMethod, OperationBuilder};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::{Content, OpenApi};
use uuid::Uuid;

/// The paths of the fake role's part for accounts. Their operations have the extension `x-cookies` if the second value
/// is true.
const ACCOUNTS: [(&str, bool); 5] = [
    ("/v1/accounts", true),
    ("/v1/accounts/{handle}", false),
    ("/v1/sessions", true),
    ("/v1/sessions/{session}", true),
    ("/v1/me", true),
];
/// An item and an album whose preview the fake role has at once, and an item whose preview never comes.
pub(crate) const SHARED: &str = "5kT0vYq8Zb3mXw1RcHs9Ga";
pub(crate) const NEVER: &str = "0000000000000000000000";
/// An item, and the account that owns it.
pub(crate) const OWNED: &str = "5kT0vYq8Zb3mXw1RcHs9Gb";
pub(crate) const OWNER: AccountId = AccountId(Uuid::from_u128(8));
const MEDIA: [&str; 5] =
    ["/v1/media", "/v1/media/claims", "/v1/media/{id}", "/v1/media/{id}/socket", "/v1/albums/{id}/items"];

/// A request as the fake role received it.
#[derive(Debug, Clone)]
pub(crate) struct ReceivedRequest {
    pub(crate) method: String,
    pub(crate) uri: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// The state of the fake role.
#[derive(Clone, Default)]
pub(crate) struct FakeRole {
    pub(crate) received: Arc<Mutex<Vec<ReceivedRequest>>>,
    /// The bytes of all bodies received so far, complete or not.
    pub(crate) body_bytes: Arc<Mutex<Vec<u8>>>,
    /// How many bodies ended too early.
    pub(crate) incomplete_bodies: Arc<Mutex<usize>>,
    /// How many WebSockets received a close frame.
    pub(crate) closed_sockets: Arc<Mutex<usize>>,
    /// Makes `/v1/files/slow` send its second part.
    pub(crate) resume: Arc<Notify>,
    pub(crate) tasks: Tasks,
}

/// A running gateway and the fake role behind it.
pub(crate) struct Harness {
    pub(crate) world: World,
    pub(crate) role: FakeRole,
}

impl Harness {
    pub(crate) async fn start(settings: &[&str]) -> Self {
        let world = settings
            .iter()
            .fold(World::builder(), |world, setting| world.set(setting))
            .beside(&roles())
            .start(&[gateway::service()])
            .await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, role) = (listener.local_addr().unwrap(), FakeRole::default());
        let routes = Router::new()
            .route("/v1/files/slow", get(respond_in_two_parts))
            .route("/v1/files/never", get(async || tokio::time::sleep(Duration::from_secs(600)).await))
            .route("/v1/media/{id}/events", get(event_stream))
            .route("/v1/media/{id}/socket", get(echo_websocket))
            .route("/internal/media/{id}", get(item))
            .route("/internal/media/{id}/preview", get(preview))
            .route("/internal/albums/{id}/preview", get(album_preview))
            .route("/internal/albums/{id}/owner", get(async || axum::Json(OWNER)))
            // Every process asks for the flags by itself, at any time, so it is not recorded.
            .route(FindFlags::PATH, get(async || axum::Json(FlagsState::default())))
            .fallback(any(record))
            .with_state(role.clone())
            .layer(axum::middleware::from_fn(trust_internal_headers))
            .route("/readyz", get(async || "ready"));
        serve(
            Listener { socket: listener, limits: Limits::default(), open: Metrics::default().connections },
            routes,
            &role.tasks,
        );
        for service in roles() {
            world.process.peers.register_remote_url(service.name, &format!("http://{address}"));
        }
        Self { world, role }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.world.url.trim_start_matches("http://").parse().unwrap()
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address()).await.unwrap()
    }

    /// Sends bytes unchanged and returns everything received until the gateway closes the connection.
    pub(crate) async fn send_raw(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect().await;
        stream.write_all(bytes).await.unwrap();
        read_to_end(&mut stream).await
    }

    pub(crate) fn received(&self) -> Vec<ReceivedRequest> {
        self.role.received.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Returns the roles behind the gateway: their OpenAPI parts have what the tests request.
fn roles() -> [Service; 3] {
    let role = |name: &'static str, openapi: fn() -> OpenApi| Service {
        name,
        migrations: None,
        objects: &[],
        personal_data: PersonalData::Nothing("It is part of a test."),
        openapi,
        codes: &[],
        sections: Vec::new,
        subscriptions: |_| Vec::new(),
        start: |_| Box::pin(std::future::ready(Ok(RoleInstance::default()))),
    };
    [
        role("accounts", || {
            let cookies = |has_cookies| if has_cookies { &["x-cookies"][..] } else { &[] };
            part(ACCOUNTS.map(|(path, has_cookies)| (path, cookies(has_cookies))))
        }),
        role("media", || {
            let paths = MEDIA.map(|path| (path, &[][..]));
            let others = [("/v1/media/{id}/events", &["x-stream"][..]), ("/v1/media/{id}/text", &[JSON_BODY][..])];
            part(paths.into_iter().chain(others))
        }),
        role("delivery", || part([("/v1/media/{id}/{part}", &["x-wildcard"][..]), ("/v1/files/{name}", &[])])),
    ]
}

/// The flag of operations whose POST has a JSON body.
const JSON_BODY: &str = "json-body";

/// Returns an OpenAPI part with GET and POST at each path, with these extensions.
fn part<'a>(paths: impl IntoIterator<Item = (&'a str, &'a [&'a str])>) -> OpenApi {
    let mut part = OpenApi::default();
    for (path, flags) in paths {
        let has_json_body = flags.contains(&JSON_BODY);
        let flags = flags.iter().fold(ExtensionsBuilder::new(), |all, flag| all.add(*flag, true)).build();
        let body =
            has_json_body.then(|| RequestBodyBuilder::new().content("application/json", Content::default()).build());
        let operation = OperationBuilder::new().extensions(Some(flags)).request_body(body).build();
        part.paths.add_path_operation(path, vec![HttpMethod::Get, HttpMethod::Post], operation);
    }
    part
}

/// Returns everything received until the other side closes. Fails the test if it does not close.
pub(crate) async fn read_to_end(stream: &mut TcpStream) -> String {
    let mut response = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut response)).await;
    assert!(read.is_ok(), "the connection stayed open: {}", String::from_utf8_lossy(&response));
    String::from_utf8_lossy(&response).into_owned()
}

/// Reads until `what` has been received, and returns everything read.
pub(crate) async fn read_until(stream: &mut TcpStream, what: &str) -> String {
    let mut read = String::new();
    let mut some = [0; 4096];
    while !read.contains(what) {
        let bytes =
            tokio::time::timeout(Duration::from_secs(20), stream.read(&mut some)).await.expect("data arrives").unwrap();
        assert!(bytes > 0, "the connection ended before {what}: {read}");
        read.push_str(&String::from_utf8_lossy(&some[..bytes]));
    }
    read
}

/// Waits until the condition is met. Fails the test after half a minute.
pub(crate) async fn wait_until(condition: &str, mut is_met: impl FnMut() -> bool) {
    let started = std::time::Instant::now();
    while !is_met() {
        assert!(started.elapsed() < Duration::from_secs(30), "timed out: {condition}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn record(State(role): State<FakeRole>, request: Request) -> Response {
    let (parts, mut body) = request.into_parts();
    let mut whole = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            *role.incomplete_bodies.lock().unwrap() += 1;
            return StatusCode::BAD_REQUEST.into_response();
        };
        if let Ok(bytes) = frame.into_data() {
            whole.extend_from_slice(&bytes);
            role.body_bytes.lock().unwrap().extend_from_slice(&bytes);
        }
    }
    let request = ReceivedRequest {
        method: parts.method.to_string(),
        uri: parts.uri.to_string(),
        headers: parts.headers,
        body: whole,
    };
    role.received.lock().unwrap().push(request);
    (
        [
            ("x-private", "1"),
            ("connection", "x-private"),
            ("keep-alive", "timeout=5"),
            ("x-public", "2"),
            ("set-cookie", "planted=1"),
        ],
        "ok",
    )
        .into_response()
}

async fn item(axum::extract::Path(id): axum::extract::Path<String>) -> Response {
    if id != OWNED {
        return StatusCode::NOT_FOUND.into_response();
    }
    let received = Received {
        id: OWNED.parse().unwrap(),
        owner: OWNER,
        kind: Kind::Photo,
        format: "jpeg".into(),
        content_type: "image/jpeg".into(),
        name: "a photo".into(),
        bytes: 1,
        sha256: "00".into(),
        object: ObjectKey::random(),
        scrub: None,
        visibility: Visibility::Public,
        width: None,
        height: None,
        duration_ms: None,
        orientation: 1,
        created_at: DateTime::UNIX_EPOCH,
        trashed: false,
        captions: Vec::new(),
    };
    axum::Json(received).into_response()
}

async fn preview(axum::extract::Path(id): axum::extract::Path<String>) -> Response {
    match id.as_str() {
        SHARED => axum::Json(serde_json::json!({
            "id": SHARED,
            "kind": "video",
            "name": "</title><script>alert(1)</script>",
            "alt": "\"><script>alert(2)</script>",
            "visibility": "public",
            "width": 1920,
            "height": 1080,
            "image": format!("/v1/media/{SHARED}/poster"),
            "is_viewable": true,
        }))
        .into_response(),
        NEVER => {
            tokio::time::sleep(Duration::from_secs(600)).await;
            StatusCode::NOT_FOUND.into_response()
        }
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn album_preview(axum::extract::Path(id): axum::extract::Path<String>) -> Response {
    if id != SHARED {
        return StatusCode::NOT_FOUND.into_response();
    }
    axum::Json(serde_json::json!({
        "id": SHARED,
        "title": "</title><script>alert(2)</script>",
        "visibility": "unlisted",
        "item_count": 3,
        "cover": null,
    }))
    .into_response()
}

async fn respond_in_two_parts(State(role): State<FakeRole>) -> Response {
    let parts = futures::stream::unfold(0, move |part| {
        let role = role.clone();
        async move {
            match part {
                0 => Some((Ok::<_, std::io::Error>("first "), 1)),
                1 => {
                    role.resume.notified().await;
                    Some((Ok("second"), 2))
                }
                _ => None,
            }
        }
    });
    Body::from_stream(parts).into_response()
}

/// An event stream that sends a second event after two seconds and then stays open.
async fn event_stream() -> Response {
    use futures::StreamExt as _;
    let later = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        Ok("event: state\ndata: 2\n\n")
    };
    let events = futures::stream::iter([Ok::<_, std::io::Error>("event: state\ndata: 1\n\n")])
        .chain(futures::stream::once(later))
        .chain(futures::stream::pending());
    ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(events)).into_response()
}

/// A WebSocket that sends "welcome" and echoes every message.
async fn echo_websocket(State(role): State<FakeRole>, mut request: Request) -> Response {
    use futures::{SinkExt as _, StreamExt as _};
    let accept = tungstenite::handshake::derive_accept_key(request.headers()[header::SEC_WEBSOCKET_KEY].as_bytes());
    let upgraded = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let stream = TokioIo::new(upgraded.await.unwrap());
        let mut socket = WebSocketStream::from_raw_socket(stream, tungstenite::protocol::Role::Server, None).await;
        socket.send(Message::text("welcome")).await.unwrap();
        while let Some(Ok(message)) = socket.next().await {
            match message {
                Message::Close(_) => *role.closed_sockets.lock().unwrap() += 1,
                Message::Text(_) | Message::Binary(_) => socket.send(message).await.unwrap(),
                // Pings are answered by the library.
                _ => {}
            }
        }
    });
    let headers = [
        (header::CONNECTION, "upgrade"),
        (header::UPGRADE, "websocket"),
        (header::SEC_WEBSOCKET_ACCEPT, accept.as_str()),
    ];
    (StatusCode::SWITCHING_PROTOCOLS, headers).into_response()
}
