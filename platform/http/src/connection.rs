//! An accepted connection: its limits, its permit, and what serves the requests on it.
//!
//! Does not own the socket or the protocol (see `http1` and `http2`). Invariant: a connection counts as open until its
//! permit is dropped, also where code goes on with it after an upgrade.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::OwnedSemaphorePermit;

use super::connections::{ConnectionState, IpPermit};
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
    /// The longest time for a TLS handshake. One that waits for its client counts as idle.
    pub handshake_timeout: Duration,
    /// The longest time for a request's header to arrive; over HTTP/2, for that of the first one.
    pub header_timeout: Duration,
    /// How long an HTTP/2 connection may have no request. Over HTTP/1 it is `header_timeout`.
    pub http2_idle_timeout: Duration,
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
            handshake_timeout: Duration::from_secs(10),
            header_timeout: Duration::from_secs(15),
            http2_idle_timeout: Duration::from_secs(60),
            write_timeout: Duration::from_secs(60),
            buffer_bytes: 32 * 1024,
        }
    }
}

/// What serves the requests of a connection.
pub(super) struct Connection {
    /// The address of its other end.
    pub(super) address: SocketAddr,
    pub(super) permit: ConnectionPermit,
    pub(super) router: Router,
    pub(super) limits: Limits,
    pub(super) tasks: Tasks,
    /// Whether this process ends its TLS.
    pub(super) is_tls: bool,
}

/// The permit of an open connection, in the extensions of its requests. Code that goes on with an upgraded connection
/// holds it for as long.
#[derive(Debug, Clone)]
pub struct ConnectionPermit(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    _permit: OwnedSemaphorePermit,
    ip_permit: IpPermit,
    open: Gauge,
}

impl ConnectionPermit {
    /// Counts a connection as open until the last copy of the permit is dropped.
    pub(super) fn new(permit: OwnedSemaphorePermit, ip_permit: IpPermit, open: Gauge) -> Self {
        open.inc();
        Self(Arc::new(Inner { _permit: permit, ip_permit, open }))
    }

    /// Whether the connection is in use.
    pub(super) fn state(&self) -> &Arc<ConnectionState> {
        self.0.ip_permit.state()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.open.dec();
    }
}

/// In the extensions of a request that came over TLS which this process ended, so that the scheme of its URL is
/// `https`.
#[derive(Debug, Clone, Copy)]
pub struct OverTls;
