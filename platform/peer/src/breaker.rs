//! The circuit breaker of one instance: after too many failures in a row, or too large a share of them, it gets no
//! requests for a while.
//!
//! Pure: the time is a parameter. Invariant: while it is not closed, at most one request at a time is let through, as a
//! probe.

use std::time::{Duration, Instant};

/// Failures in a row that open it.
const MAX_CONSECUTIVE_FAILURES: u32 = 5;
/// The least number of requests in a window of which half must fail to open it.
const MIN_REQUESTS: u32 = 20;
const WINDOW: Duration = Duration::from_secs(10);
/// The first pause; it doubles each time a probe fails.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const MAX_PAUSE: Duration = Duration::from_secs(30);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed,
    Open {
        until: Instant,
    },
    /// The next request may be the probe, or one is in progress.
    HalfOpen {
        is_probing: bool,
    },
}

#[derive(Debug)]
pub(super) struct Breaker {
    state: State,
    consecutive_failures: u32,
    window: Instant,
    succeeded: u32,
    failed: u32,
    open_count: u32,
}

/// The permission to send a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Permit {
    Normal,
    /// The request decides whether the breaker closes.
    Probe,
}

impl Breaker {
    pub(super) fn new(now: Instant) -> Self {
        Self { state: State::Closed, consecutive_failures: 0, window: now, succeeded: 0, failed: 0, open_count: 0 }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state == State::Closed
    }

    /// Whether a request would be let through.
    pub(super) fn allows(&self, now: Instant) -> bool {
        match self.state {
            State::Closed => true,
            State::Open { until } => now >= until,
            State::HalfOpen { is_probing } => !is_probing,
        }
    }

    /// Lets a request through, or not.
    pub(super) fn begin(&mut self, now: Instant) -> Option<Permit> {
        if !self.allows(now) {
            return None;
        }
        if self.is_closed() {
            return Some(Permit::Normal);
        }
        self.state = State::HalfOpen { is_probing: true };
        Some(Permit::Probe)
    }

    pub(super) fn succeed(&mut self, permit: Permit, now: Instant) {
        self.roll_window(now);
        self.consecutive_failures = 0;
        self.succeeded += 1;
        if permit == Permit::Probe {
            (self.state, self.open_count, self.succeeded, self.failed) = (State::Closed, 0, 0, 0);
        }
    }

    pub(super) fn fail(&mut self, permit: Permit, now: Instant) {
        self.roll_window(now);
        self.consecutive_failures += 1;
        self.failed += 1;
        let too_many = self.consecutive_failures >= MAX_CONSECUTIVE_FAILURES
            || (self.succeeded + self.failed >= MIN_REQUESTS && self.failed >= self.succeeded);
        if permit == Permit::Probe || (self.is_closed() && too_many) {
            let pause = FIRST_PAUSE.saturating_mul(1 << self.open_count.min(10)).min(MAX_PAUSE);
            self.open_count += 1;
            (self.state, self.consecutive_failures, self.succeeded, self.failed) =
                (State::Open { until: now + pause }, 0, 0, 0);
        }
    }

    /// Ends a request that says nothing about the instance.
    pub(super) fn release(&mut self, permit: Permit) {
        if permit == Permit::Probe && self.state == (State::HalfOpen { is_probing: true }) {
            self.state = State::HalfOpen { is_probing: false };
        }
    }

    /// The instance says that it is ready: the next request may probe at once.
    pub(super) fn allow_probe(&mut self) {
        if matches!(self.state, State::Open { .. }) {
            self.state = State::HalfOpen { is_probing: false };
        }
    }

    fn roll_window(&mut self, now: Instant) {
        if now.duration_since(self.window) > WINDOW {
            (self.window, self.succeeded, self.failed) = (now, 0, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(now: Instant) -> Breaker {
        let mut breaker = Breaker::new(now);
        for _ in 0..MAX_CONSECUTIVE_FAILURES {
            assert_eq!(breaker.begin(now), Some(Permit::Normal));
            breaker.fail(Permit::Normal, now);
        }
        breaker
    }

    #[test]
    fn failures_in_a_row_open_it_and_one_probe_closes_it() {
        let now = Instant::now();
        let mut breaker = opened(now);
        assert_eq!(breaker.begin(now), None);
        let later = now + FIRST_PAUSE;
        assert_eq!(breaker.begin(later), Some(Permit::Probe));
        assert_eq!(breaker.begin(later), None, "one at a time");
        breaker.succeed(Permit::Probe, later);
        assert!(breaker.is_closed());
    }

    #[test]
    fn a_probe_that_fails_makes_the_pause_longer() {
        let now = Instant::now();
        let mut breaker = opened(now);
        let later = now + FIRST_PAUSE;
        breaker.begin(later).unwrap();
        breaker.fail(Permit::Probe, later);
        assert!(!breaker.allows(later + FIRST_PAUSE));
        assert!(breaker.allows(later + 2 * FIRST_PAUSE));
    }

    #[test]
    fn a_probe_that_was_cancelled_makes_room_for_the_next() {
        let now = Instant::now();
        let mut breaker = opened(now);
        breaker.allow_probe();
        let permit = breaker.begin(now).unwrap();
        breaker.release(permit);
        assert_eq!(breaker.begin(now), Some(Permit::Probe));
    }

    #[test]
    fn half_of_many_opens_it_but_not_half_of_few_and_not_old_ones() {
        let now = Instant::now();
        let mut breaker = Breaker::new(now);
        for _ in 0..(MIN_REQUESTS / 2 - 1) {
            breaker.succeed(Permit::Normal, now);
            breaker.fail(Permit::Normal, now);
        }
        assert!(breaker.is_closed());
        let later = now + WINDOW * 2;
        breaker.fail(Permit::Normal, later);
        breaker.succeed(Permit::Normal, later);
        assert!(breaker.is_closed(), "old failures do not count");
        for _ in 0..MIN_REQUESTS / 2 {
            breaker.succeed(Permit::Normal, later);
            breaker.fail(Permit::Normal, later);
        }
        assert!(!breaker.is_closed());
    }
}
