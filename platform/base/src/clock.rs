//! The time, as a parameter.
//!
//! Invariant: times have microseconds, the resolution that both databases keep, so a time that was stored and read
//! again equals itself.

use std::sync::Arc;

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use parking_lot::Mutex;

/// Returns the time. In tests it is fixed until it is moved.
#[derive(Debug, Clone)]
pub struct Clock(Time);

#[derive(Debug, Clone)]
enum Time {
    /// The machine's clock plus this offset.
    System(TimeDelta),
    Fixed(Arc<Mutex<DateTime<Utc>>>),
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self::ahead_by(TimeDelta::zero())
    }

    /// Returns a clock that is ahead of the machine's, or behind it if `by` is negative: for testing machines whose
    /// clock is wrong.
    pub fn ahead_by(by: TimeDelta) -> Self {
        Self(Time::System(by))
    }

    /// Returns a clock that is fixed at `at` until [`Clock::advance`] moves it.
    pub fn fixed(at: DateTime<Utc>) -> Self {
        Self(Time::Fixed(Arc::new(Mutex::new(at))))
    }

    /// Returns the current time, in UTC, in whole microseconds.
    pub fn now(&self) -> DateTime<Utc> {
        let now = match &self.0 {
            Time::System(ahead) => Utc::now().checked_add_signed(*ahead).unwrap_or_else(Utc::now),
            Time::Fixed(fixed) => *fixed.lock(),
        };
        now.duration_trunc(TimeDelta::microseconds(1)).unwrap_or(now)
    }

    /// Moves a fixed clock forward; does nothing to the system's clock.
    pub fn advance(&self, by: TimeDelta) {
        if let Time::Fixed(fixed) = &self.0 {
            *fixed.lock() += by;
        }
    }
}
