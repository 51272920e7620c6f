//! A stand-in for the push services of Google, of Apple and of a browser: it takes everything at once, and counts.
//!
//! Invariant: it listens on the loopback only, with HTTP/1 and HTTP/2, and a request that the real service would refuse
//! for its form counts as wrong.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, Version, header};
use axum::response::{IntoResponse as _, Response};
use axum::serve::ListenerExt as _;
use axum::{Json, Router};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::Error;
use crate::pushes::Provider;

/// The project of Firebase.
pub const PROJECT: &str = "bench";

/// Requests that a service has received.
#[derive(Debug)]
struct Received {
    count: AtomicUsize,
    wrong: AtomicUsize,
    /// When the first one came, in microseconds since the start.
    first_us: AtomicU64,
}

impl Default for Received {
    fn default() -> Self {
        Self { count: AtomicUsize::new(0), wrong: AtomicUsize::new(0), first_us: AtomicU64::new(u64::MAX) }
    }
}

#[derive(Debug)]
struct Shared {
    began: Instant,
    fcm: Received,
    apns: Received,
    webpush: Received,
}

impl Shared {
    fn of(&self, provider: Provider) -> &Received {
        match provider {
            Provider::Fcm => &self.fcm,
            Provider::Apns => &self.apns,
            Provider::Webpush => &self.webpush,
        }
    }

    fn record(&self, provider: Provider, is_right: bool) {
        let received = self.of(provider);
        let at_us = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX);
        received.first_us.fetch_min(at_us, Ordering::Relaxed);
        if !is_right {
            received.wrong.fetch_add(1, Ordering::Relaxed);
        }
        received.count.fetch_add(1, Ordering::Release);
    }
}

/// The services, until this is dropped.
#[derive(Debug)]
pub struct StandIn {
    /// The origin of all three.
    pub url: String,
    shared: Arc<Shared>,
    _server: JoinSet<()>,
}

impl StandIn {
    /// Starts them.
    pub async fn start() -> Result<Self, Error> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let listener = listener.tap_io(|stream| {
            // Without it a response may wait for the one before it.
            let _ = stream.set_nodelay(true);
        });
        let shared = Arc::new(Shared {
            began: Instant::now(),
            fcm: Received::default(),
            apns: Received::default(),
            webpush: Received::default(),
        });
        let routes = Router::new().fallback(receive).with_state(shared.clone());
        let mut server = JoinSet::new();
        server.spawn(async move {
            // It ends with the task.
            let _ = axum::serve(listener, routes).await;
        });
        Ok(Self { url, shared, _server: server })
    }

    /// Begins to count a service's requests anew.
    pub fn forget(&self, provider: Provider) {
        let received = self.shared.of(provider);
        received.first_us.store(u64::MAX, Ordering::Relaxed);
        received.wrong.store(0, Ordering::Relaxed);
        received.count.store(0, Ordering::Release);
    }

    /// Returns the number of requests that a service has received, and of those that are wrong.
    pub fn received(&self, provider: Provider) -> (usize, usize) {
        let received = self.shared.of(provider);
        (received.count.load(Ordering::Acquire), received.wrong.load(Ordering::Relaxed))
    }

    /// Returns the seconds since a service's first request; 0 if there was none.
    pub fn seconds_since_first(&self, provider: Provider) -> f64 {
        let first_us = self.shared.of(provider).first_us.load(Ordering::Relaxed);
        let now_us = u64::try_from(self.shared.began.elapsed().as_micros()).unwrap_or(u64::MAX);
        now_us.saturating_sub(first_us) as f64 / 1e6
    }
}

/// Responds as the real services do when they take a push.
async fn receive(
    State(shared): State<Arc<Shared>>,
    version: Version,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let (path, has) = (uri.path(), |name: &str| headers.contains_key(name));
    let is_signed = headers.contains_key(header::AUTHORIZATION) && !body.is_empty();
    if path == "/token" {
        return Json(json!({ "access_token": "access", "expires_in": 3600 })).into_response();
    }
    if path.starts_with("/v1/projects/") {
        shared.record(Provider::Fcm, is_signed);
        return Json(json!({ "name": format!("projects/{PROJECT}/messages/0:1") })).into_response();
    }
    if path.starts_with("/3/device/") {
        let is_right = is_signed && version == Version::HTTP_2 && has("apns-topic") && has("apns-push-type");
        shared.record(Provider::Apns, is_right);
        return StatusCode::OK.into_response();
    }
    if path.starts_with("/web/") {
        let is_encrypted = headers.get(header::CONTENT_ENCODING).is_some_and(|coding| coding == "aes128gcm");
        shared.record(Provider::Webpush, is_signed && is_encrypted && has("ttl"));
        return StatusCode::CREATED.into_response();
    }
    StatusCode::NOT_FOUND.into_response()
}
