//! Takes an item out of an album, or out of all.
//!
//! Invariant: the item itself stays, and a chosen cover that is taken out is no cover any more.

use contract::{AccountId, MediaId};
use db::Lane;

use crate::Media;
use crate::error::Error;
use crate::model::album::AlbumId;
use crate::store;

/// Takes an item out of an album of this owner.
pub(crate) async fn remove_album_item(
    media: &Media,
    id: &AlbumId,
    owner: AccountId,
    removed: MediaId,
) -> Result<(), Error> {
    let (id, now) = (id.clone(), media.context.clock.now());
    let lane = Lane::of(&owner);
    media
        .context
        .db
        .write(lane, async move |tx| {
            store::albums::find_owned(tx, &id, owner).await?.ok_or(Error::NoSuchAlbum)?;
            if !store::album_items::remove(tx, &id, &removed).await? {
                return Err(Error::NotFound);
            }
            store::albums::subtract_item(tx, &[id.to_string()], &removed, now).await?;
            Ok(())
        })
        .await
}
