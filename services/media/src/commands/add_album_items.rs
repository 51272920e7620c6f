//! Adds items to an album, behind those that it has.
//!
//! Invariant: all items of a request are added or none, and each is of the library of the album's owner.

use contract::{AccountId, MediaId};
use db::Lane;

use super::renumber_album::AlbumRenumbering;
use crate::Media;
use crate::error::Error;
use crate::model::album::{Album, AlbumId};
use crate::model::album_order::ranks_after;
use crate::model::library::Listing;
use crate::store;
use crate::store::album_items::RankedItem;

/// Adds items to an album of this owner, those that it does not have yet. Returns the album as it is now.
pub(crate) async fn add_album_items(
    media: &Media,
    id: &AlbumId,
    owner: AccountId,
    ids: Vec<MediaId>,
) -> Result<Album, Error> {
    let mut renumbering = AlbumRenumbering::default();
    loop {
        if let Some(album) = attempt(media, id.clone(), owner, ids.clone()).await? {
            return Ok(album);
        }
        renumbering.advance(media, id, owner).await?;
    }
}

/// Adds the items if enough ranks are free behind the last one. Returns `None` where they are not.
async fn attempt(media: &Media, id: AlbumId, owner: AccountId, ids: Vec<MediaId>) -> Result<Option<Album>, Error> {
    let (now, max) = (media.context.clock.now(), media.config.max_album_items);
    let lane = Lane::of(&owner);
    media
        .context
        .db
        .write(lane, async move |tx| {
            let album = store::albums::find_owned(tx, &id, owner).await?.ok_or(Error::NoSuchAlbum)?;
            let owned = store::items::list_owned(tx, owner, &ids).await?;
            let is_in_library =
                |id: &MediaId| owned.iter().any(|item| item.id == *id && Listing::of(item) == Listing::Library);
            if let Some(missing) = ids.iter().find(|id| !is_in_library(id)) {
                return Err(Error::NotInLibrary(missing.to_string()));
            }
            let present = store::album_items::list_present(tx, &id, &ids).await?;
            let new: Vec<MediaId> = ids.into_iter().filter(|id| !present.contains(id)).collect();
            if new.is_empty() {
                return Ok(Some(album));
            }
            if album.item_count + new.len() as u64 > max {
                return Err(Error::AlbumFull { items: album.item_count, max });
            }
            let last = store::album_items::find_last_rank(tx, &id).await?;
            let Some(ranks) = ranks_after(last, new.len()) else { return Ok(None) };
            let items: Vec<RankedItem> = new.into_iter().zip(ranks).map(|(id, rank)| RankedItem { rank, id }).collect();
            store::album_items::insert(tx, &id, &items, now).await?;
            store::albums::add_items(tx, &id, items.len(), now).await?;
            store::albums::find_owned(tx, &id, owner).await?.ok_or(Error::NoSuchAlbum).map(Some)
        })
        .await
}
