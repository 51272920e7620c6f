//! Scheduled jobs: the removal of unclaimed items, expired uploads, expired links and what was long in the trash, and
//! the indexing of items for search.
//!
//! Does not sweep objects without a row: that is [`objects::Orphans`]'s. Invariant: a job only finds what is due;
//! the command that removes it checks again, in its transaction, that it still is.

use chrono::TimeDelta;
use db::schedule::Job;

use crate::error::Error;
use crate::{Media, commands, store};

/// Items and uploads that one step of a sweep removes.
const SWEEP_BATCH: usize = 100;

/// Returns the scheduled jobs, and starts the indexing of items of earlier releases.
pub(crate) fn jobs(media: &Media) -> Vec<Job> {
    start_indexing(media);
    let media = media.clone();
    vec![Job::every("media.sweep", TimeDelta::minutes(10), move |_| {
        let media = media.clone();
        async move {
            commands::index_items(&media).await?;
            commands::remove_expired_links(&media).await?;
            Ok(sweep(&media).await?)
        }
    })]
}

/// Indexes the items of earlier releases in the background. With a million items that takes minutes, and until then
/// lists read the whole library.
fn start_indexing(media: &Media) {
    let (media, tasks) = (media.clone(), media.context.tasks.clone());
    media.context.tasks.clone().spawn(async move {
        tokio::select! {
            indexed = commands::index_items(&media) => match indexed {
                Ok(0) => {}
                Ok(items) => tracing::info!(items, "items of an earlier release are indexed now"),
                Err(error) => tracing::warn!(%error, "not all items could be indexed; the next sweep continues"),
            },
            () = tasks.stopping() => {}
        }
    });
}

/// Removes unclaimed items, expired uploads, and items whose time in the trash is up.
async fn sweep(media: &Media) -> Result<(), Error> {
    let (db, now) = (&media.context.db, media.context.clock.now());
    loop {
        let items = store::items::list_unclaimed(db.read(), now, SWEEP_BATCH).await?;
        for item in &items {
            if commands::remove_unclaimed_item(media, &item.id, item.owner).await? {
                tracing::info!(media.id = %item.id, "an unclaimed item was removed");
            }
        }
        let uploads = store::uploads::list_expired(db.read(), now, SWEEP_BATCH).await?;
        for upload in &uploads {
            commands::remove_expired_upload(media, &upload.id, upload.owner).await?;
        }
        let trashed = store::trash::list_due(db.read(), now, SWEEP_BATCH).await?;
        for item in &trashed {
            if commands::purge_item(media, &item.id, item.owner).await? {
                tracing::info!(media.id = %item.id, "an item was removed from the trash");
            }
        }
        if items.len() < SWEEP_BATCH && trashed.len() < SWEEP_BATCH && uploads.len() < SWEEP_BATCH {
            return Ok(());
        }
    }
}
