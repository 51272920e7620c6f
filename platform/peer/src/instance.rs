//! One instance of a role: its load, its health, its idle connections.
//!
//! Invariant: a request in progress has an [`InFlight`], which reports the outcome to the breaker and the count.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::time::Instant;

use parking_lot::Mutex;
use prometheus_client::metrics::gauge::Gauge;

use super::balance::Health;
use super::breaker::{Breaker, Permit};
use super::pool::Pool;

const UNKNOWN: u8 = 0;
const READY: u8 = 1;
const UNREADY: u8 = 2;

pub(super) struct Instance {
    pub(super) address: SocketAddr,
    pub(super) pool: Pool,
    in_flight: AtomicUsize,
    /// The result of the last health check.
    readiness: AtomicU8,
    /// Since when it does not respond at all, though it may accept connections.
    silent_since: Mutex<Option<Instant>>,
    /// Whether the breaker is not closed, so that the common case needs no lock.
    broken: AtomicBool,
    breaker: Mutex<Breaker>,
    last_error: Mutex<String>,
}

impl Instance {
    pub(super) fn new(address: SocketAddr) -> Self {
        Self {
            address,
            pool: Pool::default(),
            in_flight: AtomicUsize::new(0),
            readiness: AtomicU8::new(UNKNOWN),
            silent_since: Mutex::default(),
            broken: AtomicBool::new(false),
            breaker: Mutex::new(Breaker::new(Instant::now())),
            last_error: Mutex::new("it has not been checked yet".into()),
        }
    }

    pub(super) fn load(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    pub(super) fn health(&self) -> Health {
        if self.broken.load(Ordering::Relaxed) && !self.with_breaker(|breaker| breaker.allows(Instant::now())) {
            return Health::BreakerOpen;
        }
        if self.readiness.load(Ordering::Relaxed) == UNREADY { Health::Unready } else { Health::Healthy }
    }

    /// Whether it said that it is ready, and nothing has failed since.
    pub(super) fn is_healthy(&self) -> bool {
        self.readiness.load(Ordering::Relaxed) == READY && !self.is_broken()
    }

    pub(super) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Relaxed)
    }

    /// Why it is not healthy.
    pub(super) fn last_error(&self) -> String {
        self.last_error.lock().clone()
    }

    /// Records that it said that it is ready.
    pub(super) fn mark_ready(&self) {
        self.readiness.store(READY, Ordering::Relaxed);
        self.with_silent_since(|since| *since = None);
        if self.is_broken() {
            self.with_breaker(Breaker::allow_probe);
        }
    }

    /// Records that it said that it is not ready, or could not be reached.
    pub(super) fn mark_unready(&self, why: String) {
        self.with_silent_since(|since| *since = None);
        self.mark_unhealthy(why);
    }

    /// Records that it did not respond to the check at `asked`.
    pub(super) fn mark_silent(&self, asked: Instant, why: String) {
        self.with_silent_since(|since| *since = Some(since.unwrap_or(asked)));
        self.mark_unhealthy(why);
    }

    /// Records that a connection attempt, made at `asked`, failed.
    pub(super) fn connect_failed(&self, asked: Instant, error: &std::io::Error) {
        match error.kind() {
            std::io::ErrorKind::TimedOut => self.mark_silent(asked, error.to_string()),
            _ => self.mark_unready(error.to_string()),
        }
    }

    /// Since when it has not responded.
    pub(super) fn silent_since(&self) -> Option<Instant> {
        self.with_silent_since(|since| *since)
    }

    fn with_silent_since<T>(&self, what: impl FnOnce(&mut Option<Instant>) -> T) -> T {
        what(&mut self.silent_since.lock())
    }

    fn mark_unhealthy(&self, why: String) {
        self.readiness.store(UNREADY, Ordering::Relaxed);
        *self.last_error.lock() = why;
    }

    /// Starts a request, unless the breaker refuses it.
    pub(super) fn admit(self: &Arc<Self>, in_flight: &Gauge) -> Option<InFlight> {
        let permit =
            if self.is_broken() { self.with_breaker(|breaker| breaker.begin(Instant::now()))? } else { Permit::Normal };
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        in_flight.inc();
        Some(InFlight { instance: self.clone(), gauge: in_flight.clone(), permit, is_recorded: false })
    }

    fn with_breaker<T>(&self, what: impl FnOnce(&mut Breaker) -> T) -> T {
        let mut breaker = self.breaker.lock();
        let result = what(&mut breaker);
        self.broken.store(!breaker.is_closed(), Ordering::Relaxed);
        result
    }
}

/// A request in progress at an instance.
pub(super) struct InFlight {
    pub(super) instance: Arc<Instance>,
    gauge: Gauge,
    permit: Permit,
    is_recorded: bool,
}

impl InFlight {
    pub(super) fn record_success(&mut self) {
        self.is_recorded = true;
        self.instance.with_breaker(|breaker| breaker.succeed(self.permit, Instant::now()));
        // A later error, in the middle of the response, does not count as a failed probe.
        self.permit = Permit::Normal;
    }

    pub(super) fn record_failure(&mut self, why: &str) {
        self.is_recorded = true;
        self.instance.with_breaker(|breaker| breaker.fail(self.permit, Instant::now()));
        self.permit = Permit::Normal;
        why.clone_into(&mut self.instance.last_error.lock());
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.instance.in_flight.fetch_sub(1, Ordering::Relaxed);
        self.gauge.dec();
        if !self.is_recorded {
            self.instance.with_breaker(|breaker| breaker.release(self.permit));
        }
    }
}
