//! What operators see of converting, as Prometheus figures.
//!
//! Invariant: labels are kinds of pieces and outcomes, never ids, so there is a handful of series.

use kit::telemetry;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};

use crate::model::{Task, Queue};

/// A kind of piece, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    task: &'static str,
    outcome: &'static str,
}

/// A kind of piece.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TaskLabels {
    task: &'static str,
}

/// A queue of tasks.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct QueueLabels {
    queue: &'static str,
}

/// The figures of this role.
#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    running: Family<QueueLabels, Gauge>,
    waiting: Family<QueueLabels, Gauge>,
    oldest: Family<QueueLabels, Gauge>,
    ended: Family<OutcomeLabels, Counter>,
    seconds: Family<TaskLabels, Histogram>,
}

impl Metrics {
    /// Registers them.
    pub fn new(registry: &telemetry::Metrics) -> Self {
        // 50 ms to about 27 minutes, doubling.
        let metrics = Self {
            running: Family::default(),
            waiting: Family::default(),
            oldest: Family::default(),
            ended: Family::default(),
            seconds: Family::new_with_constructor(|| Histogram::new(exponential_buckets(0.05, 2.0, 16))),
        };
        registry.register(|registry| {
            registry.register("transcode_tasks_running", "Tasks at work in this process, by queue", metrics.running.clone());
            registry.register("transcode_tasks_waiting", "Tasks of the whole fleet that wait for their turn, by queue (10,000 and more are 10,000)", metrics.waiting.clone());
            registry.register("transcode_oldest_task_seconds", "How long the task has waited that waits for longest, by queue", metrics.oldest.clone());
            registry.register("transcode_tasks", "Tasks, by kind and outcome", metrics.ended.clone());
            registry.register("transcode_task_seconds", "Time that a task took", metrics.seconds.clone());
        });
        metrics
    }

    /// How many tasks of a queue are at work here.
    pub fn running(&self, queue: Queue) -> Gauge {
        self.running.get_or_create_owned(&QueueLabels { queue: queue.as_str() })
    }

    /// Notes how many tasks of a queue wait, and for how many seconds the first of them has.
    pub fn waiting(&self, queue: Queue, tasks: i64, seconds: i64) {
        let queue = QueueLabels { queue: queue.as_str() };
        self.waiting.get_or_create(&queue).set(tasks);
        self.oldest.get_or_create(&queue).set(seconds);
    }

    /// Counts a piece that ended.
    pub fn count(&self, task: Task, outcome: &'static str, seconds: f64) {
        let task = task.kind();
        self.ended.get_or_create(&OutcomeLabels { task, outcome }).inc();
        self.seconds.get_or_create(&TaskLabels { task }).observe(seconds);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queues_are_told_by_name_and_members_not_at_all() {
        let registry = telemetry::Metrics::default();
        let metrics = Metrics::new(&registry);
        metrics.waiting(Queue::HeavyPhoto, 3, 40);
        metrics.running(Queue::Probe).inc();
        let text = registry.text();
        for line in ["tutti_transcode_tasks_waiting{queue=\"heavy_photo\"} 3", "tutti_transcode_oldest_task_seconds{queue=\"heavy_photo\"} 40", "tutti_transcode_tasks_running{queue=\"probe\"} 1"] {
            assert!(text.contains(line), "{text}");
        }
        assert!(!text.contains("owner"));
    }
}
