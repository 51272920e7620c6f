//! The budget of long-lived requests (event streams, WebSockets): how many at once, whose, and which one ends when there are too many.
//!
//! Owns no body and no socket: those hold a [`Ticket`] and end when it says so. Invariant: there are never more tickets than `all`, a client
//! has never more than its share, and a client loses its oldest stream only to one that has fewer.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kit::Problem;
use kit::telemetry::Metrics;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// A member with no more streams than this loses none to others: a handful of pages, each with a few items that are being converted.
const HONEST: usize = 6;

/// Who holds a stream. Members come first in the order: between equals, a client without a name loses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Holder {
    /// A member, wherever it comes from.
    Member(Uuid),
    /// Everyone without a token behind one IPv4 address or IPv6 /64.
    Prefix(IpAddr),
}

/// How many streams there may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StreamLimits {
    pub(crate) all: usize,
    pub(crate) per_member: usize,
    pub(crate) per_prefix: usize,
}

/// The budget.
#[derive(Debug, Clone)]
pub(crate) struct Streams(Arc<Budget>);

#[derive(Debug)]
struct Budget {
    limits: StreamLimits,
    held: Mutex<Held>,
    open: Gauge,
    evicted: Counter,
}

#[derive(Debug, Default)]
struct Held {
    next: u64,
    /// Every stream in the order in which they began.
    streams: BTreeMap<u64, (Holder, CancellationToken)>,
    of: HashMap<Holder, BTreeSet<u64>>,
    /// Holders by how many they have: the greediest is the last.
    members: BTreeSet<(usize, Holder)>,
    prefixes: BTreeSet<(usize, Holder)>,
}

/// Whose streams a request's would be, in its extensions: for those who learn later than the guard that it becomes one.
#[derive(Debug, Clone)]
pub(crate) struct StreamsOf {
    pub(crate) streams: Streams,
    pub(crate) holder: Holder,
}

impl StreamsOf {
    pub(crate) fn enter(&self) -> Result<Ticket, Problem> {
        self.streams.enter(self.holder)
    }
}

/// A place in the budget, free again when it is dropped.
#[derive(Debug)]
pub(crate) struct Ticket {
    budget: Arc<Budget>,
    number: u64,
    evicted: CancellationToken,
}

impl Streams {
    pub(crate) fn new(limits: StreamLimits, metrics: &Metrics) -> Self {
        let (open, evicted) = (Gauge::default(), Counter::default());
        metrics.register(|registry| {
            registry.register("gateway_streams_open", "Event streams and WebSockets that are open", open.clone());
            registry.register("gateway_streams_evicted", "Event streams and WebSockets that were ended because their client had the most", evicted.clone());
        });
        Self(Arc::new(Budget { limits, held: Mutex::default(), open, evicted }))
    }

    /// Takes a place, from the greediest where none is free; refused where nobody has more than the one who asks.
    pub(crate) fn enter(&self, holder: Holder) -> Result<Ticket, Problem> {
        let budget = &self.0;
        let mut held = budget.lock();
        let own = held.count(holder);
        let share = match holder {
            Holder::Member(_) => budget.limits.per_member,
            Holder::Prefix(_) => budget.limits.per_prefix,
        };
        let loses = if own >= share.max(1) {
            Some(holder)
        } else if held.streams.len() >= budget.limits.all {
            Some(held.greediest(holder, own).ok_or_else(|| Problem::unavailable("Too many streams are open. Try again in a while.", Duration::from_secs(10)))?)
        } else {
            None
        };
        if let Some(loses) = loses
            && let Some(oldest) = held.of.get(&loses).and_then(|streams| streams.first().copied())
            && let Some(token) = held.remove(oldest)
        {
            token.cancel();
            budget.evicted.inc();
        }
        let (number, evicted) = (held.next, CancellationToken::new());
        held.next += 1;
        held.insert(number, holder, evicted.clone());
        budget.open.set(i64::try_from(held.streams.len()).unwrap_or(i64::MAX));
        Ok(Ticket { budget: budget.clone(), number, evicted })
    }
}

impl Budget {
    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn count(&self, holder: Holder) -> usize {
        self.of.get(&holder).map_or(0, BTreeSet::len)
    }

    /// Who loses a stream to `holder`, which has `own`.
    fn greediest(&self, holder: Holder, own: usize) -> Option<Holder> {
        let prefix = self.prefixes.last().copied();
        let member = self.members.last().copied().filter(|(has, _)| *has > HONEST);
        let greedier = member.into_iter().chain(prefix).max();
        match (greedier, holder) {
            (Some((has, loses)), _) if has > own + 1 => Some(loses),
            // A member's page goes before one that is looked at without a name.
            (_, Holder::Member(_)) if own < HONEST => prefix.map(|(_, loses)| loses),
            _ => None,
        }
    }

    fn insert(&mut self, number: u64, holder: Holder, token: CancellationToken) {
        self.streams.insert(number, (holder, token));
        self.change(holder, |streams| streams.insert(number));
    }

    fn remove(&mut self, number: u64) -> Option<CancellationToken> {
        let (holder, token) = self.streams.remove(&number)?;
        self.change(holder, |streams| streams.remove(&number));
        Some(token)
    }

    /// Changes a holder's streams and its rank.
    fn change(&mut self, holder: Holder, change: impl FnOnce(&mut BTreeSet<u64>) -> bool) {
        let streams = self.of.entry(holder).or_default();
        let before = streams.len();
        change(streams);
        let after = streams.len();
        if after == 0 {
            self.of.remove(&holder);
        }
        let ranks = if matches!(holder, Holder::Member(_)) { &mut self.members } else { &mut self.prefixes };
        ranks.remove(&(before, holder));
        if after > 0 {
            ranks.insert((after, holder));
        }
    }
}

impl Ticket {
    /// Completes when this stream has to end.
    pub(crate) fn evicted(&self) -> impl Future<Output = ()> + Send + use<> {
        self.evicted.clone().cancelled_owned()
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut held = self.budget.lock();
        held.remove(self.number);
        self.budget.open.set(i64::try_from(held.streams.len()).unwrap_or(i64::MAX));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn streams(all: usize, per_member: usize, per_prefix: usize) -> Streams {
        Streams::new(StreamLimits { all, per_member, per_prefix }, &Metrics::default())
    }

    fn member(number: u128) -> Holder {
        Holder::Member(Uuid::from_u128(number))
    }

    fn prefix(number: u32) -> Holder {
        Holder::Prefix(IpAddr::from(number.to_be_bytes()))
    }

    fn enter(streams: &Streams, holder: Holder, times: usize) -> Vec<Ticket> {
        (0..times).map(|_| streams.enter(holder).unwrap()).collect()
    }

    fn alive(tickets: &[Ticket]) -> usize {
        tickets.iter().filter(|ticket| !ticket.evicted.is_cancelled()).count()
    }

    #[test]
    fn a_client_past_its_share_loses_its_own_oldest_stream() {
        let streams = streams(100, 3, 5);
        let (mine, theirs) = (enter(&streams, member(1), 7), enter(&streams, prefix(1), 7));
        assert_eq!((alive(&mine), alive(&theirs)), (3, 5));
        assert!(mine[..4].iter().all(|ticket| ticket.evicted.is_cancelled()), "the oldest go first");
        drop((mine, theirs));
        assert_eq!(streams.0.open.get(), 0);
        assert!(streams.0.lock().of.is_empty() && streams.0.lock().members.is_empty() && streams.0.lock().prefixes.is_empty());
    }

    #[test]
    fn when_the_budget_is_full_the_greediest_loses_and_an_honest_member_keeps_all() {
        let streams = streams(30, 30, 30);
        let honest = enter(&streams, member(1), 6);
        let (hoard, crowd) = (enter(&streams, member(2), 20), enter(&streams, prefix(1), 4));
        let more: Vec<Ticket> = (10..20).flat_map(|number| enter(&streams, member(number), 1)).collect();
        assert_eq!((alive(&honest), alive(&hoard), alive(&crowd), alive(&more)), (6, 10, 4, 10));
        let visitors: Vec<Ticket> = (10..14).flat_map(|number| enter(&streams, prefix(number), 1)).collect();
        assert_eq!((alive(&honest), alive(&hoard), alive(&crowd), alive(&visitors)), (6, 6, 4, 4));
        assert_eq!(streams.0.evicted.get(), 14);
        assert_eq!(streams.0.open.get(), 30);
    }

    #[test]
    fn where_all_have_as_much_as_the_one_who_asks_it_is_refused_unless_it_is_a_member_among_strangers() {
        let streams = streams(4, 30, 30);
        let strangers: Vec<Ticket> = (0..4).flat_map(|number| enter(&streams, prefix(number), 1)).collect();
        assert_eq!(streams.enter(prefix(9)).unwrap_err().status, 503);
        let members: Vec<Ticket> = (0..4).flat_map(|number| enter(&streams, member(number), 1)).collect();
        assert_eq!((alive(&strangers), alive(&members)), (0, 4));
        assert_eq!(streams.enter(member(9)).unwrap_err().status, 503);
        assert_eq!(streams.enter(prefix(9)).unwrap_err().status, 503);
    }
}
