//! How many accounts are being made.
//!
//! Counts accounts of this process, as the limits on guessing do. Invariant: only what is admitted counts, so a flood
//! of refused sign-ups makes none harder.

use chrono::{DateTime, Utc};
use parking_lot::Mutex;

/// The window in seconds.
const WINDOW_SECONDS: i64 = 60;

/// Counts the sign-ups of the last minute.
#[derive(Debug, Default)]
pub(crate) struct SignUpPressure(Mutex<Counts>);

/// The counts of the current window and the one before it.
#[derive(Debug, Default)]
struct Counts {
    window: i64,
    current: u32,
    previous: u32,
}

impl SignUpPressure {
    /// Counts a sign-up.
    pub(crate) fn count(&self, now: DateTime<Utc>) {
        let mut counts = self.0.lock();
        counts.advance(now);
        counts.current = counts.current.saturating_add(1);
    }

    /// Returns the number of sign-ups in the last minute, of which the part before this minute is estimated.
    pub(crate) fn per_minute(&self, now: DateTime<Utc>) -> u32 {
        let mut counts = self.0.lock();
        counts.advance(now);
        let left = WINDOW_SECONDS - now.timestamp().rem_euclid(WINDOW_SECONDS);
        let of_previous = i64::from(counts.previous) * left / WINDOW_SECONDS;
        counts.current.saturating_add(u32::try_from(of_previous).unwrap_or(u32::MAX))
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
    fn sign_ups_count_for_a_minute() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
        let pressure = SignUpPressure::default();
        for _ in 0..100 {
            pressure.count(now);
        }
        let after = |seconds| pressure.per_minute(now + TimeDelta::seconds(seconds));
        assert_eq!([0, 59, 60, 90, 119, 120].map(after), [100, 100, 100, 50, 1, 0]);
    }
}
