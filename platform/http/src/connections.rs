//! The open connections by client prefix, and which of them are evicted when there is no room.
//!
//! A client that has its maximum of connections gets another one in place of one that has been idle for a while. So a
//! client that shares its IP address with an attacker that holds idle connections still gets in. Invariant: a
//! connection with a request in progress is never evicted, and a prefix never has more than its maximum.

use std::collections::HashMap;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use parking_lot::{Mutex, MutexGuard};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Connections that are evicted at once: finding them costs more than closing them.
const MAX_EVICTIONS: usize = 32;
/// The pause after an eviction that found no idle connection.
const EVICTION_RETRY_INTERVAL: Duration = Duration::from_millis(100);

/// All open connections, by client prefix.
#[derive(Debug, Clone)]
pub(super) struct ConnectionsByIp(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    started: Instant,
    next: AtomicU64,
    prefixes: Mutex<HashMap<IpAddr, Prefix>>,
}

#[derive(Debug, Default)]
struct Prefix {
    connections: HashMap<u64, Arc<ConnectionState>>,
    last_failed_eviction: Option<Instant>,
}

/// The state of a connection.
#[derive(Debug)]
pub(super) struct ConnectionState {
    started: Instant,
    /// Requests in progress on it.
    requests: AtomicUsize,
    /// When the last request ended, in milliseconds since `started`.
    idle_since: AtomicU64,
    eviction: CancellationToken,
}

/// A connection's entry, removed when it is dropped.
#[derive(Debug)]
pub(super) struct IpPermit {
    connections: ConnectionsByIp,
    prefix: IpAddr,
    number: u64,
    state: Arc<ConnectionState>,
}

impl Default for ConnectionsByIp {
    fn default() -> Self {
        Self(Arc::new(Inner { started: Instant::now(), next: AtomicU64::default(), prefixes: Mutex::default() }))
    }
}

impl ConnectionsByIp {
    /// Adds a connection; `None` if its prefix has its maximum, all of them in use.
    pub(super) fn admit(&self, address: IpAddr, max: usize, idle: Duration) -> Option<IpPermit> {
        let address = client_prefix(address);
        let mut prefixes = self.lock();
        let prefix = prefixes.entry(address).or_default();
        if prefix.connections.len() >= max && !prefix.evict_idle(self.0.started, idle) {
            return None;
        }
        let number = self.0.next.fetch_add(1, Ordering::Relaxed);
        let state = Arc::new(ConnectionState {
            started: self.0.started,
            requests: AtomicUsize::default(),
            idle_since: AtomicU64::new(millis(self.0.started)),
            eviction: CancellationToken::new(),
        });
        prefix.connections.insert(number, state.clone());
        Some(IpPermit { connections: self.clone(), prefix: address, number, state })
    }

    /// Evicts idle connections of the prefix that has the most, because the listener is full.
    pub(super) fn evict_idle(&self, idle: Duration) {
        let mut prefixes = self.lock();
        if let Some(largest) = prefixes.values_mut().max_by_key(|prefix| prefix.connections.len()) {
            largest.evict_idle(self.0.started, idle);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, Prefix>> {
        self.0.prefixes.lock()
    }
}

impl Prefix {
    /// Evicts the connections that have been idle for longest. Returns whether there was one.
    fn evict_idle(&mut self, started: Instant, idle: Duration) -> bool {
        if self.last_failed_eviction.is_some_and(|at| at.elapsed() < EVICTION_RETRY_INTERVAL) {
            return false;
        }
        let now = millis(started);
        let idle = u64::try_from(idle.as_millis()).unwrap_or(u64::MAX);
        let is_idle = |state: &ConnectionState| {
            state.requests.load(Ordering::Relaxed) == 0
                && now.saturating_sub(state.idle_since.load(Ordering::Relaxed)) >= idle
        };
        let mut idle_connections: Vec<(u64, u64)> = self
            .connections
            .iter()
            .filter(|(_, state)| is_idle(state))
            .map(|(number, state)| (state.idle_since.load(Ordering::Relaxed), *number))
            .collect();
        if idle_connections.is_empty() {
            self.last_failed_eviction = Some(Instant::now());
            return false;
        }
        // A tenth at most, so that a client's connections do not all end at once.
        let max_evictions = MAX_EVICTIONS.min(self.connections.len().div_ceil(10));
        if idle_connections.len() > max_evictions {
            idle_connections.select_nth_unstable(max_evictions);
            idle_connections.truncate(max_evictions);
        }
        for (_, number) in idle_connections {
            if let Some(state) = self.connections.remove(&number) {
                state.eviction.cancel();
            }
        }
        true
    }
}

fn millis(started: Instant) -> u64 {
    u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX)
}

impl IpPermit {
    /// The connection's state.
    pub(super) fn state(&self) -> &Arc<ConnectionState> {
        &self.state
    }
}

impl Drop for IpPermit {
    fn drop(&mut self) {
        let mut prefixes = self.connections.lock();
        if let Some(prefix) = prefixes.get_mut(&self.prefix) {
            prefix.connections.remove(&self.number);
            if prefix.connections.is_empty() {
                prefixes.remove(&self.prefix);
            }
        }
    }
}

impl ConnectionState {
    /// Waits until the connection is evicted.
    pub(super) async fn evicted(&self) {
        self.eviction.cancelled().await;
    }

    /// Waits until the connection has had no request in progress for `time`.
    pub(super) async fn idle_for(&self, time: Duration) {
        loop {
            let idle = if self.requests.load(Ordering::Relaxed) == 0 {
                let since = self.idle_since.load(Ordering::Relaxed);
                Duration::from_millis(millis(self.started).saturating_sub(since))
            } else {
                Duration::ZERO
            };
            if idle >= time {
                return;
            }
            tokio::time::sleep(time.saturating_sub(idle)).await;
        }
    }

    /// Marks the start of a request.
    pub(super) fn begin_request(self: &Arc<Self>) -> RequestInProgress {
        self.requests.fetch_add(1, Ordering::Relaxed);
        RequestInProgress(self.clone())
    }
}

/// A request in progress.
#[derive(Debug)]
pub(super) struct RequestInProgress(Arc<ConnectionState>);

impl RequestInProgress {
    /// Marks the connection as in use until it closes, because it has switched to another protocol.
    pub(super) fn keep_until_close(&self) {
        self.0.requests.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for RequestInProgress {
    fn drop(&mut self) {
        self.0.idle_since.store(millis(self.0.started), Ordering::Relaxed);
        self.0.requests.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A response's body, during which the request is in progress.
pub(super) struct TrackedBody {
    pub(super) body: Body,
    pub(super) _request: RequestInProgress,
}

impl http_body::Body for TrackedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Returns the key that stands for one client: an IPv4 address, or the /64 of an IPv6 one.
pub fn client_prefix(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.into(),
        IpAddr::V6(v6) => {
            let mut octets = v6.octets();
            octets[8..].fill(0);
            octets.into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_client_is_an_ipv4_address_or_a_64_of_ipv6() {
        assert_eq!(client_prefix(address("::ffff:192.0.2.1")), address("192.0.2.1"));
        assert_eq!(client_prefix(address("2001:db8:1:2:3:4:5:6")), address("2001:db8:1:2::"));
        assert_ne!(client_prefix(address("2001:db8:1:2::1")), client_prefix(address("2001:db8:1:3::1")));
    }

    #[tokio::test(start_paused = true)]
    async fn the_connection_idle_for_longest_is_evicted_and_none_that_is_in_use() {
        let (connections, idle) = (ConnectionsByIp::default(), Duration::from_secs(2));
        let admit = |text: &str| connections.admit(address(text), 3, idle);
        let (first, second, third) =
            (admit("2001:db8::1").unwrap(), admit("2001:db8::2").unwrap(), admit("2001:db8::3").unwrap());
        assert!(admit("2001:db8::4").is_none(), "none has been idle for long enough");
        let other = admit("2001:db8:0:1::1").unwrap();
        let request = first.state().begin_request();
        tokio::time::advance(Duration::from_secs(1)).await;
        drop(second.state().begin_request());
        tokio::time::advance(Duration::from_secs(2)).await;
        let fourth = admit("2001:db8::4").unwrap();
        let was_evicted = |ip_permit: &IpPermit| ip_permit.state.eviction.is_cancelled();
        assert_eq!([&first, &second, &third, &fourth, &other].map(was_evicted), [false, false, true, false, false]);
        request.keep_until_close();
        drop(request);
        tokio::time::advance(Duration::from_secs(10)).await;
        connections.evict_idle(idle);
        assert_eq!([&first, &second, &fourth, &other].map(was_evicted), [false, true, false, false]);
        drop((first, second, third, fourth, other));
        assert!(connections.lock().is_empty());
    }
}
