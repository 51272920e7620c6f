//! Idle connections to one instance.
//!
//! Invariant: at most [`MAX_IDLE`] are kept, none longer than [`IDLE_TIMEOUT`].

use std::time::{Duration, Instant};

use super::connection::{self, Connection};
use parking_lot::Mutex;

/// Idle connections that are kept; a gateway under load has as many requests in flight.
const MAX_IDLE: usize = 256;
/// Our listeners close a connection after 15 s without a request (`http::Limits`), so a connection must be dropped
/// before.
const IDLE_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Default)]
pub(super) struct Pool(Mutex<Vec<(Connection, Instant)>>);

impl Pool {
    /// Returns the connection that was used last, as the others may be about to be closed.
    pub(super) async fn take(&self) -> Option<Connection> {
        loop {
            let (mut connection, since) = self.with_idle(Vec::pop)?;
            if since.elapsed() > IDLE_TIMEOUT {
                // Those below have been idle for longer.
                let old = self.with_idle(std::mem::take);
                drop(old);
                return None;
            }
            if connection::is_free(&mut connection).await {
                return Some(connection);
            }
        }
    }

    pub(super) fn put(&self, connection: Connection) {
        self.with_idle(|idle| {
            if idle.len() < MAX_IDLE {
                idle.push((connection, Instant::now()));
            }
        });
    }

    /// Drops the connections that have been idle for too long.
    pub(super) fn prune(&self) {
        let old: Vec<_> = self.with_idle(|idle| {
            let stale = idle.iter().take_while(|(_, since)| since.elapsed() > IDLE_TIMEOUT).count();
            idle.drain(..stale).collect()
        });
        drop(old);
    }

    fn with_idle<T>(&self, what: impl FnOnce(&mut Vec<(Connection, Instant)>) -> T) -> T {
        what(&mut self.0.lock())
    }
}
