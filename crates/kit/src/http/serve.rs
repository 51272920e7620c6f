//! The accept loop: connections with caps, header time-outs and a polite end.
//!
//! `axum::serve` installs no timer, so hyper's header time-out would never fire; here it does. Invariant: a
//! connection that sends nothing, or its header too slowly, is closed; there are never more connections than the cap.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use prometheus_client::metrics::gauge::Gauge;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower::ServiceExt as _;

use super::linger::Lingering;
use super::patience::Patience;
use super::{layers, strict};
use crate::tasks::Tasks;

/// What a door lets in.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections in all.
    pub connections: usize,
    /// Connections from one address (IPv6: one /64).
    pub per_address: usize,
    /// Time for a request's header to arrive whole.
    pub header: Duration,
    /// How long a client may stop reading while something is being sent to it.
    pub stuck: Duration,
    /// Bytes of a connection's read buffer; also the largest header.
    pub buffer_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 10_000, per_address: 10_000, header: Duration::from_secs(15), stuck: Duration::from_secs(60), buffer_bytes: 32 * 1024 }
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

/// Serves `router` until the process stops, then lets open requests finish.
pub fn serve(door: Door, router: Router, tasks: &Tasks) {
    let owner = tasks.clone();
    tasks.spawn(async move {
        let places = Arc::new(Semaphore::new(door.limits.connections));
        let crowd = Crowd::default();
        loop {
            let place = tokio::select! {
                Ok(place) = places.clone().acquire_owned() => place,
                () = owner.stopping() => return,
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
            let Some(seat) = crowd.enter(address.ip(), door.limits.per_address) else { continue };
            let (router, limits, open, tasks) = (router.clone(), door.limits.clone(), door.open.clone(), owner.clone());
            open.inc();
            let place = Place(Arc::new(Taken { _place: place, _seat: seat, open }));
            owner.spawn(async move { connection(stream, address, place, router, &limits, &tasks).await });
        }
    });
}

async fn connection(stream: TcpStream, address: SocketAddr, place: Place, router: Router, limits: &Limits, tasks: &Tasks) {
    // Small answers should not wait for more to come.
    let _ = stream.set_nodelay(true);
    let owner = tasks.clone();
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let (mut parts, body) = request.into_parts();
        let body = axum::body::Body::new(Lingering::new(body, &parts.headers, &owner));
        let refusal = strict::refusal(&parts);
        parts.extensions.insert(ConnectInfo(address));
        parts.extensions.insert(place.clone());
        let router = router.clone();
        async move {
            match refusal {
                Some(problem) => Ok(layers::refused(&problem)),
                None => router.oneshot(hyper::Request::from_parts(parts, body)).await,
            }
        }
    });
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(limits.header).max_buf_size(limits.buffer_bytes).half_close(false);
    let connection = builder.serve_connection(TokioIo::new(Patience::new(stream, limits.stuck)), service).with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = tasks.stopping() => {
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
pub struct Place(#[allow(dead_code)] Arc<Taken>);

#[derive(Debug)]
struct Taken {
    _place: OwnedSemaphorePermit,
    _seat: Seat,
    open: Gauge,
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.open.dec();
    }
}

/// Who is here, by address.
#[derive(Debug, Clone, Default)]
struct Crowd(Arc<Mutex<HashMap<IpAddr, usize>>>);

impl Crowd {
    fn enter(&self, address: IpAddr, most: usize) -> Option<Seat> {
        let address = neighbourhood(address);
        let mut crowd = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let here = crowd.entry(address).or_insert(0);
        if *here >= most {
            return None;
        }
        *here += 1;
        Some(Seat { crowd: self.clone(), address })
    }
}

/// A place in the crowd, given back when it is dropped.
#[derive(Debug)]
struct Seat {
    crowd: Crowd,
    address: IpAddr,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut crowd = self.crowd.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(here) = crowd.get_mut(&self.address) {
            *here -= 1;
            if *here == 0 {
                crowd.remove(&self.address);
            }
        }
    }
}

/// One household: an IPv4 address, or the /64 of an IPv6 one.
pub fn neighbourhood(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or_else(
            || {
                let mut octets = v6.octets();
                octets[8..].fill(0);
                IpAddr::from(octets)
            },
            IpAddr::V4,
        ),
    }
}
