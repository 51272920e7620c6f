//! How long a child that failed is not started again.
//!
//! Invariant: the pause doubles with each failure in a row, from a second to five minutes, and one success ends it.

use std::time::Duration;

use tokio::time::Instant;

/// The longest pause.
const MAX_PAUSE: Duration = Duration::from_mins(5);
/// Two to this power is above the longest pause in seconds.
const MAX_DOUBLINGS: u32 = 9;

/// The pause after failures.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
    until: Option<Instant>,
}

impl Backoff {
    /// Whether there may be another attempt.
    pub(crate) fn allows(&self, now: Instant) -> bool {
        self.until.is_none_or(|until| now >= until)
    }

    /// Counts a failure.
    pub(crate) fn failed(&mut self, now: Instant) {
        let pause = Duration::from_secs(1 << self.failures.min(MAX_DOUBLINGS)).min(MAX_PAUSE);
        self.failures = self.failures.saturating_add(1);
        self.until = Some(now + pause);
    }

    /// Ends the pause.
    pub(crate) fn succeeded(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_and_end_with_a_success() {
        let (mut backoff, now) = (Backoff::default(), Instant::now());
        assert!(backoff.allows(now));
        for seconds in [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300] {
            backoff.failed(now);
            let pause = Duration::from_secs(seconds);
            assert!(!backoff.allows(now + pause - Duration::from_millis(1)), "{seconds}");
            assert!(backoff.allows(now + pause), "{seconds}");
        }
        backoff.succeeded();
        assert!(backoff.allows(now));
    }
}
