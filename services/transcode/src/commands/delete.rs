//! Deletes an item.

use chrono::{DateTime, Utc};
use contract::ObjectKey;
use contract::media::Deleted;
use db::Tx;
use objects::orphans;

use super::{Cause, lanes};
use crate::error::Error;
use crate::fair_queue;
use crate::state::Worker;
use crate::store;

/// Deletes an item: its rows are removed and its objects become orphans. Returns those objects.
pub(crate) async fn delete(worker: &Worker, deleted: Deleted, cause: Cause) -> Result<Vec<ObjectKey>, Error> {
    let now = worker.context.clock.now();
    worker
        .context
        .db
        .write(lanes::item_and_queue(&deleted.id), async move |tx| {
            if tx.record_once(cause.consumer, &cause.event_id, now).await? {
                delete_in(tx, &deleted, now).await
            } else {
                Ok(Vec::new())
            }
        })
        .await
}

/// The same in the caller's transaction.
pub(crate) async fn delete_in(tx: &Tx, deleted: &Deleted, now: DateTime<Utc>) -> Result<Vec<ObjectKey>, Error> {
    let media = &deleted.id;
    let outputs = store::snapshot(tx, media).await?;
    let tiles = store::list_tiles(tx, media).await?;
    let objects: Vec<ObjectKey> = outputs
        .renditions
        .into_iter()
        .map(|rendition| rendition.init)
        .chain(outputs.segments.into_iter().map(|segment| segment.object))
        .chain(outputs.assets.into_iter().map(|asset| asset.object))
        .chain(tiles.into_iter().map(|tiles| tiles.object))
        .collect();
    orphans::mark_orphaned(tx, &objects, now).await?;
    fair_queue::dequeue(tx, media).await?;
    store::remove_outputs(tx, media).await?;
    store::mark_deleted(tx, media, now).await?;
    Ok(objects)
}
