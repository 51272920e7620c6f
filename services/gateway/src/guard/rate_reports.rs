//! What clients have spent here and the other gateways don't know of yet.
//!
//! Does not own how it is sent (see `rate_sharing`). Invariant: what waits is bounded.

use http_server::rate_table::Spent;
use parking_lot::Mutex;
use tokio::sync::Notify;

/// The most clients of one message, which has about 40 bytes for each.
const MAX_CLIENTS: usize = 1024;

/// The reports that wait for the next message.
#[derive(Debug, Default)]
pub(super) struct Reports {
    waiting: Mutex<Vec<(&'static str, Spent)>>,
    notify: Notify,
}

impl Reports {
    /// Adds what a client has spent of a limit. If too much waits already, the other gateways don't learn of it.
    pub(super) fn push(&self, limit: &'static str, spent: Spent) {
        let mut waiting = self.waiting.lock();
        if waiting.len() < MAX_CLIENTS {
            waiting.push((limit, spent));
        }
        drop(waiting);
        self.notify.notify_one();
    }

    /// Waits until there is something to report.
    pub(super) async fn some(&self) {
        self.notify.notified().await;
    }

    /// Takes what waits: limits and what clients have spent of them.
    pub(super) fn take(&self) -> Vec<(&'static str, Spent)> {
        std::mem::take(&mut *self.waiting.lock())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_of_a_million_clients_are_bounded() {
        let reports = Reports::default();
        for client in 1..=1_000_000 {
            reports.push("reads", Spent { client, requests: 1 });
        }
        assert_eq!((reports.take().len(), reports.take().len()), (MAX_CLIENTS, 0));
    }
}
