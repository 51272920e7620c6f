//! The pace of a client that sends or takes a body: its rate, measured over the time that the server waits for it.
//!
//! A long transfer has no timeout, it has a minimum rate. Only time spent waiting for the client counts, never time
//! spent by the server. Does not own the body or a timer. Invariant: a client that has been waited for during a whole
//! window, and that transferred less than the minimum in it, is too slow at the end of that window.

use std::time::Duration;

use tokio::time::Instant;

/// The client transferred less than the minimum rate, averaged over a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the client transferred the body too slowly")]
pub struct TooSlow;

/// The pace of one body's client.
#[derive(Debug)]
pub struct ClientPace {
    min_window_bytes: u64,
    window: Duration,
    /// In the current window: bytes transferred, and time spent waiting.
    bytes: u64,
    waited: Duration,
    waiting_since: Option<Instant>,
}

impl ClientPace {
    /// Returns the pace of a client that must transfer so many bytes per second, averaged over a window. The window is
    /// counted in whole seconds, at least one.
    pub fn new(min_bytes_per_second: u64, window: Duration) -> Self {
        Self {
            min_window_bytes: min_bytes_per_second.saturating_mul(window.as_secs().max(1)),
            window,
            bytes: 0,
            waited: Duration::ZERO,
            waiting_since: None,
        }
    }

    /// Begins to wait, unless it has begun already. Returns when the window ends if nothing is transferred until then.
    pub fn wait(&mut self) -> Instant {
        *self.waiting_since.get_or_insert_with(Instant::now) + self.window.saturating_sub(self.waited)
    }

    /// Ends the wait: from here on the server takes the time, not the client. Returns how long it has waited.
    pub fn pause(&mut self) -> Duration {
        let waited = self.waiting_since.take().map_or(Duration::ZERO, |since| since.elapsed());
        self.waited += waited;
        waited
    }

    /// Counts bytes that were transferred.
    pub fn transfer(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
    }

    /// Checks the rate if the window has ended, and begins the next one.
    pub fn check(&mut self) -> Result<(), TooSlow> {
        if self.waited < self.window {
            return Ok(());
        }
        let bytes = std::mem::take(&mut self.bytes);
        self.waited = Duration::ZERO;
        if bytes < self.min_window_bytes { Err(TooSlow) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Receives `bytes` bytes after each of `waits`, and takes `busy` for them.
    async fn receive(bytes: usize, waits: &[u64], busy: Duration) -> Result<(), TooSlow> {
        let mut pace = ClientPace::new(10, Duration::from_secs(2));
        for seconds in waits {
            pace.wait();
            tokio::time::sleep(Duration::from_secs(*seconds)).await;
            pace.pause();
            pace.transfer(bytes);
            pace.check()?;
            tokio::time::sleep(busy).await;
        }
        Ok(())
    }

    #[tokio::test(start_paused = true)]
    async fn only_the_time_that_the_client_takes_counts() {
        assert_eq!(receive(10, &[1; 9], Duration::ZERO).await, Ok(()));
        assert_eq!(receive(3, &[1; 9], Duration::ZERO).await, Err(TooSlow));
        assert_eq!(receive(3, &[0; 30], Duration::from_hours(1)).await, Ok(()));
        assert_eq!(receive(1_000, &[1, 0, 0, 0, 1], Duration::ZERO).await, Ok(()), "the window is an average");
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_that_goes_on_ends_at_the_same_time() {
        let mut pace = ClientPace::new(10, Duration::from_secs(2));
        let end = pace.wait();
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(pace.wait(), end);
        assert_eq!(pace.pause(), Duration::from_secs(1));
        assert_eq!(pace.pause(), Duration::ZERO);
        assert_eq!(pace.wait(), end, "one second of the window is left");
        tokio::time::sleep_until(end).await;
        pace.pause();
        assert_eq!(pace.check(), Err(TooSlow));
        assert_eq!(pace.check(), Ok(()), "a new window has begun");
    }
}
