//! Figures of this role.
//!
//! Invariant: labels are the outcomes listed here, never a name.

use kit::telemetry::Metrics;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

/// How something ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Outcome {
    outcome: &'static str,
}

/// The counters.
#[derive(Debug, Clone, Default)]
pub(crate) struct Figures {
    log_ins: Family<Outcome, Counter>,
    refreshes: Family<Outcome, Counter>,
}

impl Figures {
    /// Registers the counters, and that of hashes made.
    pub(crate) fn register(metrics: &Metrics, hashes: &Counter) -> Self {
        let figures = Self::default();
        metrics.register(|registry| {
            registry.register("accounts_log_ins", "Log-ins by outcome: ok, wrong, limited, busy", figures.log_ins.clone());
            registry.register("accounts_refreshes", "Refresh tokens presented, by outcome: rotated, repeated, reused, invalid", figures.refreshes.clone());
            registry.register("accounts_password_hashes", "Password hashes made or checked", hashes.clone());
        });
        figures
    }

    /// Counts a log-in.
    pub(crate) fn log_in(&self, outcome: &'static str) {
        self.log_ins.get_or_create(&Outcome { outcome }).inc();
    }

    /// Counts a refresh.
    pub(crate) fn refresh(&self, outcome: &'static str) {
        self.refreshes.get_or_create(&Outcome { outcome }).inc();
    }
}
