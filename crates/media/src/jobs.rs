//! Timed work: what nobody wants any more goes.
//!
//! Owns sweeping unclaimed items, expired uploads and objects without a row. Invariant: only objects whose keys this role wrote down are
//! ever removed; the store also holds the neighbours'.

use std::time::Duration;

use chrono::TimeDelta;
use contract::media::Deleted;
use contract::{AccountId, MediaId, ObjectKey};
use futures::{StreamExt as _, stream};
use kit::schedule::Job;

use crate::Media;
use crate::error::Error;
use crate::keys::ABANDONED;
use crate::store;

/// Items and uploads removed in one step of a sweep.
const STEP: usize = 100;
/// Items that are put into the index in one transaction: some hundreds of rows.
const INDEXED_AT_ONCE: usize = 20;
/// How long the sweep of a start pauses after it could not remove everything: twice as long each time.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// Objects removed at once: each takes several calls of a distant store.
const REMOVALS_AT_ONCE: usize = 8;
/// How long an answer waits for what is cleared up before it.
const MOMENT: Duration = Duration::from_secs(1);

/// The timed work; what an earlier start left behind is cleared up at once.
pub(crate) fn jobs(media: &Media) -> Vec<Job> {
    clear_up_after_a_crash(media);
    index_what_is_not(media);
    let (stale, objects) = (media.clone(), media.clone());
    vec![
        Job::every("media.sweep", TimeDelta::minutes(10), move |_| {
            let media = stale.clone();
            async move {
                media.index_items().await?;
                Ok(media.sweep().await?)
            }
        }),
        Job::every("media.objects", TimeDelta::hours(1), move |_| {
            let media = objects.clone();
            async move { Ok(media.sweep_objects().await.map(drop)?) }
        }),
    ]
}

/// Removes what an earlier start of this instance began and never finished. In the background: nobody waits for it. An engine may be away, or
/// all of a fleet be starting: it tries again until all of it is gone.
fn clear_up_after_a_crash(media: &Media) {
    let (media, tasks) = (media.clone(), media.context.tasks.clone());
    media.context.tasks.clone().spawn(async move {
        let mut pause = FIRST_PAUSE;
        loop {
            let swept = tokio::select! {
                swept = media.sweep_objects() => swept,
                () = tasks.stopping() => return,
            };
            match swept {
                Ok(true) => return,
                Ok(false) => {}
                Err(error) => tracing::warn!(%error, "what the last run left could not be removed; it will be tried again"),
            }
            if !tasks.sleep(pause).await {
                return;
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    });
}

/// Puts into the index what an earlier release left out of it, in the background: with a million items that takes minutes, and lists read the
/// whole library until then.
fn index_what_is_not(media: &Media) {
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
            let items = store::items::list_unindexed(self.context.db.read(), INDEXED_AT_ONCE).await?;
            if items.is_empty() {
                return Ok(indexed);
            }
            indexed += items.len();
            self.context
                .db
                .write(move |tx| {
                    Box::pin(async move {
                        for item in &items {
                            if store::terms::note(tx, item).await? {
                                store::terms::insert(tx, item).await?;
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
            let items = store::items::list_unclaimed(self.context.db.read(), now, STEP).await?;
            for item in &items {
                tracing::info!(media.id = %item.id, "an item that nobody claimed is removed");
                self.remove_item(&item.id, item.owner).await?;
            }
            let uploads = store::uploads::list_expired(self.context.db.read(), now, STEP).await?;
            for upload in &uploads {
                self.remove_upload(&upload.id, upload.owner).await?;
            }
            if items.len() < STEP && uploads.len() < STEP {
                return Ok(());
            }
        }
    }

    /// Removes objects that are loose, or pending and nobody's; whether all of them are gone.
    pub(crate) async fn sweep_objects(&self) -> Result<bool, Error> {
        let db = &self.context.db;
        let (mut after, mut clean) = (String::new(), true);
        loop {
            let loose = store::objects::list_loose(db, &after).await?;
            let Some(last) = loose.last() else { break };
            last.as_str().clone_into(&mut after);
            let (wanted, gone) = (loose.len(), self.remove_objects(loose).await);
            clean &= gone.len() == wanted;
            store::objects::forget_loose(db, &gone).await?;
        }
        store::objects::forget_settled(db).await?;
        let (instance, boot) = self.keys.boot();
        let abandoned_before = self.context.clock.now() - ABANDONED;
        for of_this_boot in [false, true] {
            let mut after = String::new();
            loop {
                let pending = store::objects::list_pending(db, &instance, &boot, abandoned_before, of_this_boot, &after).await?;
                let Some(last) = pending.last() else { break };
                last.as_str().clone_into(&mut after);
                // Asked after they were listed: a key that is neither free nor held by now was settled, or given up, before.
                let idle: Vec<ObjectKey> = pending.into_iter().filter(|key| !self.keys.is_in_use(key)).collect();
                let named = store::objects::named(db, &idle).await?;
                let nobodys: Vec<ObjectKey> = idle.into_iter().filter(|key| !named.contains(key)).collect();
                let (wanted, gone) = (nobodys.len(), self.remove_objects(nobodys).await);
                clean &= gone.len() == wanted;
                store::objects::forget_pending(db, &gone).await?;
            }
        }
        Ok(clean)
    }

    /// Removes objects; answers which are gone.
    async fn remove_objects(&self, keys: Vec<ObjectKey>) -> Vec<ObjectKey> {
        let removals = stream::iter(keys).map(|key| async move {
            match self.context.objects.remove(&key).await {
                Ok(()) => Some(key),
                Err(error) => {
                    tracing::warn!(object = %key, %error, "an object could not be removed; it will be tried again");
                    None
                }
            }
        });
        removals.buffer_unordered(REMOVALS_AT_ONCE).filter_map(std::future::ready).collect().await
    }

    /// Removes an item: its row, its place in the quota, and its object once no other item has it. `false` where there is none.
    pub(crate) async fn remove_item(&self, id: &MediaId, owner: AccountId) -> Result<bool, Error> {
        let (wanted, now) = (id.clone(), self.context.clock.now());
        let removed = self
            .context
            .db
            .write(move |tx| {
                Box::pin(async move {
                    let bytes = store::items::find_of(tx, &wanted, owner).await?.map(|item| item.bytes);
                    let Some(bytes) = bytes else { return Ok::<_, Error>(None) };
                    // First of all the usage row, so that an upload of equal bytes can't come in between.
                    store::usage::remove(tx, owner, bytes).await?;
                    let Some(item) = store::items::remove(tx, &wanted, owner).await? else { return Err(kit::db::Error::Conflict.into()) };
                    let loose = store::objects::loosen(tx, &item.object, now).await?;
                    tx.publish(&Deleted { id: wanted, owner }, now)?;
                    Ok(Some((item, loose)))
                })
            })
            .await?;
        let Some((item, loose)) = removed else { return Ok(false) };
        self.quota.removed(owner, item.bytes).await;
        if loose {
            remove_loose(self, item.object).await;
        }
        self.news(id);
        Ok(true)
    }

    /// Removes an upload and what it stored. `false` where there is none.
    pub(crate) async fn remove_upload(&self, id: &str, owner: AccountId) -> Result<bool, Error> {
        let (wanted, now) = (id.to_owned(), self.context.clock.now());
        let removed = self
            .context
            .db
            .write(move |tx| {
                Box::pin(async move {
                    let Some(upload) = store::uploads::remove(tx, &wanted, owner).await? else { return Ok::<_, kit::db::Error>(None) };
                    let object = upload.checkpoint.map(|checkpoint| checkpoint.key);
                    if let Some(object) = &object {
                        store::objects::loosen(tx, object, now).await?;
                    }
                    Ok(Some(object))
                })
            })
            .await?;
        let Some(object) = removed else { return Ok(false) };
        if let Some(object) = object {
            remove_loose(self, object).await;
        }
        Ok(true)
    }
}

/// Removes an object that is written down as loose; what fails stays written down.
pub(crate) async fn remove_loose(media: &Media, object: ObjectKey) {
    let media = media.clone();
    tidy(async move {
        let gone = media.remove_objects(vec![object]).await;
        if let Err(error) = store::objects::forget_loose(&media.context.db, &gone).await {
            tracing::warn!(%error, "a removed object could not be forgotten; the sweep will");
        }
    })
    .await;
}

/// Clears something away. Whoever waits for an answer waits for that too, but not for a store that has fallen silent: then it goes on alone.
pub(crate) async fn tidy(work: impl Future<Output = ()> + Send + 'static) {
    // If it panics, the panic is in the log, and the sweep does what it left.
    drop(tokio::time::timeout(MOMENT, tokio::spawn(work)).await);
}
