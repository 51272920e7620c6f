//! Timed work: what nobody wants any more goes.
//!
//! Owns sweeping unclaimed items and expired uploads. Does not own sweeping objects without a row: that is [`kit::objects::Orphans`]'.
//! Invariant: an object is removed only after the transaction that ended its last name.

use std::time::Duration;

use chrono::TimeDelta;
use contract::media::Deleted;
use contract::{AccountId, MediaId, ObjectKey};
use kit::schedule::Job;

use crate::Media;
use crate::error::Error;
use crate::store;

/// Items and uploads removed in one step of a sweep.
const SWEEP_BATCH: usize = 100;
/// Items that are put into the index in one transaction: some hundreds of rows.
const INDEX_BATCH: usize = 20;
/// How long an answer waits for what is cleared up before it.
const CLEANUP_TIMEOUT: Duration = Duration::from_secs(1);

/// The timed work.
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

/// Puts into the index what an earlier release left out of it, in the background: with a million items that takes minutes, and lists read the
/// whole library until then.
fn start_indexing(media: &Media) {
    let (media, tasks) = (media.clone(), media.context.tasks.clone());
    media.context.tasks.clone().spawn(async move {
        tokio::select! {
            indexed = media.index_items() => match indexed {
                Ok(0) => {}
                Ok(items) => tracing::info!(items, "items of an earlier release are in the index now"),
                Err(error) => tracing::warn!(%error, "not all items are in the index; the next sweep goes on"),
            },
            () = tasks.stopping() => {}
        }
    });
}

impl Media {
    /// Puts into the index what isn't there as it is; answers how many items that were.
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

    /// Removes items that nobody claimed and uploads that nobody went on with.
    pub(crate) async fn sweep(&self) -> Result<(), Error> {
        let now = self.context.clock.now();
        loop {
            let items = store::items::list_unclaimed(self.context.db.read(), now, SWEEP_BATCH).await?;
            for item in &items {
                tracing::info!(media.id = %item.id, "an item that nobody claimed is removed");
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

    /// Removes an item: its row, its place in the quota, and its object once no other item has it. `false` where there is none.
    pub(crate) async fn remove_item(&self, id: &MediaId, owner: AccountId) -> Result<bool, Error> {
        let (removed_id, now) = (id.clone(), self.context.clock.now());
        let removed = self
            .context
            .db
            .write(move |tx| {
                Box::pin(async move {
                    let bytes = store::items::find_owned(tx, &removed_id, owner).await?.map(|item| item.bytes);
                    let Some(bytes) = bytes else { return Ok::<_, Error>(None) };
                    // First of all the usage row, so that an upload of equal bytes can't come in between.
                    store::usage::remove_item(tx, owner, bytes).await?;
                    let Some(item) = store::items::remove(tx, &removed_id, owner).await? else { return Err(kit::db::Error::Conflict.into()) };
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

    /// Removes an upload and what it stored. `false` where there is none.
    pub(crate) async fn remove_upload(&self, id: &str, owner: AccountId) -> Result<bool, Error> {
        let (removed_id, now) = (id.to_owned(), self.context.clock.now());
        let removed = self
            .context
            .db
            .write(move |tx| {
                Box::pin(async move {
                    let Some(upload) = store::uploads::remove(tx, &removed_id, owner).await? else { return Ok::<_, kit::db::Error>(None) };
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

/// Removes an object that is written down as an orphan; what fails stays written down.
pub(crate) async fn remove_orphan(media: &Media, object: ObjectKey) {
    let orphans = media.object_keys.orphans().clone();
    cleanup(async move {
        if let Err(error) = orphans.remove(std::slice::from_ref(&object)).await {
            tracing::warn!(%object, %error, "an object could not be removed; the sweep will");
        }
    })
    .await;
}

/// Looks at an unfinished object to which a request wrote that did not get to its end: another request may have ended or removed the upload
/// meanwhile, and the object with it, before this one wrote its last.
pub(crate) async fn recheck_object(media: &Media, object: ObjectKey) {
    let media = media.clone();
    cleanup(async move {
        let (db, now) = (&media.context.db, media.context.clock.now());
        let orphaned = async {
            // Mostly its row is there, and no writer has to wait for that.
            if store::objects::is_referenced(db.read(), &object).await? {
                return Ok(false);
            }
            let key = object.clone();
            db.write(move |tx| Box::pin(async move { store::objects::orphan_unless_referenced(tx, &key, now).await })).await
        };
        match orphaned.await {
            Ok(true) => remove_orphan(&media, object).await,
            Ok(false) => {}
            Err(error @ kit::db::Error::Corrupt(_)) => tracing::error!(%object, %error, "an unfinished object could not be looked at"),
            Err(error) => tracing::warn!(%object, %error, "an unfinished object could not be looked at; `tutti objects` finds what it may have left"),
        }
    })
    .await;
}

/// Clears something away. Whoever waits for an answer waits for that too, but not for a store that has fallen silent: then it goes on alone.
pub(crate) async fn cleanup(work: impl Future<Output = ()> + Send + 'static) {
    // If it panics, the panic is in the log, and the sweep does what it left.
    drop(tokio::time::timeout(CLEANUP_TIMEOUT, tokio::spawn(work)).await);
}
