//! Counts a failure of a task.

use contract::MediaId;

use super::lanes;
use crate::error::Error;
use crate::model::Task;
use crate::state::Worker;
use crate::store;

/// Counts one more failure of a task; returns how many there are.
pub(crate) async fn add_failure(worker: &Worker, media: &MediaId, task: Task) -> Result<u32, Error> {
    let (media, now) = (media.clone(), worker.context.clock.now());
    worker
        .context
        .db
        .write(lanes::item(&media), async move |tx| Ok(store::add_failure(tx, &media, task, now).await?))
        .await
}
