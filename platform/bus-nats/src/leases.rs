//! Which deliveries this process may still acknowledge.
//!
//! JetStream accepts an acknowledgement long after it has given the message to another consumer, so the holder measures
//! the lease with its own monotonic clock. The clock starts when the message arrives here: a process that was frozen on
//! the way may hold a lease for longer than the server thinks, which the inbox makes harmless. A stream that was
//! created anew counts from the beginning, so an acknowledgement for the previous one would be taken for another
//! event's. Invariant: an acknowledgement is sent only under a lease that this process believes to hold, to the stream
//! that gave it.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::stream::Log;
use parking_lot::{Mutex, MutexGuard};

/// The leases of a process, by their tokens (the subject to which acknowledgements are sent).
#[derive(Debug, Default)]
pub(super) struct Leases(Mutex<LeaseTable>);

#[derive(Debug)]
struct Lease {
    expires_at: Instant,
    /// The stream as it was known when the delivery arrived.
    log: Log,
}

#[derive(Debug, Default)]
struct LeaseTable {
    leases: HashMap<String, Lease>,
    /// Expired leases are removed when there are this many: handlers that were aborted never acknowledge.
    prune_at: usize,
}

impl Leases {
    fn lock(&self) -> MutexGuard<'_, LeaseTable> {
        self.0.lock()
    }

    /// Starts a lease, or extends it.
    pub(super) fn start(&self, token: &str, lease: Duration, log: &Log) {
        let (now, mut table) = (Instant::now(), self.lock());
        table.leases.insert(token.to_owned(), Lease { expires_at: now + lease, log: log.clone() });
        if table.leases.len() > table.prune_at {
            table.leases.retain(|_, lease| lease.expires_at > now);
            table.prune_at = 2 * table.leases.len() + 1000;
        }
    }

    /// Returns the stream that gave a lease, if the lease is still held.
    pub(super) fn stream_of(&self, token: &str) -> Option<Log> {
        self.lock().leases.get(token).filter(|lease| lease.expires_at > Instant::now()).map(|lease| lease.log.clone())
    }

    /// Removes a lease whose delivery was acknowledged.
    pub(super) fn end(&self, token: &str) {
        self.lock().leases.remove(token);
    }
}
