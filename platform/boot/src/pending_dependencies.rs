//! The dependencies that a starting process still waits for: the parts of a fleet start in any order.
//!
//! Invariant: a dependency is listed at `/readyz` and in the log for as long as the process waits for it, and no
//! longer.

use base::Random;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const MAX_PAUSE: Duration = Duration::from_secs(3);

/// Dependencies that are not available yet, each with the reason.
#[derive(Debug, Clone, Default)]
pub struct PendingDependencies(Arc<Mutex<BTreeMap<String, String>>>);

impl PendingDependencies {
    /// Returns sentences such as `the media database: connection refused`.
    pub fn sentences(&self) -> Vec<String> {
        self.lock().iter().map(|(what, reason)| format!("{what}: {reason}")).collect()
    }

    /// Retries `attempt` with growing pauses until it succeeds, or fails for a reason that is not transient.
    pub(super) async fn retry_until_ready<T, E, F>(
        &self,
        what: &str,
        is_transient: impl Fn(&E) -> bool,
        attempt: impl Fn() -> F,
    ) -> Result<T, E>
    where
        F: Future<Output = Result<T, E>>,
        E: std::error::Error,
    {
        let mut pause = FIRST_PAUSE;
        loop {
            match attempt().await {
                Err(error) if is_transient(&error) => {
                    let reason = error.source().map_or_else(|| error.to_string(), ToString::to_string);
                    if self.lock().insert(what.to_owned(), reason.clone()).as_ref() != Some(&reason) {
                        tracing::warn!(what, reason, "waiting");
                    }
                    tokio::time::sleep(Random::system().jitter(pause, 0.25)).await;
                    pause = (pause * 2).min(MAX_PAUSE);
                }
                result => {
                    if self.lock().remove(what).is_some() && result.is_ok() {
                        tracing::info!(what, "no longer waiting");
                    }
                    return result;
                }
            }
        }
    }

    fn lock(&self) -> parking_lot::MutexGuard<'_, BTreeMap<String, String>> {
        self.0.lock()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test]
    async fn what_is_missing_is_named_until_it_is_there() {
        let (pending, tries) = (PendingDependencies::default(), AtomicU32::new(0));
        let result = pending
            .retry_until_ready(
                "the database",
                |_: &std::io::Error| true,
                || async {
                    if tries.fetch_add(1, Ordering::SeqCst) == 1 {
                        assert_eq!(pending.sentences(), ["the database: refused"]);
                        return Ok(7);
                    }
                    Err(std::io::Error::other("refused"))
                },
            )
            .await;
        assert_eq!(result.unwrap(), 7);
        assert!(pending.sentences().is_empty());
    }

    #[tokio::test]
    async fn what_will_not_pass_ends_the_wait() {
        let pending = PendingDependencies::default();
        let result: Result<(), _> = pending
            .retry_until_ready(
                "the database",
                |_: &std::io::Error| false,
                || async { Err(std::io::Error::other("too new")) },
            )
            .await;
        assert_eq!(result.unwrap_err().to_string(), "too new");
    }
}
