//! Cleanups that a response waits for, but only for a moment.
//!
//! Invariant: a cleanup that was started runs to its end, or to the end of the process.

use std::time::Duration;

/// How long a response waits for a cleanup.
const CLEANUP_TIMEOUT: Duration = Duration::from_secs(1);

/// Runs a cleanup. The caller waits for it for a moment, but not for an unresponsive object store: then the cleanup
/// continues in the background.
pub(crate) async fn cleanup(work: impl Future<Output = ()> + Send + 'static) {
    // A panic is in the log already, and the sweep does the rest.
    drop(tokio::time::timeout(CLEANUP_TIMEOUT, tokio::spawn(work)).await);
}
