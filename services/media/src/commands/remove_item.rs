//! Removes items: the row, the quota charge, and the object once no other item refers to it.
//!
//! Invariant: the deletion is published in the transaction that makes it, and the object is removed after it.

use contract::media::Deleted;
use contract::{AccountId, MediaId};
use db::Lane;

use super::orphan_object::remove_orphan;
use crate::Media;
use crate::error::Error;
use crate::item_topic::notify;
use crate::store;

/// Removes an item. Returns `false` where its owner has no such item.
pub(crate) async fn remove_item(media: &Media, id: &MediaId, owner: AccountId) -> Result<bool, Error> {
    remove(media, id, owner, false).await
}

/// Removes an item unless it is claimed by now. Returns `false` where it is, or there is none.
pub(crate) async fn remove_unclaimed_item(media: &Media, id: &MediaId, owner: AccountId) -> Result<bool, Error> {
    remove(media, id, owner, true).await
}

async fn remove(media: &Media, id: &MediaId, owner: AccountId, only_unclaimed: bool) -> Result<bool, Error> {
    let (removed_id, now) = (id.clone(), media.context.clock.now());
    let lane = Lane::of(&owner).and(id);
    let removed = media
        .context
        .db
        .write(lane, async move |tx| {
            let found = store::items::find_owned(tx, &removed_id, owner).await?;
            let Some(found) = found.filter(|item| !(only_unclaimed && item.claimed)) else {
                return Ok::<_, Error>(None);
            };
            store::usage::remove_item(tx, owner, found.bytes).await?;
            let Some(item) = store::items::remove(tx, &removed_id, owner).await? else {
                return Err(db::Error::Conflict.into());
            };
            let orphaned = store::objects::orphan_unless_referenced(tx, &item.object, now).await?;
            tx.publish(&Deleted { id: removed_id, owner }, now)?;
            Ok(Some((item, orphaned)))
        })
        .await?;
    let Some((item, orphaned)) = removed else { return Ok(false) };
    media.quota.item_removed(owner, item.bytes).await;
    if orphaned {
        remove_orphan(media, item.object).await;
    }
    notify(media, id);
    Ok(true)
}
