//! Attempts to sign in that failed and are not stored yet.
//!
//! They are stored a few seconds later, by a task of the process, so that a wrong password for an account that exists
//! takes no longer than one for a login that does not. A process that is killed loses those of its last seconds; they
//! are in no other way part of its work. Invariant: at most [`MAX_PLACES`] places wait; further ones are not recorded.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use contract::AccountId;
use parking_lot::Mutex;

use crate::model::{FailedSignIns, Whereabouts};

/// The most pairs of account and place that wait to be stored.
const MAX_PLACES: usize = 10_000;

/// The number of attempts of each origin, and when the last one was.
type Waiting = HashMap<(AccountId, Whereabouts), (i64, DateTime<Utc>)>;

/// The attempts of this process that wait to be stored.
#[derive(Debug, Default)]
pub(crate) struct FailedSignInBuffer {
    waiting: Mutex<Waiting>,
}

impl FailedSignInBuffer {
    /// Adds an attempt.
    pub(crate) fn add(&self, account: AccountId, from: Whereabouts, at: DateTime<Utc>) {
        let mut waiting = self.waiting.lock();
        let is_full = waiting.len() >= MAX_PLACES;
        let key = (account, from);
        if let Some((attempts, last_at)) = waiting.get_mut(&key) {
            (*attempts, *last_at) = (*attempts + 1, at);
        } else if !is_full {
            waiting.insert(key, (1, at));
        }
    }

    /// Takes all attempts out.
    pub(crate) fn take(&self) -> Vec<FailedSignIns> {
        let waiting = std::mem::take(&mut *self.waiting.lock());
        waiting
            .into_iter()
            .map(|((account, from), (attempts, last_at))| FailedSignIns { account, from, attempts, last_at })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn place(number: usize) -> Whereabouts {
        Whereabouts { device: "Phone".into(), network: format!("10.0.{number}.0/24") }
    }

    #[test]
    fn attempts_from_one_place_are_counted_together_and_a_flood_of_places_is_bounded() {
        let (buffer, account, now) = (FailedSignInBuffer::default(), AccountId(Uuid::nil()), Utc::now());
        for number in (0..MAX_PLACES + 10).chain([0, 0]) {
            buffer.add(account, place(number), now);
        }
        let taken = buffer.take();
        assert_eq!(taken.len(), MAX_PLACES);
        let first = taken.iter().find(|failed| failed.from == place(0)).unwrap();
        assert_eq!(first.attempts, 3);
        assert!(buffer.take().is_empty());
    }
}
