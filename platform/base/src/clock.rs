//! The time, as a parameter.
//!
//! Invariant: times have microseconds, the resolution that both databases keep, so a time that was stored and read
//! again equals itself.

use std::sync::Arc;

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use parking_lot::Mutex;
use tokio::sync::watch;

/// Returns the time. In tests it is fixed until it is moved.
#[derive(Debug, Clone)]
pub struct Clock(Time);

#[derive(Debug, Clone)]
enum Time {
    /// The machine's clock plus this offset.
    System(TimeDelta),
    Fixed(Arc<Fixed>),
}

/// A time that stands still until it is moved.
#[derive(Debug)]
struct Fixed {
    now: Mutex<DateTime<Utc>>,
    /// The time that [`Clock::announce`] told last.
    announced: watch::Sender<DateTime<Utc>>,
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
        Self(Time::Fixed(Arc::new(Fixed { now: Mutex::new(at), announced: watch::Sender::new(at) })))
    }

    /// Whether the time is fixed until it is moved, as in tests.
    pub fn is_fixed(&self) -> bool {
        matches!(self.0, Time::Fixed(_))
    }

    /// Returns the current time, in UTC, in whole microseconds.
    pub fn now(&self) -> DateTime<Utc> {
        let now = match &self.0 {
            Time::System(ahead) => Utc::now().checked_add_signed(*ahead).unwrap_or_else(Utc::now),
            Time::Fixed(fixed) => *fixed.now.lock(),
        };
        now.duration_trunc(TimeDelta::microseconds(1)).unwrap_or(now)
    }

    /// Moves a fixed clock forward; does nothing to the system's clock. Tasks in [`Clock::reached`] go on waiting until
    /// [`Clock::announce`], so that a test can look at the moment before they act.
    pub fn advance(&self, by: TimeDelta) {
        if let Time::Fixed(fixed) = &self.0 {
            *fixed.now.lock() += by;
        }
    }

    /// Tells a fixed clock's time to the tasks in [`Clock::reached`]; does nothing to the system's clock.
    pub fn announce(&self) {
        if let Time::Fixed(fixed) = &self.0 {
            let now = *fixed.now.lock();
            fixed.announced.send_if_modified(|last| std::mem::replace(last, now) != now);
        }
    }

    /// Waits until a fixed clock has announced `at` or a later time. The system's clock announces nothing: there this
    /// never ends, so its caller sleeps beside it.
    pub async fn reached(&self, at: DateTime<Utc>) {
        let Time::Fixed(fixed) = &self.0 else { return std::future::pending().await };
        let mut announced = fixed.announced.subscribe();
        // It fails if the sender is gone, which this clock holds.
        let _ = announced.wait_for(|now| *now >= at).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_time_is_reached_when_it_is_announced() {
        let clock = Clock::fixed(DateTime::UNIX_EPOCH);
        let at = clock.now() + TimeDelta::hours(1);
        let reached = tokio::spawn({
            let clock = clock.clone();
            async move { clock.reached(at).await }
        });
        for _ in 0..2 {
            clock.advance(TimeDelta::minutes(30));
            tokio::task::yield_now().await;
            assert!(!reached.is_finished());
        }
        clock.announce();
        reached.await.unwrap();
        clock.reached(at).await;
    }
}
