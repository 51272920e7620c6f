//! The accept loop: connections with caps, header time-outs and a polite end.
//!
//! `axum::serve` installs no timer, so hyper's header time-out would never fire; here it does. Invariant: a
//! connection that sends nothing, or its header too slowly, is closed; there are never more connections than the cap.

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

use super::crowd::{Crowd, InProgress, Seat};
use super::linger::Lingering;
use super::patience::Patience;
use super::security_headers::Policy;
use super::strict_stream::{Strict, Verdict};
use super::{layers, strict};
use crate::tasks::Tasks;

/// What a door lets in.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections in all.
    pub connections: usize,
    /// Connections from one address (IPv6: one /64).
    pub per_address: usize,
    /// How long nothing has to go on over a connection until it may make room for another.
    pub idle: Duration,
    /// Time for a request's header to arrive whole.
    pub header: Duration,
    /// How long a client may stop reading while something is being sent to it.
    pub stuck: Duration,
    /// Bytes of a connection's read buffer; also the largest header.
    pub buffer_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 10_000, per_address: 10_000, idle: Duration::from_secs(2), header: Duration::from_secs(15), stuck: Duration::from_secs(60), buffer_bytes: 32 * 1024 }
    }
}

/// A listening socket and its limits.
#[derive(Debug)]
pub struct Door {
    /// The socket.
    pub listener: TcpListener,
    /// What it lets in.
    pub limits: Limits,
    /// Counts its open connections.
    pub open: Gauge,
}

/// Where all places are taken, idle connections are looked for this often.
const MAKE_ROOM_AGAIN: Duration = Duration::from_millis(500);

/// Serves `router` until the process stops, then lets open requests finish.
pub fn serve(door: Door, router: Router, tasks: &Tasks) {
    let owner = tasks.clone();
    tasks.spawn(async move {
        let places = Arc::new(Semaphore::new(door.limits.connections));
        let crowd = Crowd::default();
        loop {
            let place = match places.clone().try_acquire_owned() {
                Ok(place) => place,
                Err(_) => {
                    crowd.make_room(door.limits.idle);
                    tokio::select! {
                        Ok(place) = places.clone().acquire_owned() => place,
                        () = owner.stopping() => return,
                        () = tokio::time::sleep(MAKE_ROOM_AGAIN) => continue,
                    }
                }
            };
            let accepted = tokio::select! {
                accepted = door.listener.accept() => accepted,
                () = owner.stopping() => return,
            };
            let (stream, address) = match accepted {
                Ok(accepted) => accepted,
                // The file table is full, or the client has gone: breathe, then go on.
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    owner.sleep(Duration::from_millis(20)).await;
                    continue;
                }
            };
            let Some(seat) = crowd.enter(address.ip(), door.limits.per_address, door.limits.idle) else { continue };
            let (router, limits, open, tasks) = (router.clone(), door.limits.clone(), door.open.clone(), owner.clone());
            open.inc();
            let place = Place(Arc::new(Taken { _place: place, seat, open }));
            owner.spawn(async move { connection(stream, address, place, router, &limits, &tasks).await });
        }
    });
}

async fn connection(stream: TcpStream, address: SocketAddr, place: Place, router: Router, limits: &Limits, tasks: &Tasks) {
    // Small answers should not wait for more to come.
    let _ = stream.set_nodelay(true);
    let owner = tasks.clone();
    let (verdict, requests) = (Verdict::default(), AtomicU64::new(0));
    let presence = place.0.seat.presence().clone();
    let present = presence.clone();
    let stream = Strict::new(Patience::new(stream, limits.stuck), limits.buffer_bytes, verdict.clone());
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let (mut parts, body) = request.into_parts();
        let upgrades = parts.headers.contains_key(UPGRADE) && body.is_end_stream();
        let body = axum::body::Body::new(Lingering::new(body, &parts.headers, &owner));
        let (number, busy) = (requests.fetch_add(1, Ordering::Relaxed), presence.busy());
        let refusal = verdict.refusal(number).or_else(|| strict::refusal(&parts));
        parts.extensions.insert(ConnectInfo(address));
        parts.extensions.insert(place.clone());
        let (router, verdict) = (router.clone(), verdict.clone());
        async move {
            let mut response = match refusal {
                Some(problem) => layers::refused(&problem),
                None => {
                    let Ok(response) = router.oneshot(hyper::Request::from_parts(parts, body)).await;
                    // What a role says of a body that broke off is of no use where it was the client who broke it.
                    verdict.refusal(number).map_or(response, |problem| layers::refused(&problem))
                }
            };
            Policy::Api.fill(response.headers_mut());
            let switches = response.status() == StatusCode::SWITCHING_PROTOCOLS;
            if upgrades {
                verdict.decide(switches);
            }
            if switches {
                busy.for_good();
            }
            Ok::<_, Infallible>(response.map(|body| InProgress { body, _busy: busy }))
        }
    });
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(limits.header).max_buf_size(limits.buffer_bytes).half_close(false);
    let connection = builder.serve_connection(TokioIo::new(stream), service).with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = async { tokio::select! { () = tasks.stopping() => {}, () = present.has_to_leave() => {} } } => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        // Clients vanish all the time; that is news only to whoever looks closely.
        tracing::debug!(%error, "a connection ended early");
    }
}

/// A connection's place among those that the door lets in, in the extensions of its requests. Whoever goes on with a connection that has
/// become something else than HTTP holds it for as long.
#[derive(Debug, Clone)]
pub struct Place(Arc<Taken>);

#[derive(Debug)]
struct Taken {
    _place: OwnedSemaphorePermit,
    seat: Seat,
    open: Gauge,
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.open.dec();
    }
}
