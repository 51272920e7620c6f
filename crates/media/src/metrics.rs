//! Figures of receiving, for operators.
//!
//! Invariant: labels are codes and kinds from tables in the code, never anything that was sent.

use kit::telemetry::Metrics as Registry;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

/// Why something was refused.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct RefusedLabels {
    code: String,
}

/// What was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct AcceptedLabels {
    kind: String,
}

/// The figures.
#[derive(Debug, Clone, Default)]
pub(crate) struct Metrics {
    in_flight: Gauge,
    accepted: Family<AcceptedLabels, Counter>,
    accepted_bytes: Counter,
    refused: Family<RefusedLabels, Counter>,
}

/// Counts an upload as arriving until it is dropped.
#[derive(Debug)]
pub(crate) struct InFlightUpload(Gauge);

impl Metrics {
    pub(crate) fn new(registry: &Registry) -> Self {
        let metrics = Self::default();
        registry.register(|registry| {
            registry.register("media_uploads_in_flight", "Uploads whose bytes arrive now", metrics.in_flight.clone());
            registry.register("media_items_accepted", "Items accepted", metrics.accepted.clone());
            registry.register("media_items_accepted_bytes", "Bytes of items accepted", metrics.accepted_bytes.clone());
            registry.register("media_uploads_refused", "Uploads refused", metrics.refused.clone());
        });
        metrics
    }

    pub(crate) fn upload_started(&self) -> InFlightUpload {
        self.in_flight.inc();
        InFlightUpload(self.in_flight.clone())
    }

    pub(crate) fn item_accepted(&self, kind: &'static str, bytes: u64) {
        self.accepted.get_or_create(&AcceptedLabels { kind: kind.to_owned() }).inc();
        self.accepted_bytes.inc_by(bytes);
    }

    pub(crate) fn upload_refused(&self, code: &str) {
        self.refused.get_or_create(&RefusedLabels { code: code.to_owned() }).inc();
    }
}

impl Drop for InFlightUpload {
    fn drop(&mut self) {
        self.0.dec();
    }
}
