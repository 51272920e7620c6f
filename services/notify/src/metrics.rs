//! The metrics of this role.
//!
//! Invariant: no label has a value that a client chooses.

use base::telemetry;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;

/// The counters and gauges.
#[derive(Debug, Clone, Default)]
pub(crate) struct Metrics {
    /// Notices that were added, or have grown.
    pub notices: Counter,
    /// Counts that differed from the notices that they count.
    pub drifts: Counter,
    /// Live streams that are open in this process.
    pub streams: Gauge,
}

impl Metrics {
    /// Registers them.
    pub(crate) fn register(registry: &telemetry::Metrics) -> Self {
        let metrics = Self::default();
        registry.register(|registry| {
            registry.register("notify_notices", "Notices that were added, or have grown", metrics.notices.clone());
            registry.register(
                "notify_drifts",
                "Counts that differed from the notices that they count",
                metrics.drifts.clone(),
            );
            registry.register(
                "notify_streams_open",
                "Live streams of notifications that are open",
                metrics.streams.clone(),
            );
        });
        metrics
    }
}
