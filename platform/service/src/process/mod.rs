//! A process as the people who run the installation see it: who it is, whether it is ready, its configuration and the
//! newest lines of its log.
//!
//! Does not own how another process is asked (gateway, `admin`) nor the checks (boot). Invariant: what leaves it has no
//! secret of the configuration, and its id is new with each start.

mod queries;
mod report;

pub use queries::{
    ANSWER_TIMEOUT, CHECK_TIMEOUT, FindConfiguration, FindLogs, FindStatus, LogPosition, ProcessQuery, SIGNATURE,
    SIGNATURE_SCOPE,
};
pub use report::{Check, Load, ProcessConfiguration, ProcessLogs, ProcessStatus};

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use base::config::Setting;
use base::log_ring::{LogFilter, LogRing};
use base::telemetry::Metrics;
use chrono::{DateTime, Utc};
use futures::future::BoxFuture;

/// Runs the checks of a process.
pub type RunChecks = Box<dyn Fn() -> BoxFuture<'static, Vec<Check>> + Send + Sync>;

/// What a process knows of itself when it begins to start.
#[derive(Debug)]
pub struct Identity {
    /// A random id, new with each start.
    pub id: String,
    /// The roles that it runs.
    pub roles: Vec<&'static str>,
    /// When it started.
    pub started_at: DateTime<Utc>,
    /// The address of its public listener, or of its private one without a gateway.
    pub address: SocketAddr,
    /// Its effective configuration.
    pub settings: Vec<Setting>,
    /// The newest lines of its log.
    pub logs: LogRing,
}

/// This process; clones are the same one.
#[derive(Clone)]
pub struct ThisProcess(Arc<Inner>);

struct Inner {
    identity: Identity,
    metrics: Metrics,
    checks: OnceLock<RunChecks>,
    is_draining: AtomicBool,
}

impl std::fmt::Debug for ThisProcess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ThisProcess").field("id", &self.0.identity.id).finish_non_exhaustive()
    }
}

impl ThisProcess {
    /// Returns a process that has no checks yet, so that it is not ready.
    pub fn new(identity: Identity, metrics: Metrics) -> Self {
        Self(Arc::new(Inner { identity, metrics, checks: OnceLock::new(), is_draining: AtomicBool::new(false) }))
    }

    /// Sets the checks. The first call counts.
    pub fn set_checks(&self, checks: RunChecks) {
        let _ = self.0.checks.set(checks);
    }

    /// Records that the process was told to end.
    pub fn set_draining(&self) {
        self.0.is_draining.store(true, Ordering::Relaxed);
    }

    /// The address of its listener.
    pub fn address(&self) -> SocketAddr {
        self.0.identity.address
    }

    /// The newest lines of its log.
    pub fn log_ring(&self) -> &LogRing {
        &self.0.identity.logs
    }

    /// Returns how it is doing now.
    pub async fn status(&self) -> ProcessStatus {
        let Identity { id, roles, started_at, .. } = &self.0.identity;
        let mut checks = match self.0.checks.get() {
            Some(run) => run().await,
            None => vec![Check::failed("start", "the process is starting")],
        };
        if self.0.is_draining.load(Ordering::Relaxed) {
            checks.push(Check::failed("drain", "the process is draining"));
        }
        ProcessStatus {
            id: id.clone(),
            roles: roles.iter().map(|&role| role.to_owned()).collect(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: *started_at,
            ready: checks.iter().all(|check| check.ok || !check.required),
            checks,
            load: Load { connections: self.0.metrics.connections.get(), memory_bytes: report::memory_bytes() },
        }
    }

    /// Returns its effective configuration.
    pub fn configuration(&self) -> ProcessConfiguration {
        let Identity { id, settings, .. } = &self.0.identity;
        ProcessConfiguration { id: id.clone(), settings: settings.clone() }
    }

    /// Returns lines of its log, newest first. All lines of a process with one role are that role's.
    pub fn logs(&self, mut filter: LogFilter) -> ProcessLogs {
        let Identity { id, roles, logs, .. } = &self.0.identity;
        if let [only] = roles[..] {
            filter.role = filter.role.filter(|role| role != only);
        }
        ProcessLogs { id: id.clone(), lines: logs.recent(&filter) }
    }
}
