//! Removes items for good: the row, its places in albums, its captions, the links to it, the hashes of its pictures,
//! the quota charge, and the object once no other item refers to it.
//!
//! Invariant: the deletion is published in the transaction that makes it, and the object is removed after it.

use chrono::{DateTime, Utc};
use contract::media::Deleted;
use contract::{AccountId, MediaId, ObjectKey};
use db::{Lane, Tx};

use super::orphan_object::remove_orphan;
use crate::Media;
use crate::error::Error;
use crate::item_topic::notify;
use crate::model::Item;
use crate::store;

/// Albums that one transaction takes an item out of.
const ALBUM_BATCH: u64 = 500;

/// A removed item, as far as its removal has more to do after the transaction.
pub(super) struct RemovedItem {
    bytes: u64,
    /// The object, if no other row names it.
    orphaned: Option<ObjectKey>,
}

/// What one transaction did.
pub(super) enum Removal {
    /// It took the item out of albums; more may have it.
    TookOut,
    Done(RemovedItem),
}

/// Removes an item, in the trash or not. Returns `false` where its owner has no such item.
pub(crate) async fn remove_item(media: &Media, id: &MediaId, owner: AccountId) -> Result<bool, Error> {
    remove(media, id, owner, |_, _| true).await
}

/// Removes an item unless it is claimed by now. Returns `false` where it is, or there is none.
pub(crate) async fn remove_unclaimed_item(media: &Media, id: &MediaId, owner: AccountId) -> Result<bool, Error> {
    remove(media, id, owner, |item, _| !item.claimed).await
}

/// Removes an item whose time in the trash is up. Returns `false` where it was restored, or there is none.
pub(crate) async fn purge_item(media: &Media, id: &MediaId, owner: AccountId) -> Result<bool, Error> {
    remove(media, id, owner, |item, now| item.trashed.is_some_and(|trashed| trashed.purges_at <= now)).await
}

async fn remove(
    media: &Media,
    id: &MediaId,
    owner: AccountId,
    may_remove: fn(&Item, DateTime<Utc>) -> bool,
) -> Result<bool, Error> {
    loop {
        let (removed_id, now) = (id.clone(), media.context.clock.now());
        let lane = Lane::of(&owner).and(id);
        let step = media
            .context
            .db
            .write(lane, async move |tx| {
                let found = store::items::find_owned(tx, &removed_id, owner).await?;
                match found.filter(|item| may_remove(item, now)) {
                    Some(item) => remove_row(tx, &item, now).await.map(Some),
                    None => Ok(None),
                }
            })
            .await?;
        match step {
            None => return Ok(false),
            Some(Removal::TookOut) => {}
            Some(Removal::Done(removed)) => {
                finish_removal(media, id, owner, removed).await;
                return Ok(true);
            }
        }
    }
}

/// Removes the row of an item and its charge, and publishes that it is deleted; from the last of many albums only with
/// the next call. The caller holds the lanes of its owner and of the item.
pub(super) async fn remove_row(tx: &Tx, item: &Item, now: DateTime<Utc>) -> Result<Removal, Error> {
    let (id, owner) = (item.id.clone(), item.owner);
    if store::album_items::remove_from_albums(tx, &id, ALBUM_BATCH, now).await? == ALBUM_BATCH {
        return Ok(Removal::TookOut);
    }
    store::usage::remove_item(tx, owner, item.charged_bytes()).await?;
    store::captions::remove_all(tx, &id).await?;
    store::share_links::remove_all(tx, &id).await?;
    store::pictures::remove_all(tx, &id).await?;
    let Some(item) = store::items::remove(tx, &id, owner).await? else {
        return Err(db::Error::Conflict.into());
    };
    let is_orphan = store::objects::orphan_unless_referenced(tx, &item.object, now).await?;
    if is_orphan {
        store::night_shift::release_by(tx, &item.object, now).await?;
    }
    tx.publish(&Deleted { id, owner }, now)?;
    Ok(Removal::Done(RemovedItem { bytes: item.charged_bytes(), orphaned: is_orphan.then_some(item.object) }))
}

/// Does what follows the transaction of [`remove_row`].
pub(super) async fn finish_removal(media: &Media, id: &MediaId, owner: AccountId, removed: RemovedItem) {
    media.quota.item_removed(owner, removed.bytes).await;
    if let Some(object) = removed.orphaned {
        remove_orphan(media, object).await;
    }
    notify(media, id);
}
