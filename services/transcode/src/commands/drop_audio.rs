//! Continues an item without audio.

use contract::MediaId;

use super::enqueue::enqueue_next;
use super::outputs::announce_playable;
use super::{find_open, lanes};
use crate::error::Error;
use crate::model::Task;
use crate::state::Worker;
use crate::store;

/// Continues an item without audio: its audio track turned out to be empty.
pub(crate) async fn drop_audio(worker: &Worker, media: &MediaId) -> Result<(), Error> {
    let (media, now) = (media.clone(), worker.context.clock.now());
    worker
        .context
        .db
        .write(lanes::item_and_queue(&media), async move |tx| {
            let mut job = find_open(tx, &media).await?;
            let Some(plan) = job.plan.as_mut() else { return Err(Error::Corrupt("plan")) };
            plan.audio = None;
            store::replace_plan(tx, &media, plan, now).await?;
            let playable = announce_playable(tx, &job, now).await?;
            store::mark_done(tx, &media, Task::Audio, now).await?;
            enqueue_next(tx, &job, playable, now).await
        })
        .await
}
