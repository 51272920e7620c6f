//! The metrics of media.
//!
//! Invariant: labels are codes and kinds from tables in the code, never anything that a client sent.

use base::telemetry::Metrics as Registry;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

/// The labels of refused uploads: the error code.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct RefusedLabels {
    code: String,
}

/// The labels of accepted items: the kind.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct AcceptedLabels {
    kind: String,
}

/// The labels of what a sweep could not remove: the list.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct SweepLabels {
    list: String,
}

/// The metrics of media.
#[derive(Debug, Clone, Default)]
pub(crate) struct Metrics {
    in_flight: Gauge,
    accepted: Family<AcceptedLabels, Counter>,
    accepted_bytes: Counter,
    refused: Family<RefusedLabels, Counter>,
    sweep_failures: Family<SweepLabels, Counter>,
    photos_examined: Counter,
    photos_recompressed: Counter,
    saved_bytes: Counter,
}

/// A guard that counts an upload as in flight until it is dropped.
#[derive(Debug)]
pub(crate) struct InFlightUpload(Gauge);

impl Metrics {
    pub(crate) fn new(registry: &Registry) -> Self {
        let metrics = Self::default();
        registry.register(|registry| {
            registry.register("media_uploads_in_flight", "Uploads in flight", metrics.in_flight.clone());
            registry.register("media_items_accepted", "Accepted items", metrics.accepted.clone());
            registry.register("media_items_accepted_bytes", "Bytes of accepted items", metrics.accepted_bytes.clone());
            registry.register("media_uploads_refused", "Refused uploads", metrics.refused.clone());
            let help = "What a sweep could not remove, and passed";
            registry.register("media_sweep_failures", help, metrics.sweep_failures.clone());
            let help = "Photos that the night shift has examined";
            registry.register("media_night_photos_examined", help, metrics.photos_examined.clone());
            let help = "Photos that the night shift has stored in fewer bytes";
            registry.register("media_night_photos_recompressed", help, metrics.photos_recompressed.clone());
            let help = "Bytes that the night shift has saved";
            registry.register("media_night_saved_bytes", help, metrics.saved_bytes.clone());
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

    /// Counts a photo of the night shift, and the bytes that it saved.
    pub(crate) fn photo_examined(&self, saved_bytes: Option<u64>) {
        self.photos_examined.inc();
        if let Some(bytes) = saved_bytes {
            self.photos_recompressed.inc();
            self.saved_bytes.inc_by(bytes);
        }
    }

    pub(crate) fn sweep_failed(&self, list: &'static str) {
        self.sweep_failures.get_or_create(&SweepLabels { list: list.to_owned() }).inc();
    }
}

impl Drop for InFlightUpload {
    fn drop(&mut self) {
        self.0.dec();
    }
}
