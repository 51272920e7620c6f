//! Which deliveries this process may still answer.
//!
//! JetStream takes an answer long after it has given the message to somebody else, so the holder judges by its own steady clock.
//! The clock starts when the message arrives here: a process that was frozen on the way may hold one longer than the server thinks,
//! which the inbox makes harmless. A stream that was made anew counts from the beginning: an answer to the one before would be taken for
//! another event's. Invariant: an answer is sent only under a lease that this process believes to hold, to the stream that gave it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::stream::Log;

/// The leases of a process, by their tokens (the subject on which the server takes the answer).
#[derive(Debug, Default)]
pub(super) struct Leases(Mutex<LeaseTable>);

#[derive(Debug)]
struct Lease {
    expires_at: Instant,
    /// The stream as it was known when this was heard.
    log: Log,
}

#[derive(Debug, Default)]
struct LeaseTable {
    leases: HashMap<String, Lease>,
    /// Tidy up when there are as many as this: handlers that were ended early never answer.
    prune_at: usize,
}

impl Leases {
    fn lock(&self) -> MutexGuard<'_, LeaseTable> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A lease begins, or runs anew.
    pub(super) fn start(&self, token: &str, lease: Duration, log: &Log) {
        let (now, mut table) = (Instant::now(), self.lock());
        table.leases.insert(token.to_owned(), Lease { expires_at: now + lease, log: log.clone() });
        if table.leases.len() > table.prune_at {
            table.leases.retain(|_, lease| lease.expires_at > now);
            table.prune_at = 2 * table.leases.len() + 1000;
        }
    }

    /// The stream that gave a lease, if it is held now.
    pub(super) fn stream_of(&self, token: &str) -> Option<Log> {
        self.lock().leases.get(token).filter(|lease| lease.expires_at > Instant::now()).map(|lease| lease.log.clone())
    }

    /// It was answered.
    pub(super) fn end(&self, token: &str) {
        self.lock().leases.remove(token);
    }
}
