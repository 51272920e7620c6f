//! Records the progress of a task.

use contract::MediaId;

use super::enqueue::publish_progress;
use super::{find_open, lanes};
use crate::error::Error;
use crate::model::Task;
use crate::state::Worker;
use crate::store;

/// Records the progress of a task, in thousandths; announces it if that changes the percentage.
pub(crate) async fn progress(worker: &Worker, media: &MediaId, task: Task, permille: u32) -> Result<(), Error> {
    let (media, now) = (media.clone(), worker.context.clock.now());
    worker
        .context
        .db
        .write(lanes::item(&media), async move |tx| {
            let job = find_open(tx, &media).await?;
            // 1000 is reserved for a task that is done.
            store::set_permille(tx, &media, task, permille.min(999), now).await?;
            let tasks = store::list_tasks(tx, &media).await?;
            publish_progress(tx, &job, &tasks, now).await
        })
        .await
}
