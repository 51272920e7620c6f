//! Whether requests go to a provider that fails.
//!
//! Invariant: while a provider fails, one request at a time finds out whether it works again.

use chrono::{DateTime, TimeDelta, Utc};

/// Failures in a row after which nothing is sent for a while.
const MAX_FAILURES: u32 = 5;
/// The first pause; it doubles with each probe that fails.
const FIRST_PAUSE: TimeDelta = TimeDelta::seconds(10);
/// The longest pause.
const MAX_PAUSE: TimeDelta = TimeDelta::minutes(2);
/// How long other requests wait for the one that probes.
const PROBE_TIMEOUT: TimeDelta = TimeDelta::seconds(15);

/// The state of a provider, or of one server of a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Breaker {
    failures: u32,
    open_until: Option<DateTime<Utc>>,
    is_probing: bool,
}

/// Whether a request may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Permit {
    /// It may.
    Normal,
    /// It may, and it is the only one: its result decides.
    Probe,
    /// Not before this time.
    Wait(DateTime<Utc>),
}

impl Breaker {
    /// Returns whether a request may be sent, without sending one.
    pub(crate) fn permit(&self, now: DateTime<Utc>) -> Permit {
        match self.open_until {
            None => Permit::Normal,
            Some(until) if now < until => Permit::Wait(until),
            Some(_) => Permit::Probe,
        }
    }

    /// Returns whether this request may be sent; after [`Permit::Probe`], others wait for its result.
    pub(crate) fn acquire(&mut self, now: DateTime<Utc>) -> Permit {
        let permit = self.permit(now);
        if permit == Permit::Probe {
            self.open_until = Some(now + PROBE_TIMEOUT);
            self.is_probing = true;
        }
        permit
    }

    /// Records a request that failed because of the provider. Those that were sent before it was known count once.
    pub(crate) fn record_failure(&mut self, now: DateTime<Utc>) {
        if !std::mem::take(&mut self.is_probing) && matches!(self.permit(now), Permit::Wait(_)) {
            return;
        }
        self.failures = self.failures.saturating_add(1);
        if self.failures >= MAX_FAILURES {
            let doublings = (self.failures - MAX_FAILURES).min(8);
            self.pause(now + (FIRST_PAUSE * 2_i32.pow(doublings)).min(MAX_PAUSE));
        }
    }

    /// Sends nothing before this time, as the provider asked.
    pub(crate) fn pause(&mut self, until: DateTime<Utc>) {
        self.open_until = Some(self.open_until.map_or(until, |before| before.max(until)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_probe_at_a_time_finds_out_whether_a_provider_works_again() {
        let (mut breaker, start) = (Breaker::default(), DateTime::UNIX_EPOCH);
        for _ in 1..MAX_FAILURES {
            breaker.record_failure(start);
            assert_eq!(breaker.acquire(start), Permit::Normal);
        }
        for _ in 0..3 * MAX_FAILURES {
            breaker.record_failure(start);
        }
        let until = start + FIRST_PAUSE;
        assert_eq!(breaker.acquire(start), Permit::Wait(until));
        assert_eq!(breaker.acquire(until), Permit::Probe);
        assert_eq!(breaker.acquire(until), Permit::Wait(until + PROBE_TIMEOUT));
        breaker.record_failure(until);
        assert_eq!(breaker.acquire(until + PROBE_TIMEOUT), Permit::Wait(until + FIRST_PAUSE * 2));
        // A provider that works has a new one.
        let mut breaker = Breaker::default();
        breaker.pause(until);
        assert_eq!((breaker.permit(start), breaker.permit(until)), (Permit::Wait(until), Permit::Probe));
    }
}
