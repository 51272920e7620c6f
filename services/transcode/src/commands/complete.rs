//! Completes a task.

use contract::MediaId;

use super::enqueue::enqueue_next;
use super::outputs::{Outputs, announce_playable, record};
use super::{discard, find_open, lanes};
use crate::error::Error;
use crate::model::Task;
use crate::state::Worker;
use crate::store;

/// Records and announces the last outputs of a task, marks it as done and enqueues the next ones. Removes redundant
/// objects at once.
pub(crate) async fn complete(worker: &Worker, media: &MediaId, task: Task, outputs: Outputs) -> Result<(), Error> {
    let (media, now) = (media.clone(), worker.context.clock.now());
    let redundant = worker
        .context
        .db
        .write(lanes::item_and_queue(&media), async move |tx| {
            let job = find_open(tx, &media).await?;
            let redundant = record(tx, &media, &outputs, now).await?;
            let playable = announce_playable(tx, &job, now).await?;
            store::mark_done(tx, &media, task, now).await?;
            enqueue_next(tx, &job, playable, now).await?;
            Ok::<_, Error>(redundant)
        })
        .await?;
    worker.permits.wake();
    discard(worker, &redundant).await;
    Ok(())
}
