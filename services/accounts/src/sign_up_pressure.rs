//! How many accounts are being made, and so how hard it is to make another.
//!
//! Counts accounts of this process, as the limits on guessing do. Invariant: only what costs its client something counts
//! beyond the threshold, so a flood of refused sign-ups makes none harder.

use chrono::{DateTime, Utc};
use parking_lot::Mutex;

use crate::model::MAX_WORK_LEVEL;

/// The window in seconds.
const WINDOW_SECONDS: i64 = 60;

/// Counts the sign-ups of the last minute.
#[derive(Debug)]
pub(crate) struct SignUpPressure {
    /// From so many a minute on, proof of work is asked for; 0 for never.
    threshold: u32,
    counts: Mutex<Counts>,
}

/// The counts of the current window and the one before it.
#[derive(Debug, Default)]
struct Counts {
    window: i64,
    current: u32,
    previous: u32,
}

impl SignUpPressure {
    pub(crate) fn new(threshold: u32) -> Self {
        Self { threshold, counts: Mutex::default() }
    }

    /// Counts a sign-up.
    pub(crate) fn count(&self, now: DateTime<Utc>) {
        let mut counts = self.counts.lock();
        counts.advance(now);
        counts.current = counts.current.saturating_add(1);
    }

    /// Returns the level of the proof of work that is asked for: 0 for none, and one more whenever the sign-ups of a
    /// minute have doubled.
    pub(crate) fn level(&self, now: DateTime<Utc>) -> u32 {
        if self.threshold == 0 {
            return 0;
        }
        let mut counts = self.counts.lock();
        counts.advance(now);
        let left = WINDOW_SECONDS - now.timestamp().rem_euclid(WINDOW_SECONDS);
        let of_previous = i64::from(counts.previous) * left / WINDOW_SECONDS;
        let rate = counts.current.saturating_add(u32::try_from(of_previous).unwrap_or(u32::MAX));
        let level = (rate / self.threshold).checked_ilog2().map_or(0, |doublings| doublings + 1);
        level.min(MAX_WORK_LEVEL)
    }
}

impl Counts {
    fn advance(&mut self, now: DateTime<Utc>) {
        let window = now.timestamp().div_euclid(WINDOW_SECONDS);
        // A clock that was set back counts on in the window that it had reached.
        if window > self.window {
            self.previous = if window == self.window + 1 { self.current } else { 0 };
            (self.window, self.current) = (window, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn the_level_rises_whenever_sign_ups_double_and_falls_within_two_minutes() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
        let pressure = SignUpPressure::new(10);
        let mut levels = Vec::new();
        for _ in 0..1000 {
            levels.push(pressure.level(now));
            pressure.count(now);
        }
        assert_eq!([9, 10, 19, 20, 40, 80, 160, 320, 999].map(|at: usize| levels[at]), [0, 1, 1, 2, 3, 4, 5, 6, 6]);
        assert_eq!(pressure.level(now + TimeDelta::seconds(90)), 6, "half of the minute before counts");
        assert_eq!(pressure.level(now + TimeDelta::seconds(120)), 0);
        let never = SignUpPressure::new(0);
        never.count(now);
        assert_eq!(never.level(now), 0);
    }
}
