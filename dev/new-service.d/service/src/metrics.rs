//! The metrics of this role.
//!
//! Invariant: no label has a value that a client chooses.

use base::telemetry;
use prometheus_client::metrics::counter::Counter;

/// The counters.
#[derive(Debug, Clone, Default)]
pub(crate) struct Metrics {
    /// New entries.
    pub entries_added: Counter,
}

impl Metrics {
    /// Registers the counters.
    pub(crate) fn register(registry: &telemetry::Metrics) -> Self {
        let metrics = Self::default();
        registry.register(|registry| {
            registry.register("newservice_entries_added", "New entries", metrics.entries_added.clone());
        });
        metrics
    }
}
