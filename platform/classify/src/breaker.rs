//! Spares a server that fails, and the requests that would wait for it.
//!
//! Invariant: after five failures in a row it is asked once in thirty seconds, until it answers.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// Failures in a row that open the breaker.
const MAX_FAILURES: u32 = 5;
/// How long it stays open before one request tries again.
const PAUSE: Duration = Duration::from_secs(30);

/// The breaker; see the module.
#[derive(Debug, Default)]
pub(crate) struct Breaker(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    failures: u32,
    open_until: Option<Instant>,
}

impl Breaker {
    /// Whether a request may be sent now. Of an open breaker, the first one after the pause may, and the next one after
    /// another pause: so a request that is given up without a result blocks none for longer.
    pub(crate) fn allows(&self, now: Instant) -> bool {
        let mut state = self.0.lock();
        match state.open_until {
            None => true,
            Some(until) if now < until => false,
            Some(_) => {
                state.open_until = Some(now + PAUSE);
                true
            }
        }
    }

    /// Counts the result of a request.
    pub(crate) fn record(&self, is_success: bool, now: Instant) {
        let mut state = self.0.lock();
        if is_success {
            *state = State::default();
            return;
        }
        state.failures = state.failures.saturating_add(1);
        if state.failures >= MAX_FAILURES {
            state.open_until = Some(now + PAUSE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_fails_is_asked_once_in_a_while_until_it_answers() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        for _ in 0..MAX_FAILURES {
            assert!(breaker.allows(now));
            breaker.record(false, now);
        }
        assert!(!breaker.allows(now));
        let later = now + PAUSE;
        assert!(breaker.allows(later) && !breaker.allows(later), "one tries");
        breaker.record(true, later);
        assert!(breaker.allows(later) && breaker.allows(later));
    }
}
