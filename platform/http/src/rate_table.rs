//! Rates by client in memory of a fixed size.
//!
//! The generic cell rate algorithm (ITU-T I.371) keeps one time per client: that at which all of its rate is free
//! again. The times are in a set-associative table. A client without a slot takes the one of its set that is free
//! first, which costs its owner least: the owner's rate is free again a little early. Tables of several processes that
//! were made with one key tell each other what was spent ([`Remaining::to_report`], [`RateTable::add`]). Invariant:
//! memory does not grow with the number of clients, and a client is never refused because of others.

use std::hash::{BuildHasher as _, DefaultHasher, Hash, Hasher as _, RandomState};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// Locks of a table.
const SHARDS: usize = 64;
/// Sets of a shard.
const SETS: usize = 256;
/// Slots of a set. With 131,072 slots, a table has at most 3 MiB; pages that are never touched cost nothing.
const WAYS: usize = 8;
/// A client is reported to the other processes once it has spent one of so many parts of the burst here.
const REPORTED_PARTS: u32 = 16;
/// How many bursts a client may be in debt by what it spent elsewhere before this process learned of it.
const MAX_DEBT_BURSTS: u64 = 8;

/// So many requests at once, and so many more per second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// How many are admitted at once; at least 1.
    pub burst: u32,
    /// How many more are admitted per second; at least 1.
    pub per_second: u32,
}

/// What is left to a client whose request was admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remaining {
    /// How many more requests are admitted now.
    pub requests: u32,
    /// After how long all of the burst is free again.
    pub reset: Duration,
    /// What to tell the other processes of this client; `None` if it is not enough yet, or if the table is not shared.
    pub to_report: Option<Spent>,
}

/// What a client has spent of its rate, for the tables of other processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spent {
    /// The client's hash under the shared key.
    pub client: u64,
    /// How many requests it has spent.
    pub requests: u32,
}

/// A request is one too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many requests; the next is admitted after {0:?}")]
pub struct TooMany(pub Duration);

/// The rates of all clients under one quota.
pub struct RateTable {
    quota: Quota,
    started: Instant,
    /// A hash function with a secret key, so that an attacker can't construct clients that share another's set.
    hasher: DefaultHasher,
    is_shared: bool,
    shards: Vec<Mutex<Vec<Slot>>>,
}

/// The hash of a client, 0 in an empty slot; the time at which its rate is free, in nanoseconds from the table's start;
/// and the requests that it has spent and the other processes don't know of. A plain array, because the allocator gives
/// zeroed ones without touching them.
type Slot = [u64; 3];

impl std::fmt::Debug for RateTable {
    /// Without the key of the hash, from which an attacker could construct clients that share a set.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RateTable").field("quota", &self.quota).finish_non_exhaustive()
    }
}

impl Quota {
    fn interval_ns(self) -> u64 {
        1_000_000_000 / u64::from(self.per_second.clamp(1, 1_000_000_000))
    }
}

impl RateTable {
    /// Returns a table of clients that have sent nothing yet.
    pub fn new(quota: Quota, now: Instant) -> Self {
        Self::with_hasher(quota, now, RandomState::new().build_hasher(), false)
    }

    /// Returns a table that can be told what clients spend at other tables with the same key, a secret. The hash is
    /// that of the standard library, so processes that were built by another compiler may not understand each other;
    /// then each limits on its own.
    pub fn shared(quota: Quota, now: Instant, key: &[u8]) -> Self {
        let mut hasher = DefaultHasher::new();
        hasher.write(key);
        Self::with_hasher(quota, now, hasher, true)
    }

    fn with_hasher(quota: Quota, now: Instant, hasher: DefaultHasher, is_shared: bool) -> Self {
        Self {
            quota: Quota { burst: quota.burst.max(1), per_second: quota.per_second.max(1) },
            started: now,
            hasher,
            is_shared,
            shards: (0..SHARDS).map(|_| Mutex::new(vec![[0; 3]; SETS * WAYS])).collect(),
        }
    }

    /// Returns the quota.
    pub fn quota(&self) -> Quota {
        self.quota
    }

    /// Counts a request of a client that is worth `weight` ordinary ones. One that is worth more than the burst takes
    /// all of it.
    pub fn take(&self, client: &impl Hash, weight: u32, now: Instant) -> Result<Remaining, TooMany> {
        let mut hasher = self.hasher.clone();
        client.hash(&mut hasher);
        let (hash, now_ns) = (hasher.finish().max(1), self.nanoseconds(now));
        let taken = self.with_slot(hash, |slot| self.take_from(slot, hash, weight, now_ns));
        taken.unwrap_or_else(|| Ok(self.untouched()))
    }

    /// Counts what a client has spent elsewhere. It is admitted there already, so this may bring the client into debt,
    /// up to eight bursts.
    pub fn add(&self, spent: Spent, now: Instant) {
        let (interval, now_ns) = (self.quota.interval_ns(), self.nanoseconds(now));
        let latest = now_ns.saturating_add(interval.saturating_mul(u64::from(self.quota.burst) * MAX_DEBT_BURSTS));
        let cost = interval.saturating_mul(u64::from(spent.requests));
        self.with_slot(spent.client, |slot| {
            let known = if slot[0] == spent.client { *slot } else { [spent.client, 0, 0] };
            *slot = [spent.client, known[1].max(now_ns).saturating_add(cost).min(latest.max(known[1])), known[2]];
        });
    }

    fn nanoseconds(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.started).as_nanos()).unwrap_or(u64::MAX / 2)
    }

    /// Calls a function with the slot of a client: its own, or that of its set which is free first.
    fn with_slot<T>(&self, hash: u64, change: impl FnOnce(&mut Slot) -> T) -> Option<T> {
        // Different bits choose the shard and the set.
        let (shard, set) = (hash as usize % SHARDS, (hash >> 32) as usize % SETS);
        let mut slots = self.shards.get(shard)?.lock();
        let set = slots.get_mut(set * WAYS..(set + 1) * WAYS)?;
        let own = set.iter().position(|[owner, ..]| *owner == hash);
        let slot = match own {
            Some(position) => set.get_mut(position),
            None => set.iter_mut().min_by_key(|[_, free_at, _]| *free_at),
        };
        slot.map(change)
    }

    fn take_from(&self, slot: &mut Slot, hash: u64, weight: u32, now_ns: u64) -> Result<Remaining, TooMany> {
        let interval = self.quota.interval_ns();
        let depth = interval * u64::from(self.quota.burst);
        let [owner, free_at, unreported] = *slot;
        let is_known = owner == hash;
        let weight = weight.clamp(1, self.quota.burst);
        let from = if is_known { free_at.max(now_ns) } else { now_ns };
        let next = from + interval * u64::from(weight);
        let used = next - now_ns;
        if used > depth {
            return Err(TooMany(Duration::from_nanos(used - depth)));
        }
        // What was spent before a long pause has been free again for a while, here and elsewhere.
        let is_recent = is_known && free_at.saturating_add(depth) > now_ns;
        let before = if is_recent { unreported } else { 0 };
        let unreported = before + u64::from(weight);
        let is_reported = self.is_shared && unreported >= u64::from(self.quota.burst.div_ceil(REPORTED_PARTS));
        *slot = [hash, next, if is_reported { 0 } else { unreported }];
        Ok(Remaining {
            requests: u32::try_from((depth - used) / interval).unwrap_or(u32::MAX),
            reset: Duration::from_nanos(used),
            to_report: is_reported
                .then(|| Spent { client: hash, requests: u32::try_from(unreported).unwrap_or(u32::MAX) }),
        })
    }

    fn untouched(&self) -> Remaining {
        Remaining { requests: self.quota.burst, reset: Duration::ZERO, to_report: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUOTA: Quota = Quota { burst: 10, per_second: 2 };

    #[test]
    fn a_client_may_burst_and_must_then_wait_its_turn() {
        let start = Instant::now();
        let table = RateTable::new(QUOTA, start);
        for left in (0..10).rev() {
            let remaining = table.take(&1, 1, start).unwrap();
            assert_eq!(remaining.requests, left);
            assert_eq!(remaining.reset, Duration::from_millis(500) * (10 - left));
        }
        assert_eq!(table.take(&1, 1, start), Err(TooMany(Duration::from_millis(500))));
        assert_eq!(table.take(&1, 3, start), Err(TooMany(Duration::from_millis(1500))));
        table.take(&2, 1, start).unwrap();
        let later = start + Duration::from_millis(500);
        table.take(&1, 1, later).unwrap();
        assert!(table.take(&1, 1, later).is_err(), "a refused request costs nothing and gains nothing");
        assert_eq!(table.take(&3, 1000, start).unwrap().requests, 0, "more than the burst takes all of it");
        assert!(table.take(&3, 1, start).is_err());
    }

    #[test]
    fn more_clients_than_slots_take_no_memory_and_are_not_refused() {
        let start = Instant::now();
        let table = RateTable::new(QUOTA, start);
        while table.take(&"flooder", 1, start).is_ok() {}
        for client in 0..1_000_000_u32 {
            assert!(table.take(&client, 1, start).is_ok(), "{client} has sent one request");
        }
        let slots: usize = table.shards.iter().map(|shard| shard.lock().capacity()).sum();
        assert_eq!(slots, SHARDS * SETS * WAYS);
        assert!(table.take(&"flooder", 1, start).is_err(), "who has used up a rate keeps its slot for longest");
    }

    #[test]
    fn tables_with_one_key_share_a_rate_and_debts_are_paid_back() {
        let start = Instant::now();
        let [here, there, other] = [b"key", b"key", b"not"].map(|key| RateTable::shared(QUOTA, start, key));
        for _ in 0..10 {
            let spent = here.take(&1, 1, start).unwrap().to_report.expect("a sixteenth of ten is less than one");
            there.add(spent, start);
            other.add(spent, start);
        }
        assert_eq!(there.take(&1, 1, start), Err(TooMany(Duration::from_millis(500))), "all was spent elsewhere");
        assert!(other.take(&1, 1, start).is_ok() && there.take(&2, 1, start).is_ok(), "and no other client's");
        // A client that used up both at the same time is in debt for a burst.
        let spent: Vec<Spent> = (0..10).map(|_| there.take(&3, 1, start).unwrap().to_report.unwrap()).collect();
        while here.take(&3, 1, start).is_ok() {}
        spent.into_iter().for_each(|spent| here.add(spent, start));
        assert_eq!(here.take(&3, 1, start), Err(TooMany(Duration::from_millis(5500))));
        // A debt has a limit.
        let spent = here.take(&4, 1, start).unwrap().to_report.unwrap();
        for _ in 0..100 {
            here.add(Spent { requests: u32::MAX, ..spent }, start);
        }
        assert_eq!(here.take(&4, 1, start), Err(TooMany(Duration::from_millis(8 * 5000 - 5000 + 500))));
    }

    #[test]
    fn small_amounts_are_reported_together_and_forgotten_after_a_pause() {
        let start = Instant::now();
        let table = RateTable::shared(Quota { burst: 64, per_second: 8 }, start, b"key");
        let reported = |at| table.take(&1, 1, at).unwrap().to_report.map(|spent| spent.requests);
        assert_eq!([(); 4].map(|()| reported(start)), [None, None, None, Some(4)]);
        assert_eq!(reported(start), None);
        let later = start + Duration::from_secs(60);
        assert_eq!([(); 4].map(|()| reported(later)), [None, None, None, Some(4)], "the one of before is forgotten");
        let alone = RateTable::new(QUOTA, start);
        assert_eq!(alone.take(&1, 10, start).unwrap().to_report, None, "a table of its own reports nothing");
    }
}
