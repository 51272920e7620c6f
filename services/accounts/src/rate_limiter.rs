//! A rate limiter with fixed memory.
//!
//! It runs the generic cell rate algorithm (GCRA) on a count-min sketch: each key has one cell in every row, a cell
//! holds the time at which all its attempts have expired, and the earliest of a key's cells counts. Invariant: a key
//! over its limit is always refused. A key below its limit is refused only if other keys share all of its cells (about
//! one in ten thousand while ninety thousand attempts are counted).

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::Mutex;

const ROWS: usize = 3;
/// Cells per row. All rows take 1.5 MB; pages that are never touched cost nothing.
const CELLS: usize = 1 << 16;

/// Allows each key `burst` attempts per window. Each attempt expires after its share of the window.
pub(crate) struct RateLimiter {
    burst: u64,
    /// Milliseconds after which one attempt expires.
    step: u64,
    /// Hash functions with random keys, so that an attacker can't construct a name that shares another's cells.
    hashers: [RandomState; ROWS],
    rows: Mutex<[Vec<u64>; ROWS]>,
}

impl RateLimiter {
    /// Creates a limiter of `burst` attempts per `window`.
    pub(crate) fn new(burst: u32, window: TimeDelta) -> Self {
        let burst = u64::from(burst.max(1));
        let window = u64::try_from(window.num_milliseconds()).unwrap_or(1);
        Self {
            burst,
            step: (window / burst).max(1),
            hashers: std::array::from_fn(|_| RandomState::new()),
            rows: Mutex::new(std::array::from_fn(|_| vec![0; CELLS])),
        }
    }

    /// Counts an attempt of `key`. Returns how many attempts count now, this one included, or fails with the time to
    /// wait.
    pub(crate) fn try_acquire(&self, key: &str, now: DateTime<Utc>) -> Result<u64, Duration> {
        let now = millis(now);
        let mut rows = self.rows.lock();
        let arrival = self.cells(&mut rows, key).map(|cell| *cell).min().unwrap_or(0).max(now);
        let latest = now + (self.burst - 1) * self.step;
        if arrival > latest {
            return Err(Duration::from_millis(arrival - latest));
        }
        self.cells(&mut rows, key).for_each(|cell| *cell = (*cell).max(now) + self.step);
        Ok((arrival + self.step - now).div_ceil(self.step))
    }

    /// Returns how close `used` attempts are to the limit: 0 up to half of it, then 1 to 5.
    pub(crate) fn delay_steps(&self, used: u64) -> u32 {
        let free = self.burst.div_ceil(2);
        let steps = (used.saturating_sub(free) * 5).div_ceil((self.burst - free).max(1));
        u32::try_from(steps.min(5)).unwrap_or(5)
    }

    /// Takes an attempt back.
    pub(crate) fn refund(&self, key: &str) {
        let mut rows = self.rows.lock();
        self.cells(&mut rows, key).for_each(|cell| *cell = cell.saturating_sub(self.step));
    }

    fn cells<'r>(&self, rows: &'r mut [Vec<u64>; ROWS], key: &str) -> impl Iterator<Item = &'r mut u64> {
        let columns: [usize; ROWS] =
            std::array::from_fn(|row| self.hashers.get(row).map_or(0, |hasher| hasher.hash_one(key) as usize % CELLS));
        rows.iter_mut().zip(columns).filter_map(|(row, column)| row.get_mut(column))
    }
}

fn millis(time: DateTime<Utc>) -> u64 {
    u64::try_from(time.timestamp_millis()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limiter() -> (RateLimiter, DateTime<Utc>) {
        (RateLimiter::new(10, TimeDelta::minutes(15)), Utc::now())
    }

    #[test]
    fn after_ten_attempts_the_wait_is_returned() {
        let (limiter, now) = limiter();
        for _ in 0..10 {
            limiter.try_acquire("ada", now).unwrap();
        }
        let wait = limiter.try_acquire("ada", now).unwrap_err();
        assert_eq!(wait, Duration::from_secs(90));
        assert!(limiter.try_acquire("bob", now).is_ok());
        assert!(limiter.try_acquire("ada", now + TimeDelta::seconds(89)).is_err());
        assert!(limiter.try_acquire("ada", now + TimeDelta::seconds(90)).is_ok());
        for _ in 0..10 {
            limiter.try_acquire("ada", now + TimeDelta::hours(1)).unwrap();
        }
        assert!(limiter.try_acquire("ada", now + TimeDelta::hours(1)).is_err(), "a long rest doesn't add up");
    }

    #[test]
    fn refunded_attempts_are_not_counted() {
        let (limiter, now) = limiter();
        for _ in 0..1000 {
            limiter.try_acquire("venue", now).unwrap();
            limiter.refund("venue");
        }
    }

    #[test]
    fn a_flood_of_keys_does_not_block_others() {
        let (limiter, now) = limiter();
        for name in 0..90_000 {
            let _ = limiter.try_acquire(&format!("name{name}"), now);
        }
        let refused = (0..10_000).filter(|guest| limiter.try_acquire(&format!("guest{guest}"), now).is_err()).count();
        assert!(refused < 20, "{refused} of 10,000 refused");
    }

    proptest::proptest! {
        #[test]
        fn no_key_gets_more_than_the_limit(others in proptest::collection::vec("[a-z]{1,3}", 0..200)) {
            let (limiter, now) = limiter();
            let mut allowed = 0;
            for other in others.iter().map(String::as_str).chain(std::iter::repeat_n("ada", 50)) {
                let taken = limiter.try_acquire(other, now).is_ok();
                allowed += usize::from(taken && other == "ada");
            }
            proptest::prop_assert!(allowed <= 10);
        }
    }
}
