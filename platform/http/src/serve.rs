//! The accept loop: connections with limits, header timeouts and a graceful end.
//!
//! Owns connections, from accepting to closing. Does not own what a request means. `axum::serve` installs no timer, so
//! hyper's header timeout would never fire; here it does. Invariant: a connection that sends nothing, or its header too
//! slowly, is closed; there are never more connections than the limit.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use http::StatusCode;
use http::header::UPGRADE;
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use prometheus_client::metrics::gauge::Gauge;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower::ServiceExt as _;

use super::connections::{ConnectionsByIp, IpPermit, TrackedBody};
use super::framing_stream::{FramingStream, FramingVerdict};
use super::linger::LingeringBody;
use super::security_headers::Policy;
use super::write_timeout::WriteTimeout;
use super::{layers, smuggling};
use base::tasks::Tasks;

/// The limits of a listener.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The maximum of connections.
    pub max_connections: usize,
    /// The maximum of connections from one IPv4 address or IPv6 /64.
    pub max_per_prefix: usize,
    /// How long a connection has to be idle before it may be evicted for another.
    pub idle_timeout: Duration,
    /// The longest time for a request's header to arrive.
    pub header_timeout: Duration,
    /// How long a client may stop reading while something is being sent to it.
    pub write_timeout: Duration,
    /// The read buffer of a connection, in bytes; also the largest header.
    pub buffer_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_connections: 10_000,
            max_per_prefix: 10_000,
            idle_timeout: Duration::from_secs(2),
            header_timeout: Duration::from_secs(15),
            write_timeout: Duration::from_secs(60),
            buffer_bytes: 32 * 1024,
        }
    }
}

/// A listening socket and its limits.
#[derive(Debug)]
pub struct Listener {
    /// The socket.
    pub socket: TcpListener,
    /// Its limits.
    pub limits: Limits,
    /// Counts its open connections.
    pub open: Gauge,
}

/// How often idle connections are looked for while the listener is full.
const EVICTION_INTERVAL: Duration = Duration::from_millis(500);

/// Serves `router` until the process stops, then lets requests in progress finish.
pub fn serve(listener: Listener, router: Router, tasks: &Tasks) {
    let owner = tasks.clone();
    tasks.spawn(async move {
        let permits = Arc::new(Semaphore::new(listener.limits.max_connections));
        let connections = ConnectionsByIp::default();
        loop {
            let permit = match permits.clone().try_acquire_owned() {
                Ok(permit) => permit,
                Err(_) => {
                    connections.evict_idle(listener.limits.idle_timeout);
                    tokio::select! {
                        Ok(permit) = permits.clone().acquire_owned() => permit,
                        () = owner.stopping() => return,
                        () = tokio::time::sleep(EVICTION_INTERVAL) => continue,
                    }
                }
            };
            let accepted = tokio::select! {
                accepted = listener.socket.accept() => accepted,
                () = owner.stopping() => return,
            };
            let (stream, address) = match accepted {
                Ok(accepted) => accepted,
                // The file table is full, or the client is gone: pause, then go on.
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    owner.sleep(Duration::from_millis(20)).await;
                    continue;
                }
            };
            let Some(ip_permit) =
                connections.admit(address.ip(), listener.limits.max_per_prefix, listener.limits.idle_timeout)
            else {
                continue;
            };
            let (router, limits, open, tasks) =
                (router.clone(), listener.limits.clone(), listener.open.clone(), owner.clone());
            open.inc();
            let permit = ConnectionPermit(Arc::new(PermitInner { _permit: permit, ip_permit, open }));
            owner.spawn(async move { serve_connection(stream, address, permit, router, &limits, &tasks).await });
        }
    });
}

async fn serve_connection(
    stream: TcpStream,
    address: SocketAddr,
    permit: ConnectionPermit,
    router: Router,
    limits: &Limits,
    tasks: &Tasks,
) {
    // Small responses should not wait for more data.
    let _ = stream.set_nodelay(true);
    let owner = tasks.clone();
    let (verdict, requests) = (FramingVerdict::default(), AtomicU64::new(0));
    let state = permit.0.ip_permit.state().clone();
    let evictable = state.clone();
    let stream =
        FramingStream::new(WriteTimeout::new(stream, limits.write_timeout), limits.buffer_bytes, verdict.clone());
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let (mut parts, body) = request.into_parts();
        let is_upgrade = parts.headers.contains_key(UPGRADE) && body.is_end_stream();
        let body = axum::body::Body::new(LingeringBody::new(body, &parts.headers, &owner));
        let (number, in_progress) = (requests.fetch_add(1, Ordering::Relaxed), state.begin_request());
        let refusal = verdict.refusal(number).or_else(|| smuggling::refusal(&parts));
        parts.extensions.insert(ConnectInfo(address));
        parts.extensions.insert(permit.clone());
        let (router, verdict) = (router.clone(), verdict.clone());
        async move {
            let mut response = match refusal {
                Some(problem) => layers::refusal(&problem),
                None => {
                    let Ok(response) = router.oneshot(hyper::Request::from_parts(parts, body)).await;
                    // If the client broke off its body, the role's response to that is of no use.
                    verdict.refusal(number).map_or(response, |problem| layers::refusal(&problem))
                }
            };
            Policy::Api.fill(response.headers_mut());
            let is_switched = response.status() == StatusCode::SWITCHING_PROTOCOLS;
            if is_upgrade {
                verdict.set_switched(is_switched);
            }
            if is_switched {
                in_progress.keep_until_close();
            }
            Ok::<_, Infallible>(response.map(|body| TrackedBody { body, _request: in_progress }))
        }
    });
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_buf_size(limits.buffer_bytes)
        .half_close(false);
    let connection = builder.serve_connection(TokioIo::new(stream), service).with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = async { tokio::select! { () = tasks.stopping() => {}, () = evictable.evicted() => {} } } => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        // Clients disconnect all the time, so this is logged only at debug.
        tracing::debug!(%error, "a connection ended early");
    }
}

/// The permit of an open connection, in the extensions of its requests. Code that goes on with an upgraded connection
/// holds it for as long.
#[derive(Debug, Clone)]
pub struct ConnectionPermit(Arc<PermitInner>);

#[derive(Debug)]
struct PermitInner {
    _permit: OwnedSemaphorePermit,
    ip_permit: IpPermit,
    open: Gauge,
}

impl Drop for PermitInner {
    fn drop(&mut self) {
        self.open.dec();
    }
}
