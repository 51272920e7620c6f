//! Deletes an item, as its owner asks: moves it to the trash, or removes it for good where it does not go there.
//!
//! Invariant: deleting twice never removes for good what the first request moved to the trash, so a client may send
//! the request again.

use contract::{AccountId, MediaId};
use db::Lane;

use super::remove_item::{Removal, finish_removal, remove_row};
use crate::Media;
use crate::error::Error;
use crate::item_topic::notify;
use crate::model::trash;
use crate::store;

/// What became of the item.
enum Deletion {
    NotFound,
    Trashed,
    Removed(Removal),
}

/// Deletes an item. Returns `false` where its owner has no such item outside the trash.
pub(crate) async fn delete_item(media: &Media, id: &MediaId, owner: AccountId) -> Result<bool, Error> {
    loop {
        let (item_id, now) = (id.clone(), media.context.clock.now());
        let (lane, ttl) = (Lane::of(&owner).and(id), media.config.trash_ttl());
        let deleted = media
            .context
            .db
            .write(lane, async move |tx| {
                let Some(item) = store::items::find_in_use(tx, &item_id, owner).await? else {
                    return Ok(Deletion::NotFound);
                };
                let Some(entry) = trash::entry(&item, now, ttl) else {
                    return Ok(Deletion::Removed(remove_row(tx, &item, now).await?));
                };
                let item = store::trash::set_trashed(tx, &item_id, entry).await?.ok_or(db::Error::Conflict)?;
                tx.publish(&item.changed(), now)?;
                Ok::<_, Error>(Deletion::Trashed)
            })
            .await?;
        match deleted {
            Deletion::NotFound => return Ok(false),
            Deletion::Trashed => notify(media, id),
            Deletion::Removed(Removal::TookOut) => continue,
            Deletion::Removed(Removal::Done(removed)) => finish_removal(media, id, owner, removed).await,
        }
        return Ok(true);
    }
}
