//! Starts an item after an upload.

use chrono::{DateTime, Utc};
use contract::media::{Kind, Received};
use db::Tx;

use super::{Cause, lanes};
use crate::error::Error;
use crate::fair_queue::enqueue;
use crate::model::{State, Task};
use crate::state::Worker;
use crate::store::{self, Job};

/// Starts an item, unless it is known already (or deleted already).
pub(crate) async fn accept(worker: &Worker, received: Received, cause: Cause) -> Result<(), Error> {
    let now = worker.context.clock.now();
    worker
        .context
        .db
        .write(lanes::item_and_queue(&received.id), async move |tx| {
            if tx.record_once(cause.consumer, &cause.event_id, now).await? {
                accept_in(tx, &received, now).await?;
            }
            Ok::<_, Error>(())
        })
        .await?;
    worker.permits.wake();
    Ok(())
}

/// The same in the caller's transaction.
pub(crate) async fn accept_in(tx: &Tx, received: &Received, now: DateTime<Utc>) -> Result<(), Error> {
    if !store::insert_job(tx, received, State::Processing, now).await? {
        return Ok(());
    }
    let first = if received.kind == Kind::Photo { Task::Photo } else { Task::Probe };
    store::insert_tasks(tx, &received.id, &[(first, 0)], now).await?;
    let job = Job {
        media: received.id.clone(),
        state: State::Processing,
        received: received.clone(),
        plan: None,
        percent: 0,
        started_at: None,
        retries: 0,
    };
    enqueue(tx, &job, (first, 0), 0, now).await?;
    Ok(())
}
