//! Scheduled jobs: the removal of unclaimed items and expired uploads, and the indexing of items for search.
//!
//! Does not sweep objects without a row: that is [`kit::objects::Orphans`]'s. Invariant: an object is removed only
//! after the transaction that removed its last reference.

use std::time::Duration;

use chrono::TimeDelta;
use contract::media::Deleted;
use contract::{AccountId, MediaId, ObjectKey};
use kit::schedule::Job;

use crate::Media;
use crate::error::Error;
use crate::store;

/// Items and uploads that one step of a sweep removes.
const SWEEP_BATCH: usize = 100;
/// Items that one transaction indexes: some hundreds of rows.
const INDEX_BATCH: usize = 20;
/// How long a response waits for a cleanup.
const CLEANUP_TIMEOUT: Duration = Duration::from_secs(1);

/// Returns the scheduled jobs, and starts the indexing of items of earlier releases.
pub(crate) fn jobs(media: &Media) -> Vec<Job> {
    start_indexing(media);
    let media = media.clone();
    vec![Job::every("media.sweep", TimeDelta::minutes(10), move |_| {
        let media = media.clone();
        async move {
            media.index_items().await?;
            Ok(media.sweep().await?)
        }
    })]
}

/// Indexes the items of earlier releases in the background. With a million items that takes minutes, and until then
/// lists read the whole library.
fn start_indexing(media: &Media) {
    let (media, tasks) = (media.clone(), media.context.tasks.clone());
    media.context.tasks.clone().spawn(async move {
        tokio::select! {
            indexed = media.index_items() => match indexed {
                Ok(0) => {}
                Ok(items) => tracing::info!(items, "items of an earlier release are indexed now"),
                Err(error) => tracing::warn!(%error, "not all items could be indexed; the next sweep continues"),
            },
            () = tasks.stopping() => {}
        }
    });
}

impl Media {
    /// Indexes the items whose current version is not indexed. Returns their number.
    async fn index_items(&self) -> Result<usize, Error> {
        let mut indexed = 0;
        loop {
            let items = store::items::list_unindexed(self.context.db.read(), INDEX_BATCH).await?;
            if items.is_empty() {
                return Ok(indexed);
            }
            indexed += items.len();
            self.context
                .db
                .write(move |tx| {
                    Box::pin(async move {
                        for item in &items {
                            if store::search_index::set_indexed(tx, item).await? {
                                store::search_index::insert(tx, item).await?;
                            }
                        }
                        Ok::<_, kit::db::Error>(())
                    })
                })
                .await?;
        }
    }

    /// Removes unclaimed items and expired uploads.
    pub(crate) async fn sweep(&self) -> Result<(), Error> {
        let now = self.context.clock.now();
        loop {
            let items = store::items::list_unclaimed(self.context.db.read(), now, SWEEP_BATCH).await?;
            for item in &items {
                tracing::info!(media.id = %item.id, "an unclaimed item is removed");
                self.remove_item(&item.id, item.owner).await?;
            }
            let uploads = store::uploads::list_expired(self.context.db.read(), now, SWEEP_BATCH).await?;
            for upload in &uploads {
                self.remove_upload(&upload.id, upload.owner).await?;
            }
            if items.len() < SWEEP_BATCH && uploads.len() < SWEEP_BATCH {
                return Ok(());
            }
        }
    }

    /// Removes an item: its row, its quota charge, and its object once no other item refers to it. Returns `false`
    /// where there is none.
    pub(crate) async fn remove_item(&self, id: &MediaId, owner: AccountId) -> Result<bool, Error> {
        let (removed_id, now) = (id.clone(), self.context.clock.now());
        let removed = self
            .context
            .db
            .write(move |tx| {
                Box::pin(async move {
                    let bytes = store::items::find_owned(tx, &removed_id, owner).await?.map(|item| item.bytes);
                    let Some(bytes) = bytes else { return Ok::<_, Error>(None) };
                    // The usage row comes first, so that an upload of equal bytes cannot run in between.
                    store::usage::remove_item(tx, owner, bytes).await?;
                    let Some(item) = store::items::remove(tx, &removed_id, owner).await? else {
                        return Err(kit::db::Error::Conflict.into());
                    };
                    let orphaned = store::objects::orphan_unless_referenced(tx, &item.object, now).await?;
                    tx.publish(&Deleted { id: removed_id, owner }, now)?;
                    Ok(Some((item, orphaned)))
                })
            })
            .await?;
        let Some((item, orphaned)) = removed else { return Ok(false) };
        self.quota.item_removed(owner, item.bytes).await;
        if orphaned {
            remove_orphan(self, item.object).await;
        }
        self.notify(id);
        Ok(true)
    }

    /// Removes an upload and the bytes that it stored. Returns `false` where there is none.
    pub(crate) async fn remove_upload(&self, id: &str, owner: AccountId) -> Result<bool, Error> {
        let (removed_id, now) = (id.to_owned(), self.context.clock.now());
        let removed = self
            .context
            .db
            .write(move |tx| {
                Box::pin(async move {
                    let Some(upload) = store::uploads::remove(tx, &removed_id, owner).await? else {
                        return Ok::<_, kit::db::Error>(None);
                    };
                    let object = upload.checkpoint.map(|checkpoint| checkpoint.key);
                    if let Some(object) = &object {
                        store::objects::orphan_unless_referenced(tx, object, now).await?;
                    }
                    Ok(Some(object))
                })
            })
            .await?;
        let Some(object) = removed else { return Ok(false) };
        if let Some(object) = object {
            remove_orphan(self, object).await;
        }
        Ok(true)
    }
}

/// Removes an object that is recorded as an orphan. An object that cannot be removed now stays recorded.
pub(crate) async fn remove_orphan(media: &Media, object: ObjectKey) {
    let orphans = media.object_keys.orphans().clone();
    cleanup(async move {
        if let Err(error) = orphans.remove(std::slice::from_ref(&object)).await {
            tracing::warn!(%object, %error, "an object could not be removed; the sweep will remove it");
        }
    })
    .await;
}

/// Checks whether an unfinished object is still referenced, after a request that wrote to it failed. Another request
/// may have completed or removed the upload, and the object with it, before the last write of this one.
pub(crate) async fn recheck_object(media: &Media, object: ObjectKey) {
    let media = media.clone();
    cleanup(async move {
        let (db, now) = (&media.context.db, media.context.clock.now());
        let orphaned = async {
            // Usually its row exists, and then no writer has to wait for this check.
            if store::objects::is_referenced(db.read(), &object).await? {
                return Ok(false);
            }
            let key = object.clone();
            db.write(move |tx| Box::pin(async move { store::objects::orphan_unless_referenced(tx, &key, now).await })).await
        };
        match orphaned.await {
            Ok(true) => remove_orphan(&media, object).await,
            Ok(false) => {}
            Err(error @ kit::db::Error::Corrupt(_)) => tracing::error!(%object, %error, "an unfinished object could not be checked"),
            Err(error) => tracing::warn!(%object, %error, "an unfinished object could not be checked; `tutti objects` finds what it may have left"),
        }
    })
    .await;
}

/// Runs a cleanup. The caller waits for it for a moment, but not for an unresponsive object store: then the cleanup
/// continues in the background.
pub(crate) async fn cleanup(work: impl Future<Output = ()> + Send + 'static) {
    // A panic is in the log already, and the sweep does the rest.
    drop(tokio::time::timeout(CLEANUP_TIMEOUT, tokio::spawn(work)).await);
}
