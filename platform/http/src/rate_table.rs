//! Rates by client in memory of a fixed size.
//!
//! The generic cell rate algorithm (ITU-T I.371) keeps one time per client: that at which all of its rate is free
//! again. The times are in a set-associative table. A client without a slot takes the one of its set that is free
//! first, which costs its owner least: the owner's rate is free again a little early. Invariant: memory does not grow
//! with the number of clients, and a client is never refused because of others.

use std::hash::{BuildHasher as _, Hash, RandomState};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// Locks of a table.
const SHARDS: usize = 64;
/// Sets of a shard.
const SETS: usize = 256;
/// Slots of a set. With 131,072 slots, a table has at most 2 MiB; pages that are never touched cost nothing.
const WAYS: usize = 8;

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
}

/// A request is one too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many requests; the next is admitted after {0:?}")]
pub struct TooMany(pub Duration);

/// The rates of all clients under one quota.
#[derive(Debug)]
pub struct RateTable {
    quota: Quota,
    started: Instant,
    /// A hash function with a random key, so that an attacker can't construct clients that share another's set.
    hasher: RandomState,
    shards: Vec<Mutex<Vec<Slot>>>,
}

/// The hash of a client, 0 in an empty slot, and the time at which its rate is free, in nanoseconds from the
/// table's start. A plain array, because the allocator gives zeroed ones without touching them.
type Slot = [u64; 2];

impl Quota {
    fn interval_ns(self) -> u64 {
        1_000_000_000 / u64::from(self.per_second.clamp(1, 1_000_000_000))
    }
}

impl RateTable {
    /// Returns a table of clients that have sent nothing yet.
    pub fn new(quota: Quota, now: Instant) -> Self {
        Self {
            quota: Quota { burst: quota.burst.max(1), per_second: quota.per_second.max(1) },
            started: now,
            hasher: RandomState::new(),
            shards: (0..SHARDS).map(|_| Mutex::new(vec![[0; 2]; SETS * WAYS])).collect(),
        }
    }

    /// Returns the quota.
    pub fn quota(&self) -> Quota {
        self.quota
    }

    /// Counts a request of a client that is worth `weight` ordinary ones. One that is worth more than the burst takes
    /// all of it.
    pub fn take(&self, client: &impl Hash, weight: u32, now: Instant) -> Result<Remaining, TooMany> {
        let now_ns = u64::try_from(now.saturating_duration_since(self.started).as_nanos()).unwrap_or(u64::MAX / 2);
        let hash = self.hasher.hash_one(client).max(1);
        // Different bits choose the shard and the set.
        let (shard, set) = (hash as usize % SHARDS, (hash >> 32) as usize % SETS);
        let Some(shard) = self.shards.get(shard) else { return Ok(self.untouched()) };
        let mut slots = shard.lock();
        let Some(set) = slots.get_mut(set * WAYS..(set + 1) * WAYS) else { return Ok(self.untouched()) };
        self.take_from(set, hash, weight, now_ns)
    }

    /// Takes from a client's slot of its set, or from the slot that is free first.
    fn take_from(&self, set: &mut [Slot], hash: u64, weight: u32, now_ns: u64) -> Result<Remaining, TooMany> {
        let is_known = set.iter().any(|[owner, _]| *owner == hash);
        let slot = if is_known {
            set.iter_mut().find(|[owner, _]| *owner == hash)
        } else {
            set.iter_mut().min_by_key(|[_, free_at]| *free_at)
        };
        let Some(slot) = slot else { return Ok(self.untouched()) };
        let interval = self.quota.interval_ns();
        let depth = interval * u64::from(self.quota.burst);
        let free_at = if is_known { slot[1].max(now_ns) } else { now_ns };
        let next = free_at + interval * u64::from(weight.clamp(1, self.quota.burst));
        let used = next - now_ns;
        if used > depth {
            return Err(TooMany(Duration::from_nanos(used - depth)));
        }
        *slot = [hash, next];
        let requests = u32::try_from((depth - used) / interval).unwrap_or(u32::MAX);
        Ok(Remaining { requests, reset: Duration::from_nanos(used) })
    }

    fn untouched(&self) -> Remaining {
        Remaining { requests: self.quota.burst, reset: Duration::ZERO }
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
        for client in 0..300_000_u32 {
            assert!(table.take(&client, 1, start).is_ok(), "{client} has sent one request");
        }
        let slots: usize = table.shards.iter().map(|shard| shard.lock().capacity()).sum();
        assert_eq!(slots, SHARDS * SETS * WAYS);
        assert!(table.take(&"flooder", 1, start).is_err(), "who has used up a rate keeps its slot for longest");
    }
}
