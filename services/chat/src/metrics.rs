//! The metrics of this role.
//!
//! Invariant: no label has a value that a client chooses.

use base::telemetry;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;

/// The counters and gauges.
#[derive(Debug, Clone, Default)]
pub(crate) struct Metrics {
    /// Messages that were stored.
    pub messages: Counter,
    /// Messages that wait for a moderator.
    pub held: Counter,
    /// Messages that were refused.
    pub refused: Counter,
    /// Messages that came too fast, or to too many new people.
    pub slowed: Counter,
    /// Live streams and sockets that are open in this process.
    pub streams: Gauge,
    /// Sockets that were ended because their client read too slowly.
    pub slow_sockets: Counter,
}

impl Metrics {
    /// Registers them.
    pub(crate) fn register(registry: &telemetry::Metrics) -> Self {
        let metrics = Self::default();
        registry.register(|registry| {
            registry.register("chat_messages", "Messages that were stored", metrics.messages.clone());
            registry.register("chat_held", "Messages that wait for a moderator", metrics.held.clone());
            registry.register("chat_refused", "Messages that were refused", metrics.refused.clone());
            registry.register(
                "chat_slowed",
                "Messages that came too fast, or to too many new people",
                metrics.slowed.clone(),
            );
            registry.register("chat_streams", "Live streams and sockets of this process", metrics.streams.clone());
            registry.register(
                "chat_slow_sockets",
                "Sockets that were ended because their client read too slowly",
                metrics.slow_sockets.clone(),
            );
        });
        metrics
    }
}
