//! Continues an item that has failed.
//!
//! What was made of it stays: only the tasks that are not done run, each with all its attempts. Invariant: an item that
//! did not fail goes on as it is, whatever event arrives.

use chrono::{DateTime, Utc};
use contract::media::Retried;
use contract::transcode::Progress;
use db::Tx;

use super::enqueue::enqueue_next;
use super::outputs::announce_playable;
use super::{Cause, lanes};
use crate::error::Error;
use crate::fair_queue::enqueue;
use crate::model::{Plan, State, TaskState};
use crate::state::Worker;
use crate::store;

/// Continues an item that has failed. Does nothing if it has not, or if this retry or a later one is known already.
pub(crate) async fn retry(worker: &Worker, retried: Retried, cause: Cause) -> Result<(), Error> {
    let now = worker.context.clock.now();
    worker
        .context
        .db
        .write(lanes::item_and_queue(&retried.id), async move |tx| {
            if tx.record_once(cause.consumer, &cause.event_id, now).await? {
                retry_in(tx, &retried, now).await?;
            }
            Ok::<_, Error>(())
        })
        .await?;
    worker.permits.wake();
    Ok(())
}

/// The same in the caller's transaction.
pub(crate) async fn retry_in(tx: &Tx, retried: &Retried, now: DateTime<Utc>) -> Result<(), Error> {
    let Some(mut job) = store::find_job(tx, &retried.id).await? else { return Ok(()) };
    if retried.retry <= job.retries {
        return Ok(());
    }
    store::set_retries(tx, &job.media, retried.retry, now).await?;
    job.retries = retried.retry;
    if job.state != State::Failed {
        return Ok(());
    }
    store::set_state(tx, &job.media, State::Processing, None, now).await?;
    job.state = State::Processing;
    store::reset_failures(tx, &job.media).await?;
    tx.publish(&Progress { id: job.media.clone(), percent: job.percent, remaining_ms: None }, now)?;
    let playable = announce_playable(tx, &job, now).await?;
    // Without a plan there is one task, which makes it, or is all that a photo needs.
    let opening = job.plan.as_ref().map(Plan::opening);
    for record in store::list_tasks(tx, &job.media).await? {
        let opens = opening.as_ref().is_none_or(|opening| opening.contains(&record.task));
        if opens && record.state == TaskState::Waiting {
            enqueue(tx, &job, (record.task, record.weight), 0, now).await?;
        }
    }
    enqueue_next(tx, &job, playable, now).await
}
