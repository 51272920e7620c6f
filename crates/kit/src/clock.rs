//! The time, as a thing that is handed over rather than reached for.
//!
//! Invariant: times have microseconds, the resolution that both databases keep, so a time that was
//! stored and read again equals itself.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, DurationRound, TimeDelta, Utc};

/// Tells the time; in tests it stands still until it is moved.
#[derive(Debug, Clone)]
pub struct Clock(Time);

#[derive(Debug, Clone)]
enum Time {
    /// The machine's, and this much more.
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

    /// A clock that is ahead of the machine's, or behind it if `by` is negative: what a machine has whose clock is wrong.
    pub fn ahead_by(by: TimeDelta) -> Self {
        Self(Time::System(by))
    }

    /// A clock that stands at `at` until [`Clock::advance`] moves it.
    pub fn fixed(at: DateTime<Utc>) -> Self {
        Self(Time::Fixed(Arc::new(Mutex::new(at))))
    }

    /// Now, in UTC, in whole microseconds.
    pub fn now(&self) -> DateTime<Utc> {
        let now = match &self.0 {
            Time::System(ahead) => Utc::now().checked_add_signed(*ahead).unwrap_or_else(Utc::now),
            Time::Fixed(fixed) => *fixed.lock().unwrap_or_else(PoisonError::into_inner),
        };
        now.duration_trunc(TimeDelta::microseconds(1)).unwrap_or(now)
    }

    /// Moves a fixed clock forward; the system's clock takes no orders.
    pub fn advance(&self, by: TimeDelta) {
        if let Time::Fixed(fixed) = &self.0 {
            *fixed.lock().unwrap_or_else(PoisonError::into_inner) += by;
        }
    }
}
