//! The budget of long-lived requests (event streams, WebSockets): how many may be open, and which one is evicted when
//! there are too many.
//!
//! Does not own bodies or sockets: those hold a [`StreamPermit`] and end when it is revoked. Invariant: there are never
//! more permits than `all`, a client never has more than its limit, and a client loses its oldest stream to another
//! client only if that one has fewer.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use base::telemetry::Metrics;
use http_server::Problem;
use parking_lot::{Mutex, MutexGuard};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// A member with at most this many streams loses none to other clients: enough for a few pages, each with a few items
/// that are being converted.
const PROTECTED_PER_MEMBER: usize = 6;

/// The client that a stream is counted for. Members sort first, so that of two clients with equally many streams the
/// anonymous one loses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum ClientKey {
    /// A member, from any address.
    Member(Uuid),
    /// All clients without a token at one IPv4 address or IPv6 /64.
    Prefix(IpAddr),
}

/// The most streams, in all and per client.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StreamLimits {
    pub(crate) all: usize,
    pub(crate) per_member: usize,
    pub(crate) per_prefix: usize,
}

/// The budget; clones share it.
#[derive(Debug, Clone)]
pub(crate) struct StreamBudget(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    limits: StreamLimits,
    open_streams: Mutex<OpenStreams>,
    open: Gauge,
    evicted: Counter,
}

#[derive(Debug, Default)]
struct OpenStreams {
    next_number: u64,
    /// All streams by number, which is the order in which they began.
    streams: BTreeMap<u64, (ClientKey, CancellationToken)>,
    by_client: HashMap<ClientKey, BTreeSet<u64>>,
    /// Clients sorted by their number of streams; the last one has the most.
    members: BTreeSet<(usize, ClientKey)>,
    prefixes: BTreeSet<(usize, ClientKey)>,
}

/// A request extension with which a handler acquires a permit when the request becomes a stream (a WebSocket after its
/// handshake).
#[derive(Debug, Clone)]
pub(crate) struct StreamAdmission {
    pub(crate) budget: StreamBudget,
    pub(crate) client: ClientKey,
}

impl StreamAdmission {
    pub(crate) fn acquire(&self) -> Result<StreamPermit, Problem> {
        self.budget.acquire(self.client)
    }
}

/// Permits one open stream. Released on drop.
#[derive(Debug)]
pub(crate) struct StreamPermit {
    inner: Arc<Inner>,
    number: u64,
    evicted: CancellationToken,
}

impl StreamBudget {
    /// Creates a budget. With `metrics` it is counted there, as that of the public listener.
    pub(crate) fn new(limits: StreamLimits, metrics: Option<&Metrics>) -> Self {
        let (open, evicted) = (Gauge::default(), Counter::default());
        if let Some(metrics) = metrics {
            metrics.register(|registry| {
                registry.register("gateway_streams_open", "Event streams and WebSockets that are open", open.clone());
                registry.register(
                    "gateway_streams_evicted",
                    "Event streams and WebSockets that were ended because their client had the most",
                    evicted.clone(),
                );
            });
        }
        Self(Arc::new(Inner { limits, open_streams: Mutex::default(), open, evicted }))
    }

    /// Acquires a permit. If the budget is used up, evicts the oldest stream of the client with the most; responds 503
    /// if no other client has more streams than this one.
    pub(crate) fn acquire(&self, client: ClientKey) -> Result<StreamPermit, Problem> {
        let inner = &self.0;
        let mut open_streams = inner.lock();
        let own = open_streams.count(client);
        let own_limit = match client {
            ClientKey::Member(_) => inner.limits.per_member,
            ClientKey::Prefix(_) => inner.limits.per_prefix,
        };
        let loser = if own >= own_limit.max(1) {
            Some(client)
        } else if open_streams.streams.len() >= inner.limits.all {
            Some(open_streams.largest_holder(client, own).ok_or_else(|| {
                Problem::unavailable("Too many streams are open. Try again in a while.", Duration::from_secs(10))
            })?)
        } else {
            None
        };
        if let Some(loser) = loser
            && let Some(oldest) = open_streams.by_client.get(&loser).and_then(|streams| streams.first().copied())
            && let Some(token) = open_streams.remove(oldest)
        {
            token.cancel();
            inner.evicted.inc();
        }
        let (number, evicted) = (open_streams.next_number, CancellationToken::new());
        open_streams.next_number += 1;
        open_streams.insert(number, client, evicted.clone());
        inner.open.set(i64::try_from(open_streams.streams.len()).unwrap_or(i64::MAX));
        Ok(StreamPermit { inner: inner.clone(), number, evicted })
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, OpenStreams> {
        self.open_streams.lock()
    }
}

impl OpenStreams {
    fn count(&self, client: ClientKey) -> usize {
        self.by_client.get(&client).map_or(0, BTreeSet::len)
    }

    /// Returns the client that must give up a stream for `client`, which has `own` streams.
    fn largest_holder(&self, client: ClientKey, own: usize) -> Option<ClientKey> {
        let prefix = self.prefixes.last().copied();
        let member = self.members.last().copied().filter(|(count, _)| *count > PROTECTED_PER_MEMBER);
        let largest = member.into_iter().chain(prefix).max();
        match (largest, client) {
            (Some((count, loser)), _) if count > own + 1 => Some(loser),
            // A member's stream takes precedence over an anonymous one.
            (_, ClientKey::Member(_)) if own < PROTECTED_PER_MEMBER => prefix.map(|(_, loser)| loser),
            _ => None,
        }
    }

    fn insert(&mut self, number: u64, client: ClientKey, token: CancellationToken) {
        self.streams.insert(number, (client, token));
        self.update_client(client, |streams| streams.insert(number));
    }

    fn remove(&mut self, number: u64) -> Option<CancellationToken> {
        let (client, token) = self.streams.remove(&number)?;
        self.update_client(client, |streams| streams.remove(&number));
        Some(token)
    }

    /// Changes a client's streams and updates its position by count.
    fn update_client(&mut self, client: ClientKey, change: impl FnOnce(&mut BTreeSet<u64>) -> bool) {
        let streams = self.by_client.entry(client).or_default();
        let before = streams.len();
        change(streams);
        let after = streams.len();
        if after == 0 {
            self.by_client.remove(&client);
        }
        let by_count = if matches!(client, ClientKey::Member(_)) { &mut self.members } else { &mut self.prefixes };
        by_count.remove(&(before, client));
        if after > 0 {
            by_count.insert((after, client));
        }
    }
}

impl StreamPermit {
    /// Completes when this permit is revoked and the stream must end.
    pub(crate) fn evicted(&self) -> impl Future<Output = ()> + Send + use<> {
        self.evicted.clone().cancelled_owned()
    }
}

impl Drop for StreamPermit {
    fn drop(&mut self) {
        let mut open_streams = self.inner.lock();
        open_streams.remove(self.number);
        self.inner.open.set(i64::try_from(open_streams.streams.len()).unwrap_or(i64::MAX));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn streams(all: usize, per_member: usize, per_prefix: usize) -> StreamBudget {
        StreamBudget::new(StreamLimits { all, per_member, per_prefix }, Some(&Metrics::default()))
    }

    fn member(number: u128) -> ClientKey {
        ClientKey::Member(Uuid::from_u128(number))
    }

    fn prefix(number: u32) -> ClientKey {
        ClientKey::Prefix(IpAddr::from(number.to_be_bytes()))
    }

    fn acquire(streams: &StreamBudget, client: ClientKey, times: usize) -> Vec<StreamPermit> {
        (0..times).map(|_| streams.acquire(client).unwrap()).collect()
    }

    fn alive(permits: &[StreamPermit]) -> usize {
        permits.iter().filter(|permit| !permit.evicted.is_cancelled()).count()
    }

    #[test]
    fn a_client_past_its_limit_loses_its_own_oldest_stream() {
        let streams = streams(100, 3, 5);
        let (mine, theirs) = (acquire(&streams, member(1), 7), acquire(&streams, prefix(1), 7));
        assert_eq!((alive(&mine), alive(&theirs)), (3, 5));
        assert!(mine[..4].iter().all(|permit| permit.evicted.is_cancelled()), "the oldest go first");
        drop((mine, theirs));
        assert_eq!(streams.0.open.get(), 0);
        assert!(
            streams.0.lock().by_client.is_empty()
                && streams.0.lock().members.is_empty()
                && streams.0.lock().prefixes.is_empty()
        );
    }

    #[test]
    fn a_full_budget_evicts_from_the_largest_client_and_protects_small_members() {
        let streams = streams(30, 30, 30);
        let honest = acquire(&streams, member(1), 6);
        let (hoard, crowd) = (acquire(&streams, member(2), 20), acquire(&streams, prefix(1), 4));
        let more: Vec<StreamPermit> = (10..20).flat_map(|number| acquire(&streams, member(number), 1)).collect();
        assert_eq!((alive(&honest), alive(&hoard), alive(&crowd), alive(&more)), (6, 10, 4, 10));
        let visitors: Vec<StreamPermit> = (10..14).flat_map(|number| acquire(&streams, prefix(number), 1)).collect();
        assert_eq!((alive(&honest), alive(&hoard), alive(&crowd), alive(&visitors)), (6, 6, 4, 4));
        assert_eq!(streams.0.evicted.get(), 14);
        assert_eq!(streams.0.open.get(), 30);
    }

    #[test]
    fn with_equal_counts_only_a_member_displaces_an_anonymous_client() {
        let streams = streams(4, 30, 30);
        let strangers: Vec<StreamPermit> = (0..4).flat_map(|number| acquire(&streams, prefix(number), 1)).collect();
        assert_eq!(streams.acquire(prefix(9)).unwrap_err().status, 503);
        let members: Vec<StreamPermit> = (0..4).flat_map(|number| acquire(&streams, member(number), 1)).collect();
        assert_eq!((alive(&strangers), alive(&members)), (0, 4));
        assert_eq!(streams.acquire(member(9)).unwrap_err().status, 503);
        assert_eq!(streams.acquire(prefix(9)).unwrap_err().status, 503);
    }
}
