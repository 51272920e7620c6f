//! A rate as a pure function: so many at once, and one more after each interval.
//!
//! The generic cell rate algorithm (ITU-T I.371): the state is one time, that at which all of the rate is free again.
//! Invariant: in any span of time, no more are admitted than the burst and what the span's intervals add.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// The longest time that a rate counts with: sums with it stay within what a time can be.
const MAX_SPAN: TimeDelta = TimeDelta::days(36_500);

/// A rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// How many are admitted at once.
    pub burst: u32,
    /// Milliseconds after which one more is.
    pub interval_ms: u64,
}

/// Too many at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exhausted {
    /// After how many milliseconds it is admitted; `None` if never, because it is more than all of what is allowed.
    pub retry_after_ms: Option<u64>,
}

impl Rate {
    /// Takes `count` at `now`. `free_at` is the state, `None` where nothing was taken yet; returns the new one. A clock
    /// that went back admits nothing early.
    pub fn take(
        self,
        free_at: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
        count: u32,
    ) -> Result<DateTime<Utc>, Exhausted> {
        if count > self.burst {
            return Err(Exhausted { retry_after_ms: None });
        }
        let (cost, depth) = (self.span(count), self.span(self.burst));
        let free_at = free_at.map_or(now, |free_at| free_at.max(now));
        let next = free_at.checked_add_signed(cost).unwrap_or(DateTime::<Utc>::MAX_UTC);
        let early = next.signed_duration_since(now) - depth;
        match early.to_std() {
            Ok(wait) if !wait.is_zero() => {
                let wait_ms = wait.as_nanos().div_ceil(1_000_000);
                Err(Exhausted { retry_after_ms: Some(u64::try_from(wait_ms).unwrap_or(u64::MAX)) })
            }
            // No time, or a time in the past.
            _ => Ok(next),
        }
    }

    /// Returns the time of so many intervals, [`MAX_SPAN`] at most.
    fn span(self, count: u32) -> TimeDelta {
        let span_ms = self.interval_ms.saturating_mul(count.into());
        TimeDelta::milliseconds(i64::try_from(span_ms).unwrap_or(i64::MAX)).min(MAX_SPAN)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RATE: Rate = Rate { burst: 3, interval_ms: 1000 };

    fn at(ms: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(1_800_000_000_000 + ms).unwrap()
    }

    #[test]
    fn a_burst_is_admitted_and_then_one_per_interval() {
        let mut state = None;
        for _ in 0..3 {
            state = Some(RATE.take(state, at(0), 1).unwrap());
        }
        assert_eq!(RATE.take(state, at(0), 1), Err(Exhausted { retry_after_ms: Some(1000) }));
        assert_eq!(RATE.take(state, at(999), 1), Err(Exhausted { retry_after_ms: Some(1) }));
        state = Some(RATE.take(state, at(1000), 1).unwrap());
        assert_eq!(RATE.take(state, at(1500), 2), Err(Exhausted { retry_after_ms: Some(1500) }));
        assert!(RATE.take(state, at(-5000), 1).is_err(), "a clock that went back");
        assert!(RATE.take(state, at(60_000), 3).is_ok(), "all of it is free again");
        assert_eq!(RATE.take(None, at(0), 4), Err(Exhausted { retry_after_ms: None }));
    }

    proptest! {
        #[test]
        fn no_span_has_more_than_its_share(
            burst in 1_u32..20,
            interval_ms in 1_u64..5000,
            steps in proptest::collection::vec((0_i64..3000, 1_u32..4), 0..80),
        ) {
            let rate = Rate { burst, interval_ms };
            let (mut state, mut time_ms, mut taken) = (None, 0, 0_u64);
            for (step, count) in steps {
                time_ms += step;
                match rate.take(state, at(time_ms), count) {
                    Ok(next) => {
                        state = Some(next);
                        taken += u64::from(count);
                    }
                    Err(Exhausted { retry_after_ms: Some(wait) }) => {
                        prop_assert!(wait > 0);
                        prop_assert!(rate.take(state, at(time_ms + wait as i64), count).is_ok(), "the wait is enough");
                    }
                    Err(Exhausted { retry_after_ms: None }) => prop_assert!(count > burst),
                }
                prop_assert!(taken <= u64::from(burst) + time_ms as u64 / interval_ms);
            }
        }

        #[test]
        fn any_numbers(burst: u32, interval_ms: u64, count: u32) {
            let rate = Rate { burst, interval_ms };
            let state = rate.take(None, at(0), count).ok();
            let _ = rate.take(state, at(1), count);
        }
    }
}
