//! What operators see of converting, as Prometheus figures.
//!
//! Invariant: labels are kinds of pieces and outcomes, never ids, so there is a handful of series.

use kit::telemetry::Metrics;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};

use crate::model::{Piece, Queue};

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

/// A queue of tasks.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Queued {
    queue: &'static str,
}

/// The figures of this role.
#[derive(Debug, Clone)]
pub(crate) struct Figures {
    running: Family<Queued, Gauge>,
    waiting: Family<Queued, Gauge>,
    oldest: Family<Queued, Gauge>,
    ended: Family<Ended, Counter>,
    seconds: Family<Worked, Histogram>,
}

impl Figures {
    /// Registers them.
    pub fn new(metrics: &Metrics) -> Self {
        // 50 ms to about 27 minutes, doubling.
        let figures = Self {
            running: Family::default(),
            waiting: Family::default(),
            oldest: Family::default(),
            ended: Family::default(),
            seconds: Family::new_with_constructor(|| Histogram::new(exponential_buckets(0.05, 2.0, 16))),
        };
        metrics.register(|registry| {
            registry.register("transcode_running", "Tasks at work in this process, by queue", figures.running.clone());
            registry.register("transcode_waiting", "Tasks of the whole fleet that wait for their turn, by queue (10,000 and more are 10,000)", figures.waiting.clone());
            registry.register("transcode_oldest_seconds", "How long the task has waited that waits for longest, by queue", figures.oldest.clone());
            registry.register("transcode_pieces", "Pieces of work, by kind and outcome", figures.ended.clone());
            registry.register("transcode_seconds", "Time that a piece of work took", figures.seconds.clone());
        });
        figures
    }

    /// How many tasks of a queue are at work here.
    pub fn running(&self, queue: Queue) -> Gauge {
        self.running.get_or_create_owned(&Queued { queue: queue.as_str() })
    }

    /// Notes how many tasks of a queue wait, and for how many seconds the first of them has.
    pub fn waiting(&self, queue: Queue, tasks: i64, seconds: i64) {
        let queue = Queued { queue: queue.as_str() };
        self.waiting.get_or_create(&queue).set(tasks);
        self.oldest.get_or_create(&queue).set(seconds);
    }

    /// Counts a piece that ended.
    pub fn count(&self, piece: Piece, outcome: &'static str, seconds: f64) {
        let piece = piece.kind();
        self.ended.get_or_create(&Ended { piece, outcome }).inc();
        self.seconds.get_or_create(&Worked { piece }).observe(seconds);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queues_are_told_by_name_and_members_not_at_all() {
        let metrics = Metrics::default();
        let figures = Figures::new(&metrics);
        figures.waiting(Queue::HeavyPhoto, 3, 40);
        figures.running(Queue::Probe).inc();
        let text = metrics.text();
        for line in ["tutti_transcode_waiting{queue=\"heavy_photo\"} 3", "tutti_transcode_oldest_seconds{queue=\"heavy_photo\"} 40", "tutti_transcode_running{queue=\"probe\"} 1"] {
            assert!(text.contains(line), "{text}");
        }
        assert!(!text.contains("owner"));
    }
}
