//! The metrics of this role.
//!
//! Invariant: no label has a value that a client chooses.

use base::telemetry;
use prometheus_client::metrics::counter::Counter;

/// The counters.
#[derive(Debug, Clone, Default)]
pub(crate) struct Metrics {
    /// Deliveries that arrived.
    pub delivered: Counter,
    /// Attempts that failed.
    pub failed_attempts: Counter,
    /// Webhooks that were disabled because of their receivers.
    pub disabled: Counter,
}

impl Metrics {
    /// Registers the counters.
    pub(crate) fn register(registry: &telemetry::Metrics) -> Self {
        let metrics = Self::default();
        registry.register(|registry| {
            registry.register("webhooks_delivered", "Deliveries that arrived", metrics.delivered.clone());
            registry.register("webhooks_failed_attempts", "Attempts that failed", metrics.failed_attempts.clone());
            registry.register(
                "webhooks_disabled",
                "Webhooks that were disabled because of their receivers",
                metrics.disabled.clone(),
            );
        });
        metrics
    }
}
