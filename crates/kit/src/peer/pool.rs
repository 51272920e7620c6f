//! Lines to one instance that wait for their next request.
//!
//! Invariant: at most [`MOST`] wait, none longer than [`IDLE`].

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::line::{self, Line};

/// Lines that are kept; a gateway under load has as many requests in flight.
const MOST: usize = 256;
/// Our doors close a connection that says nothing for 15 s (`http::Limits`); a line must be given up before.
const IDLE: Duration = Duration::from_secs(10);

#[derive(Default)]
pub(super) struct Pool(Mutex<Vec<(Line, Instant)>>);

impl Pool {
    /// The line that was used last, as the others may be about to be closed.
    pub(super) async fn take(&self) -> Option<Line> {
        loop {
            let (mut line, since) = self.waiting(Vec::pop)?;
            if since.elapsed() > IDLE {
                // Those below have waited for longer still.
                let old = self.waiting(std::mem::take);
                drop(old);
                return None;
            }
            if line::is_free(&mut line).await {
                return Some(line);
            }
        }
    }

    pub(super) fn put(&self, line: Line) {
        self.waiting(|waiting| {
            if waiting.len() < MOST {
                waiting.push((line, Instant::now()));
            }
        });
    }

    /// Gives up the lines that have waited for too long.
    pub(super) fn prune(&self) {
        let old: Vec<_> = self.waiting(|waiting| {
            let stale = waiting.iter().take_while(|(_, since)| since.elapsed() > IDLE).count();
            waiting.drain(..stale).collect()
        });
        drop(old);
    }

    fn waiting<T>(&self, what: impl FnOnce(&mut Vec<(Line, Instant)>) -> T) -> T {
        what(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
