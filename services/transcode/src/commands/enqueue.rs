//! Enqueues the next tasks of an item and publishes its progress, for the commands that complete one.

use chrono::{DateTime, TimeDelta, Utc};
use contract::transcode::Progress;
use db::Tx;

use crate::error::Error;
use crate::fair_queue::enqueue;
use crate::model::{self, Task, TaskRecord, window};
use crate::store::{self, Job};

/// Enqueues the tasks that can run next, and `Finish` when nothing else is left. The caller holds the lanes of the item
/// and of the fair queue.
pub(super) async fn enqueue_next(tx: &Tx, job: &Job, playable: bool, now: DateTime<Utc>) -> Result<(), Error> {
    let tasks = store::list_tasks(tx, &job.media).await?;
    let mut after = window::last_ordered_due(&tasks);
    for record in window::next(&tasks, playable) {
        let is_ordered = window::is_ordered(record.task);
        let due = enqueue(tx, job, (record.task, record.weight), if is_ordered { after } else { 0 }, now).await?;
        after = if is_ordered { due } else { after };
    }
    if job.plan.is_some() && window::lacks_finish(&tasks) {
        store::insert_tasks(tx, &job.media, &[(Task::Finish, 0)], now).await?;
        enqueue(tx, job, (Task::Finish, 0), 0, now).await?;
    }
    publish_progress(tx, job, &tasks, now).await
}

/// Publishes the percentage that the item's tasks amount to, if it is higher than before.
pub(super) async fn publish_progress(
    tx: &Tx,
    job: &Job,
    tasks: &[TaskRecord],
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let percent = model::percent_of(tasks);
    if percent > job.percent && store::raise_percent(tx, &job.media, percent, now).await? {
        let worked = job.started_at.map_or(TimeDelta::zero(), |since| now - since);
        let remaining_ms = model::remaining_ms(percent, u64::try_from(worked.num_milliseconds()).unwrap_or(0));
        tx.publish(&Progress { id: job.media.clone(), percent, remaining_ms }, now)?;
    }
    Ok(())
}
