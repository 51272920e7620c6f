//! The metrics of this role.
//!
//! Invariant: no label has a value that a client chooses.

use base::telemetry;
use prometheus_client::metrics::counter::Counter;

/// The counters.
#[derive(Debug, Clone, Default)]
pub(crate) struct Metrics {
    /// Reports that came into the queue.
    pub reports: Counter,
    /// Decisions of moderators, those about appeals too.
    pub decisions: Counter,
    /// Decisions that were undone by an appeal.
    pub overturned: Counter,
}

impl Metrics {
    /// Registers the counters.
    pub(crate) fn register(registry: &telemetry::Metrics) -> Self {
        let metrics = Self::default();
        registry.register(|registry| {
            registry.register("moderation_reports", "Reports that came into the queue", metrics.reports.clone());
            registry.register("moderation_decisions", "Decisions of moderators", metrics.decisions.clone());
            registry.register("moderation_overturned", "Decisions undone by appeals", metrics.overturned.clone());
        });
        metrics
    }
}
