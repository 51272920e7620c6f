//! What operators see of converting, as Prometheus figures.
//!
//! Invariant: labels are kinds of pieces and outcomes, never ids, so there is a handful of series.

use kit::telemetry::Metrics;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};

use crate::model::Piece;

/// A kind of piece, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    piece: &'static str,
    outcome: &'static str,
}

/// A kind of piece.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Worked {
    piece: &'static str,
}

/// The figures of this role.
#[derive(Debug, Clone)]
pub(crate) struct Figures {
    ended: Family<Ended, Counter>,
    seconds: Family<Worked, Histogram>,
}

impl Figures {
    /// Registers them.
    pub fn new(metrics: &Metrics) -> Self {
        // 50 ms to about 27 minutes, doubling.
        let figures = Self { ended: Family::default(), seconds: Family::new_with_constructor(|| Histogram::new(exponential_buckets(0.05, 2.0, 16))) };
        metrics.register(|registry| {
            registry.register("transcode_pieces", "Pieces of work, by kind and outcome", figures.ended.clone());
            registry.register("transcode_seconds", "Time that a piece of work took", figures.seconds.clone());
        });
        figures
    }

    /// Counts a piece that ended.
    pub fn count(&self, piece: Piece, outcome: &'static str, seconds: f64) {
        let piece = piece.kind();
        self.ended.get_or_create(&Ended { piece, outcome }).inc();
        self.seconds.get_or_create(&Worked { piece }).observe(seconds);
    }
}
