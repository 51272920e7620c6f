//! The breakers of the servers that fail.
//!
//! Invariant: a server that works takes no memory, and at most [`MAX_SERVERS`] that fail are remembered.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use parking_lot::Mutex;

use super::outcome::Outcome;
use crate::model::{Breaker, MAX_RETRY_AFTER, Permit};

/// Clients choose the servers of Web Push. Past this, more of those that fail have no breaker, only their pauses.
const MAX_SERVERS: usize = 1000;

/// The breakers, by server.
#[derive(Default)]
pub(super) struct Breakers(Mutex<HashMap<String, Breaker>>);

impl Breakers {
    /// Returns whether a request would be sent now.
    pub(super) fn permit(&self, server: &str, now: DateTime<Utc>) -> Permit {
        self.0.lock().get(server).map_or(Permit::Normal, |breaker| breaker.permit(now))
    }

    /// Returns whether this request may be sent.
    pub(super) fn acquire(&self, server: &str, now: DateTime<Utc>) -> Permit {
        self.0.lock().get_mut(server).map_or(Permit::Normal, |breaker| breaker.acquire(now))
    }

    /// Records what came of a request.
    pub(super) fn record(&self, server: &str, outcome: Outcome, now: DateTime<Utc>) {
        let mut breakers = self.0.lock();
        let Outcome::Failed { retry_after, is_of_provider: true, .. } = outcome else {
            breakers.remove(server);
            return;
        };
        if breakers.len() >= MAX_SERVERS && !breakers.contains_key(server) {
            return;
        }
        let breaker = breakers.entry(server.to_owned()).or_default();
        breaker.record_failure(now);
        if let Some(asked) = retry_after {
            breaker.pause(now + asked.min(MAX_RETRY_AFTER));
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn a_server_that_asks_for_time_gets_it_and_the_others_go_on() {
        let (breakers, now) = (Breakers::default(), DateTime::UNIX_EPOCH);
        let busy = Outcome::unavailable("busy", Some(TimeDelta::seconds(120)));
        breakers.record("a", busy, now);
        assert_eq!(breakers.acquire("a", now), Permit::Wait(now + TimeDelta::seconds(120)));
        assert_eq!(breakers.acquire("b", now), Permit::Normal);
        breakers.record("a", Outcome::Accepted, now);
        assert_eq!(breakers.permit("a", now), Permit::Normal);
        for number in 0..2 * MAX_SERVERS {
            breakers.record(&number.to_string(), busy, now);
        }
        assert_eq!(breakers.0.lock().len(), MAX_SERVERS);
    }
}
