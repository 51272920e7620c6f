//! Sends the ticket of an unresponsive task again.

use contract::MediaId;
use db::schedule::Run;

use super::fail::fail_in;
use super::{find_open, lanes};
use crate::error::Error;
use crate::fair_queue::enqueue;
use crate::model::{RejectReason, Task};
use crate::state::Worker;
use crate::store;

/// A task that was sent this often is not sent again: its item fails.
const MAX_SENT: u32 = 3;

/// Makes a task ready again, which was sent `sent` times and shows no sign of life; or fails its item if that was too
/// often. Does nothing if the item is gone, or if the scheduled run has lost its lease.
pub(crate) async fn resend(worker: &Worker, run: Run, media: &MediaId, task: Task, sent: u32) -> Result<(), Error> {
    let (media, now) = (media.clone(), worker.context.clock.now());
    let resent = worker
        .context
        .db
        .write(lanes::item_and_queue(&media), async move |tx| {
            run.fence(tx).await?;
            if sent >= MAX_SENT {
                return fail_in(tx, &media, &RejectReason::GaveUp, now).await;
            }
            let job = find_open(tx, &media).await?;
            let tasks = store::list_tasks(tx, &media).await?;
            let weight = tasks.into_iter().find(|record| record.task == task).map_or(0, |record| record.weight);
            enqueue(tx, &job, (task, weight), 0, now).await?;
            Ok(())
        })
        .await;
    match resent {
        Err(Error::Gone) => Ok(()),
        resent => resent,
    }
}
