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
    /// Pushes that a provider has taken.
    pub pushes_sent: Counter,
    /// Attempts to send a push that failed, and that are repeated.
    pub pushes_failed: Counter,
    /// Pushes that a provider refuses for good.
    pub pushes_refused: Counter,
    /// Pushes that were dropped because they had waited for too long.
    pub pushes_expired: Counter,
    /// Pushes that were not needed any more: the notice was seen or is gone, or the device showed the app.
    pub pushes_skipped: Counter,
    /// Pushes that were dropped because they may not go to the member outside production.
    pub pushes_withheld: Counter,
    /// Devices that were removed because their tokens were dead.
    pub devices_dead: Counter,
    /// Pushes that wait, as this process has counted them last.
    pub pushes_waiting: Gauge,
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
            registry.register("notify_pushes_sent", "Pushes that a provider has taken", metrics.pushes_sent.clone());
            registry.register(
                "notify_pushes_failed",
                "Attempts to send a push that failed, and that are repeated",
                metrics.pushes_failed.clone(),
            );
            registry.register(
                "notify_pushes_refused",
                "Pushes that a provider refuses for good",
                metrics.pushes_refused.clone(),
            );
            registry.register(
                "notify_pushes_expired",
                "Pushes that were dropped because they had waited for too long",
                metrics.pushes_expired.clone(),
            );
            registry.register(
                "notify_pushes_skipped",
                "Pushes that were not needed any more",
                metrics.pushes_skipped.clone(),
            );
            registry.register(
                "notify_pushes_withheld",
                "Pushes that were dropped because outside production they go to listed accounts only",
                metrics.pushes_withheld.clone(),
            );
            registry.register(
                "notify_devices_dead",
                "Devices that were removed because their tokens were dead",
                metrics.devices_dead.clone(),
            );
            registry.register("notify_pushes_waiting", "Pushes that wait", metrics.pushes_waiting.clone());
            registry.register(
                "notify_streams_open",
                "Live streams of notifications that are open",
                metrics.streams.clone(),
            );
        });
        metrics
    }
}
