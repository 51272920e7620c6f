//! Which deliveries this process may still answer.
//!
//! JetStream takes an answer long after it has given the message to somebody else, so the holder judges by its own steady clock.
//! The clock starts when the message arrives here: a process that was frozen on the way may hold one longer than the server thinks,
//! which the inbox makes harmless. Invariant: an answer is sent only under a lease that this process believes to hold.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The leases of a process, by their tokens (the subject on which the server takes the answer).
#[derive(Debug, Default)]
pub(super) struct Leases(Mutex<Held>);

#[derive(Debug, Default)]
struct Held {
    ends: HashMap<String, Instant>,
    /// Tidy up when there are as many as this: handlers that were ended early never answer.
    tidy_at: usize,
}

impl Leases {
    fn lock(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A lease begins, or runs anew.
    pub(super) fn run(&self, token: &str, lease: Duration) {
        let (now, mut held) = (Instant::now(), self.lock());
        held.ends.insert(token.to_owned(), now + lease);
        if held.ends.len() > held.tidy_at {
            held.ends.retain(|_, end| *end > now);
            held.tidy_at = 2 * held.ends.len() + 1000;
        }
    }

    /// Whether it is held now.
    pub(super) fn holds(&self, token: &str) -> bool {
        self.lock().ends.get(token).is_some_and(|end| *end > Instant::now())
    }

    /// It was answered.
    pub(super) fn end(&self, token: &str) {
        self.lock().ends.remove(token);
    }
}
