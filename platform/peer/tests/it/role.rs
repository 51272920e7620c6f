//! Roles that run elsewhere, for tests: real listeners on loopback, and sockets that misbehave.
//!
//! Invariant: a role counts the requests that reach it, so a test can tell what was sent from what was responded to.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::routing::{any, get};
use base::Clock;
use base::tasks::Tasks;
use base::telemetry::Metrics;
use http::StatusCode;
use http_body_util::{BodyExt as _, Collected};
use http_server::auth::{JwkSet, Verifier};
use http_server::{LayerState, Limits, Listener, serve, trust_internal_headers, with_common_layers};
use peer::{PeerUrls, Peers, Timeouts};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, SemaphorePermit};

pub(crate) const SHORT: Timeouts = Timeouts {
    response: Duration::from_millis(400),
    request_body: Duration::from_millis(400),
    response_idle: Duration::from_millis(400),
    unresponsive: Duration::from_secs(8),
};

/// An instance with a few routes: `/who`, `/hold`, `/echo`, `/chunked`, `/slow`.
pub(crate) struct Role {
    pub(crate) address: SocketAddr,
    pub(crate) hits: Arc<AtomicUsize>,
    pub(crate) ready: Arc<AtomicBool>,
    /// Whether it does not respond to health checks.
    pub(crate) silent: Arc<AtomicBool>,
    /// A permit lets one request at `/hold` finish.
    pub(crate) held: Arc<Semaphore>,
    pub(crate) tasks: Tasks,
}

impl Role {
    pub(crate) async fn start() -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").await.unwrap(), Limits::default())
    }

    pub(crate) fn on(listener: TcpListener, limits: Limits) -> Self {
        let (tasks, metrics) = (Tasks::default(), Metrics::default());
        let (hits, ready, held) =
            (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(true)), Arc::new(Semaphore::new(0)));
        let address = listener.local_addr().unwrap();
        let silent = Arc::new(AtomicBool::new(false));
        let (count, says, hold, mute) = (hits.clone(), ready.clone(), held.clone(), silent.clone());
        let routes = Router::new()
            .route("/who", any(async move || address.port().to_string()))
            .route(
                "/hold",
                get(async move || {
                    hold.acquire().await.map(SemaphorePermit::forget).map_err(|_| StatusCode::IM_A_TEAPOT)
                }),
            )
            .route(
                "/echo",
                any(async |request: Request| {
                    request.into_body().collect().await.map(Collected::to_bytes).map_err(|_| StatusCode::BAD_REQUEST)
                }),
            )
            .route("/headers", any(async |request: Request| format!("{:?}", request.headers())))
            .route(
                "/chunked",
                get(async || Body::from_stream(futures::stream::iter(["a", "b"].map(Ok::<_, std::io::Error>)))),
            )
            .route("/slow", get(async || tokio::time::sleep(Duration::from_secs(30)).await))
            .route("/refuses", any(async || StatusCode::PAYLOAD_TOO_LARGE))
            .layer(axum::middleware::map_request(move |request: Request| {
                count.fetch_add(1, Ordering::SeqCst);
                std::future::ready(request)
            }))
            .layer(axum::middleware::from_fn(trust_internal_headers))
            .route("/readyz", get(async move || readyz(&says, &mute).await));
        let router = with_common_layers(
            routes,
            LayerState {
                role: "test",
                metrics,
                verifier: Verifier::pinned(&JwkSet { keys: Vec::new() }, Clock::system()),
            },
        );
        serve(Listener { socket: listener, limits, open: Metrics::default().connections }, router, &tasks);
        Self { address, hits, ready, silent, held, tasks }
    }

    pub(crate) fn hits(&self) -> usize {
        self.hits.load(Ordering::SeqCst)
    }

    /// Ends at once, like a process that is killed: the socket is closed.
    pub(crate) async fn kill(&self) {
        self.tasks.stop(Duration::from_secs(10)).await;
    }
}

async fn readyz(ready: &AtomicBool, silent: &AtomicBool) -> StatusCode {
    if silent.load(Ordering::SeqCst) {
        std::future::pending::<()>().await;
    }
    if ready.load(Ordering::SeqCst) { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

/// Opens a socket that does `what` with each connection, and counts those that carried a request.
pub(crate) async fn socket<F: Future<Output = ()> + Send>(
    what: impl Fn(TcpStream, usize) -> F + Send + Sync + Clone + 'static,
) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, hits) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
    let count = hits.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (what, count) = (what.clone(), count.clone());
            tokio::spawn(async move {
                let mut head = vec![0; 4096];
                let read = stream.read(&mut head).await.unwrap_or(0);
                if read == 0 {
                    return;
                }
                // A health check gets a response, so that only the test's own requests count.
                if head.starts_with(b"GET /readyz") {
                    let _ =
                        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await;
                    return;
                }
                what(stream, count.fetch_add(1, Ordering::SeqCst)).await;
            });
        }
    });
    (address, hits)
}

/// Returns peers with one role, `media`, at these addresses.
pub(crate) fn peers(timeouts: Timeouts, addresses: &[SocketAddr]) -> Peers {
    let peers = Peers::with_timeouts(timeouts);
    let texts: Vec<String> = addresses.iter().map(|address| format!("http://{address}")).collect();
    peers.register_remote("media", PeerUrls::parse(&texts).unwrap());
    peers
}

/// Sends a GET and reads the response to its end.
pub(crate) async fn fetch(peers: &Peers, path: &str) -> Result<String, peer::Error> {
    let answer = peers.call("media", http::Request::get(path).body(Body::empty()).unwrap()).await?;
    Ok(String::from_utf8(answer.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap())
}

/// Waits until it is so; fails the test after half a minute.
pub(crate) async fn until(promise: &str, mut what: impl FnMut() -> bool) {
    let started = std::time::Instant::now();
    while !what() {
        assert!(started.elapsed() < Duration::from_secs(30), "waited in vain: {promise}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
