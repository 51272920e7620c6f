//! Timed work: waking pieces of which nothing is heard, forgetting erased items.
//!
//! Does not own sweeping objects that nothing names: that is [`kit::objects::Orphans`]'. Invariant: a piece is sent again only where the bus holds
//! none of its kind any more.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use kit::db::Tx;
use kit::schedule::{Failure, Job, Run};

use crate::error::Error;
use crate::transitions;
use crate::model::{Task, Queue, RejectReason};
use crate::store;
use crate::fair_queue;
use crate::work::Worker;

const SWEEP_INTERVAL: TimeDelta = TimeDelta::minutes(5);
/// A piece on the bus of which nothing was heard for so long is sent again …
const SILENT_FOR: TimeDelta = TimeDelta::hours(1);
/// … so often, then the item fails.
const MAX_SENT: u32 = 3;
/// An erased item is remembered for so long, for events that come late (the bus keeps them for 7 days).
const ERASED_FOR: TimeDelta = TimeDelta::days(8);
const BATCH: u32 = 500;
/// Tickets that are sent at once for tasks that wait while the bus holds none: as many as a fleet has permits, and more follow.
const MAX_TICKETS: u32 = 100;
/// How often the figures of what waits are taken, and up to which number is counted.
const METRICS_INTERVAL: Duration = Duration::from_secs(10);
const MAX_COUNTED: i64 = 10_000;

pub(crate) fn jobs(worker: &Worker) -> Vec<Job> {
    let worker = worker.clone();
    vec![Job::every("transcode.sweep", SWEEP_INTERVAL, move |run| {
        let worker = worker.clone();
        async move { sweep(&worker, run).await.map_err(Failure::from) }
    })]
}

/// Sends tickets for tasks that wait although the bus holds nothing for them (a worker that found another one gone may have used theirs), and forgets
/// members whose turn is long past.
async fn send_missing_tickets(tx: &Tx, run: &Run, queue: Queue, now: DateTime<Utc>) -> Result<(), Error> {
    run.fence(tx).await?;
    for (media, task) in store::list_ready(tx, queue, MAX_TICKETS).await? {
        fair_queue::publish_ticket(tx, queue, &media, task, now)?;
    }
    store::remove_idle_members(tx, queue, BATCH).await?;
    Ok(())
}

/// Takes the figures of what waits, until the process ends.
pub(crate) async fn update_metrics(worker: Worker) {
    while worker.context.tasks.sleep(METRICS_INTERVAL).await {
        for queue in Queue::ALL {
            match store::find_backlog(worker.context.db.read(), queue, MAX_COUNTED).await {
                Ok(backlog) => {
                    let seconds = backlog.since.map_or(0, |since| (worker.context.clock.now() - since).num_seconds().max(0));
                    worker.metrics.waiting(queue, backlog.tasks, seconds);
                }
                Err(error) => tracing::debug!(%error, "the metrics of what waits could not be taken"),
            }
        }
    }
}

async fn sweep(worker: &Worker, run: Run) -> Result<(), Error> {
    let now = worker.context.clock.now();
    // A piece may wait its turn for hours on a busy day. Only where the bus holds nothing any more can one be lost.
    let backlog = worker.context.bus.engine().backlog().await?;
    let holds = |queue: Queue| backlog.iter().any(|(consumer, count)| consumer == queue.subject() && *count > 0);
    let waits = |task: Task| holds(task.queue()) || (task == Task::Photo && holds(Queue::HeavyPhoto));
    for queue in Queue::ALL.into_iter().filter(|queue| !holds(*queue)) {
        let run = run.clone();
        worker.context.db.write(move |tx| Box::pin(async move { send_missing_tickets(tx, &run, queue, now).await })).await?;
    }
    for (media, task, sent) in store::list_silent(worker.context.db.read(), now - SILENT_FOR, BATCH).await? {
        if waits(task) {
            continue;
        }
        tracing::warn!(media.id = %media, %task, sent, "nothing was heard of a task for an hour");
        let run = run.clone();
        let woken = worker
            .context
            .db
            .write(move |tx| {
                Box::pin(async move {
                    run.fence(tx).await?;
                    if sent >= MAX_SENT { transitions::fail(tx, &media, &RejectReason::GaveUp, now).await } else { transitions::resend(tx, &media, task, now).await }
                })
            })
            .await;
        match woken {
            Ok(()) | Err(Error::Gone) => {}
            Err(error) => return Err(error),
        }
    }
    worker.context.db.write(move |tx| Box::pin(async move { store::forget_deleted(tx, now - ERASED_FOR).await })).await?;
    Ok(())
}
