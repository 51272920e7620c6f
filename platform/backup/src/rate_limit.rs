//! The most bytes per second that a backup reads, so that members don't notice it.
//!
//! Invariant: over any time, no more is taken than the rate allows and one chunk.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

/// A rate; 0 is none.
#[derive(Debug)]
pub(crate) struct RateLimit {
    bytes_per_second: u64,
    /// When the next bytes may be taken. Waiters queue for it.
    free_at: Mutex<Instant>,
}

impl RateLimit {
    pub(crate) fn new(bytes_per_second: u64) -> Self {
        Self { bytes_per_second, free_at: Mutex::new(Instant::now()) }
    }

    /// Waits until `bytes` more may be taken.
    pub(crate) async fn take(&self, bytes: u64) {
        if self.bytes_per_second == 0 {
            return;
        }
        let mut free_at = self.free_at.lock().await;
        sleep_until(*free_at).await;
        let micros = bytes.saturating_mul(1_000_000) / self.bytes_per_second;
        *free_at = (*free_at).max(Instant::now()) + Duration::from_micros(micros);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn no_more_is_taken_than_the_rate_allows() {
        let (limit, started) = (RateLimit::new(1000), Instant::now());
        for _ in 0..5 {
            limit.take(500).await;
        }
        assert_eq!(started.elapsed().as_millis(), 2000, "the last chunk was waited for, and is paid by the next");
        RateLimit::new(0).take(u64::MAX).await;
    }
}
