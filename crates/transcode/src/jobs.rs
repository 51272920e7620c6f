//! Periodic jobs: resending tickets of unresponsive tasks, purging deleted items.
//!
//! Does not own removing unreferenced objects: that is [`kit::objects::Orphans`]'. Invariant: a ticket is sent again
//! only where the bus holds none of its queue any more.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use kit::db::Tx;
use kit::schedule::{Job, JobError, Run};

use crate::error::Error;
use crate::fair_queue;
use crate::model::{Queue, RejectReason, Task};
use crate::store;
use crate::transitions;
use crate::work::Worker;

const SWEEP_INTERVAL: TimeDelta = TimeDelta::minutes(5);
/// The ticket of a task without a sign of life for this long is sent again …
const UNRESPONSIVE_AFTER: TimeDelta = TimeDelta::hours(1);
/// … this many times, then the item fails.
const MAX_SENT: u32 = 3;
/// A deleted item is remembered for this long, for late events (the bus keeps them for 7 days).
const DELETED_RETENTION: TimeDelta = TimeDelta::days(8);
const BATCH: u32 = 500;
/// The tickets that are sent at once for ready tasks while the bus holds none: as many as a fleet has permits; more
/// follow.
const MAX_TICKETS: u32 = 100;
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

/// Sends tickets for tasks that are ready although the bus holds nothing for them (a worker whose own task was gone may
/// have used theirs), and removes idle members whose virtual time has passed.
async fn send_missing_tickets(tx: &Tx, run: &Run, queue: Queue, now: DateTime<Utc>) -> Result<(), Error> {
    run.fence(tx).await?;
    for (media, task) in store::list_ready(tx, queue, MAX_TICKETS).await? {
        fair_queue::publish_ticket(tx, queue, &media, task, now)?;
    }
    store::remove_idle_members(tx, queue, BATCH).await?;
    Ok(())
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
    let now = worker.context.clock.now();
    // On a busy day a task may wait for hours. Its ticket can be lost only where the bus holds nothing any more.
    let backlog = worker.context.bus.engine().backlog().await?;
    let holds = |queue: Queue| backlog.iter().any(|(consumer, count)| consumer == queue.subject() && *count > 0);
    let waits = |task: Task| holds(task.queue()) || (task == Task::Photo && holds(Queue::HeavyPhoto));
    for queue in Queue::ALL.into_iter().filter(|queue| !holds(*queue)) {
        let run = run.clone();
        worker
            .context
            .db
            .write(move |tx| Box::pin(async move { send_missing_tickets(tx, &run, queue, now).await }))
            .await?;
    }
    for (media, task, sent) in
        store::list_unresponsive(worker.context.db.read(), now - UNRESPONSIVE_AFTER, BATCH).await?
    {
        if waits(task) {
            continue;
        }
        tracing::warn!(media.id = %media, %task, sent, "a task has shown no sign of life for an hour; its ticket is sent again");
        let run = run.clone();
        let resent = worker
            .context
            .db
            .write(move |tx| {
                Box::pin(async move {
                    run.fence(tx).await?;
                    if sent >= MAX_SENT {
                        transitions::fail(tx, &media, &RejectReason::GaveUp, now).await
                    } else {
                        transitions::resend(tx, &media, task, now).await
                    }
                })
            })
            .await;
        match resent {
            Ok(()) | Err(Error::Gone) => {}
            Err(error) => return Err(error),
        }
    }
    worker
        .context
        .db
        .write(move |tx| Box::pin(async move { store::remove_deleted(tx, now - DELETED_RETENTION).await }))
        .await?;
    Ok(())
}
