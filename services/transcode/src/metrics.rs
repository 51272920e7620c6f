//! The Prometheus metrics of conversion.
//!
//! Invariant: labels are kinds of tasks, queues and outcomes, never ids, so there are few series.

use base::telemetry;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};

use crate::model::{Queue, Task};

/// The labels of a completed task: its kind and its outcome.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    task: &'static str,
    outcome: &'static str,
}

/// The label for a kind of task.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TaskLabels {
    task: &'static str,
}

/// The label for a queue.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct QueueLabels {
    queue: &'static str,
}

/// The label for what came of a question to the classifier.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ScoreLabels {
    outcome: &'static str,
}

/// The metrics of this role.
#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    running: Family<QueueLabels, Gauge>,
    waiting: Family<QueueLabels, Gauge>,
    oldest: Family<QueueLabels, Gauge>,
    ended: Family<OutcomeLabels, Counter>,
    seconds: Family<TaskLabels, Histogram>,
    scores: Family<ScoreLabels, Counter>,
    /// The tickets that this process holds while conversions are turned off.
    pub held: Gauge,
}

impl Metrics {
    /// Registers and returns the metrics.
    pub fn new(registry: &telemetry::Metrics) -> Self {
        // 50 ms to about 27 minutes, doubling.
        let metrics = Self {
            running: Family::default(),
            waiting: Family::default(),
            oldest: Family::default(),
            ended: Family::default(),
            seconds: Family::new_with_constructor(|| Histogram::new(exponential_buckets(0.05, 2.0, 16))),
            scores: Family::default(),
            held: Gauge::default(),
        };
        registry.register(|registry| {
            registry.register(
                "transcode_tasks_running",
                "Running tasks of this process, by queue",
                metrics.running.clone(),
            );
            registry.register(
                "transcode_tasks_waiting",
                "Ready tasks of the whole fleet, by queue (10,000 means 10,000 or more)",
                metrics.waiting.clone(),
            );
            registry.register(
                "transcode_oldest_task_seconds",
                "Waiting time of the oldest ready task, by queue",
                metrics.oldest.clone(),
            );
            registry.register("transcode_tasks", "Completed tasks, by kind and outcome", metrics.ended.clone());
            registry.register("transcode_task_seconds", "Duration of a task, by kind", metrics.seconds.clone());
            registry.register(
                "transcode_scores",
                "Items that a classifier was asked about, by outcome: scored, or without a score in the end",
                metrics.scores.clone(),
            );
            registry.register(
                "transcode_tickets_held",
                "Tickets that this process holds while conversions are turned off",
                metrics.held.clone(),
            );
        });
        metrics
    }

    /// Returns the gauge of a queue's running tasks in this process.
    pub fn running(&self, queue: Queue) -> Gauge {
        self.running.get_or_create_owned(&QueueLabels { queue: queue.as_str() })
    }

    /// Sets how many tasks of a queue are ready, and for how many seconds the oldest has been.
    pub fn waiting(&self, queue: Queue, tasks: i64, seconds: i64) {
        let queue = QueueLabels { queue: queue.as_str() };
        self.waiting.get_or_create(&queue).set(tasks);
        self.oldest.get_or_create(&queue).set(seconds);
    }

    /// Counts an item that a classifier was asked about.
    pub fn scored(&self, outcome: &'static str) {
        self.scores.get_or_create(&ScoreLabels { outcome }).inc();
    }

    /// Counts a completed task.
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
    fn labels_are_queues_and_never_members() {
        let registry = telemetry::Metrics::default();
        let metrics = Metrics::new(&registry);
        metrics.waiting(Queue::HeavyPhoto, 3, 40);
        metrics.running(Queue::Probe).inc();
        let text = registry.text();
        for line in [
            "tutti_transcode_tasks_waiting{queue=\"heavy_photo\"} 3",
            "tutti_transcode_oldest_task_seconds{queue=\"heavy_photo\"} 40",
            "tutti_transcode_tasks_running{queue=\"probe\"} 1",
        ] {
            assert!(text.contains(line), "{text}");
        }
        assert!(!text.contains("owner"));
    }
}
