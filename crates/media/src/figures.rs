//! Figures of receiving, for operators.
//!
//! Invariant: labels are codes and kinds from tables in the code, never anything that was sent.

use kit::telemetry::Metrics;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

/// Why something was refused.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Refused {
    code: String,
}

/// What was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Accepted {
    kind: String,
}

/// The figures.
#[derive(Debug, Clone, Default)]
pub(crate) struct Figures {
    arriving: Gauge,
    accepted: Family<Accepted, Counter>,
    bytes: Counter,
    refused: Family<Refused, Counter>,
}

/// Counts an upload as arriving until it is dropped.
#[derive(Debug)]
pub(crate) struct Arriving(Gauge);

impl Figures {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        let figures = Self::default();
        metrics.register(|registry| {
            registry.register("media_uploads_arriving", "Uploads whose bytes arrive now", figures.arriving.clone());
            registry.register("media_accepted", "Items accepted", figures.accepted.clone());
            registry.register("media_accepted_bytes", "Bytes of items accepted", figures.bytes.clone());
            registry.register("media_refused", "Uploads refused", figures.refused.clone());
        });
        figures
    }

    pub(crate) fn arriving(&self) -> Arriving {
        self.arriving.inc();
        Arriving(self.arriving.clone())
    }

    pub(crate) fn accepted(&self, kind: &'static str, bytes: u64) {
        self.accepted.get_or_create(&Accepted { kind: kind.to_owned() }).inc();
        self.bytes.inc_by(bytes);
    }

    pub(crate) fn refused(&self, code: &str) {
        self.refused.get_or_create(&Refused { code: code.to_owned() }).inc();
    }
}

impl Drop for Arriving {
    fn drop(&mut self) {
        self.0.dec();
    }
}
