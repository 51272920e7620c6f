//! What `/readyz` reports: whether this process can serve, and what is missing if it can't.
//!
//! Owns the state from the first moment of the start to the end of the drain; the routes are in `listeners`. Invariant:
//! a process that is starting or draining is never ready.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use boot::{PendingDependencies, Process};
use tokio::sync::Mutex;
use tokio::time::Instant;

/// How long a check of the process's own dependencies stays valid, so that frequent probes cost nothing.
const CHECK_TTL: Duration = Duration::from_millis(500);

/// Whether a process can serve, from the moment at which it begins to start.
#[derive(Default)]
pub(crate) struct Readiness {
    /// What the process waits for while it starts.
    pub(crate) pending: PendingDependencies,
    process: OnceLock<Arc<Process>>,
    draining: AtomicBool,
    last_check: Mutex<Option<(Instant, Vec<String>)>>,
}

impl Readiness {
    /// Records that the process has started. From now on it reports itself what is missing.
    pub(crate) fn set_started(&self, process: Arc<Process>) {
        // A process starts once. If there were a second call, the first process would stay.
        let _ = self.process.set(process);
    }

    /// Records that the process was told to end: it still serves, but is not ready any more.
    pub(crate) fn set_draining(&self) {
        self.draining.store(true, Ordering::Relaxed);
        if let Some(process) = self.process() {
            process.this.set_draining();
        }
    }

    /// Returns the process once it has started.
    pub(crate) fn process(&self) -> Option<&Arc<Process>> {
        self.process.get()
    }

    /// Returns what is missing here; empty if the process is ready.
    ///
    /// A gateway is also not ready while there is a role of which no instance has responded yet: its listener is of
    /// little use without it, while other roles do part of their work without their peers. An instance that responded
    /// once and is lost (see [`Readiness::degraded`]) doesn't count: the other roles still serve, and every gateway
    /// misses it alike. With the query `own` (a peer's health check, see `peer`) only this process's own
    /// dependencies count: otherwise two processes that need each other would never become ready.
    pub(crate) async fn not_ready(&self, query: Option<&str>) -> Vec<String> {
        let Some(process) = self.process.get() else {
            let pending = self.pending.sentences();
            return if pending.is_empty() { vec!["the process is starting".to_owned()] } else { pending };
        };
        if self.draining.load(Ordering::Relaxed) {
            return vec!["the process is draining".to_owned()];
        }
        let mut not_ready = self.check(process).await;
        if has_gateway(process) && query != Some("own") {
            not_ready.extend(process.peers.not_ready());
        }
        not_ready
    }

    /// Returns what does not respond although this process can serve without it for a while.
    pub(crate) async fn degraded(&self) -> Vec<String> {
        let Some(process) = self.process.get() else { return Vec::new() };
        let mut degraded = process.degraded().await;
        if has_gateway(process) {
            degraded.extend(process.peers.lost());
        }
        degraded
    }

    /// Returns which of the process's own dependencies are missing, checked at most [`CHECK_TTL`] ago.
    async fn check(&self, process: &Process) -> Vec<String> {
        let mut last_check = self.last_check.lock().await;
        match &*last_check {
            Some((at, not_ready)) if at.elapsed() < CHECK_TTL && !process.tasks.is_stopping() => not_ready.clone(),
            _ => {
                let not_ready = process.not_ready().await;
                *last_check = Some((Instant::now(), not_ready.clone()));
                not_ready
            }
        }
    }
}

/// Whether the gateway runs in this process.
fn has_gateway(process: &Process) -> bool {
    process.routers.iter().any(|(name, _)| *name == "gateway")
}
