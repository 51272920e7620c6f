//! Periodic jobs: resending tickets of unresponsive tasks, forgetting deleted items, and the metrics of ready tasks.
//!
//! Does not own removing unreferenced objects: that is [`objects::Orphans`]'. Invariant: a ticket is sent again
//! only where the bus holds none of its queue any more.

use std::time::Duration;

use chrono::TimeDelta;
use db::schedule::{Job, JobError, Run};

use crate::commands;
use crate::error::Error;
use crate::model::{Queue, Task};
use crate::state::Worker;
use crate::store;

const SWEEP_INTERVAL: TimeDelta = TimeDelta::minutes(5);
/// The ticket of a task without a sign of life for this long is sent again.
const UNRESPONSIVE_AFTER: TimeDelta = TimeDelta::hours(1);
/// The unresponsive tasks of one sweep; the next one finds more.
const BATCH: u32 = 500;
/// The interval at which the metrics of ready tasks are computed, and the number up to which tasks are counted.
const METRICS_INTERVAL: Duration = Duration::from_secs(10);
const MAX_COUNTED: i64 = 10_000;

pub(crate) fn jobs(worker: &Worker) -> Vec<Job> {
    let worker = worker.clone();
    vec![Job::every("transcode.sweep", SWEEP_INTERVAL, move |run| {
        let worker = worker.clone();
        async move { sweep(&worker, run).await.map_err(JobError::from) }
    })]
}

/// Updates the metrics of ready tasks until the process ends.
pub(crate) async fn update_metrics(worker: Worker) {
    while worker.context.tasks.sleep(METRICS_INTERVAL).await {
        for queue in Queue::ALL {
            match store::find_backlog(worker.context.db.read(), queue, MAX_COUNTED).await {
                Ok(backlog) => {
                    let seconds =
                        backlog.since.map_or(0, |since| (worker.context.clock.now() - since).num_seconds().max(0));
                    worker.metrics.waiting(queue, backlog.tasks, seconds);
                }
                Err(error) => tracing::debug!(%error, "the metrics of ready tasks could not be computed"),
            }
        }
    }
}

async fn sweep(worker: &Worker, run: Run) -> Result<(), Error> {
    let silent_since = worker.context.clock.now() - UNRESPONSIVE_AFTER;
    // On a busy day a task may wait for hours. Its ticket can be lost only where the bus holds nothing any more.
    let backlog = worker.context.bus.engine().backlog().await?;
    let holds = |queue: Queue| backlog.iter().any(|(consumer, count)| consumer == queue.subject() && *count > 0);
    let waits = |task: Task| holds(task.queue()) || (task == Task::Photo && holds(Queue::HeavyPhoto));
    for queue in Queue::ALL.into_iter().filter(|queue| !holds(*queue)) {
        commands::send_missing_tickets(worker, run.clone(), queue).await?;
    }
    for (media, task, sent) in store::list_unresponsive(worker.context.db.read(), silent_since, BATCH).await? {
        if waits(task) {
            continue;
        }
        tracing::warn!(
            media.id = %media,
            %task,
            sent,
            "a task has shown no sign of life for an hour; its ticket is sent again"
        );
        commands::resend(worker, run.clone(), &media, task, sent).await?;
    }
    commands::forget_deleted(worker).await
}
