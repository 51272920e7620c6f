//! Restores an item from the trash.
//!
//! Invariant: the restoration is published in the transaction that makes it, and what a limited member restores is
//! private.

use contract::media::Visibility;
use contract::{AccountId, MediaId};
use db::Lane;

use crate::Media;
use crate::error::Error;
use crate::item_topic::notify;
use crate::model::Item;
use crate::model::library::Listing;
use crate::store;

/// Restores an item of this owner. Returns it as it is now. Changes nothing where it is not in the trash.
/// Of a member who may not publish, it is private from then on.
pub(crate) async fn restore_item(media: &Media, id: &MediaId, owner: AccountId) -> Result<Item, Error> {
    let (item_id, now) = (id.clone(), media.context.clock.now());
    let lane = Lane::of(&owner).and(id);
    let item = media
        .context
        .db
        .write(lane, async move |tx| {
            let item = store::items::find_owned(tx, &item_id, owner).await?.ok_or(Error::NotFound)?;
            if item.trashed.is_none() {
                return Ok(item);
            }
            let listing = Listing::of_claim(item.claimed, item.subject.as_deref());
            let may_publish = store::standings::find(tx, owner).await?.may_publish(now);
            let visibility = if may_publish { item.visibility } else { Visibility::Private };
            let restored = store::trash::set_restored(tx, &item_id, listing, visibility, now).await?;
            let item = restored.ok_or(Error::NotFound)?;
            tx.publish(&item.changed(), now)?;
            Ok::<_, Error>(item)
        })
        .await?;
    notify(media, id);
    Ok(item)
}
