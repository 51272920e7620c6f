//! How many frames a client may send, and how often it may be wrong.
//!
//! Invariant: in any span of time a client spends no more than [`BURST`] and what [`PER_SECOND`] adds.

use std::time::Duration;

use tokio::time::Instant;

/// The units that a client may spend at once. An ordinary frame costs one.
const BURST: f64 = 100.0;
/// The units that come back in a second.
const PER_SECOND: f64 = 10.0;
/// How many frames may be malformed, or come too fast, before the socket ends.
const MAX_STRIKES: u32 = 10;

/// The budget of one socket.
#[derive(Debug)]
pub(super) struct Budget {
    units: f64,
    since: Instant,
    strikes: u32,
}

impl Budget {
    /// Returns a full budget.
    pub(super) fn new(now: Instant) -> Self {
        Self { units: BURST, since: now, strikes: 0 }
    }

    /// Spends so many units, or returns after what time there are enough.
    pub(super) fn spend(&mut self, units: u32, now: Instant) -> Result<(), Duration> {
        let passed = now.saturating_duration_since(self.since).as_secs_f64();
        self.units = (self.units + passed * PER_SECOND).min(BURST);
        self.since = now;
        let left = self.units - f64::from(units).min(BURST);
        if left < 0.0 {
            return Err(Duration::from_secs_f64(-left / PER_SECOND));
        }
        self.units = left;
        Ok(())
    }

    /// Counts a frame that was wrong. Returns whether it was one too many.
    pub(super) fn strike(&mut self) -> bool {
        self.strikes += 1;
        self.strikes > MAX_STRIKES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_fills_up_again_and_mistakes_are_counted() {
        let start = Instant::now();
        let mut budget = Budget::new(start);
        assert_eq!((budget.spend(60, start), budget.spend(40, start)), (Ok(()), Ok(())));
        assert_eq!(budget.spend(5, start), Err(Duration::from_millis(500)));
        assert_eq!(budget.spend(5, start + Duration::from_millis(500)), Ok(()));
        let later = start + Duration::from_secs(3600);
        assert_eq!(budget.spend(500, later), Ok(()), "what costs more than all has all");
        assert!(budget.spend(1, later).is_err());
        assert!((0..MAX_STRIKES).all(|_| !budget.strike()) && budget.strike());
    }
}
