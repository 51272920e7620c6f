//! Adds items to an album, behind those that it has.
//!
//! Invariant: all items of a request are added or none, and each is of the library of the album's owner.

use contract::{AccountId, MediaId};
use db::{Lane, Tx};

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
    let (id, now, max) = (id.clone(), media.context.clock.now(), media.config.max_album_items);
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
                return Ok(album);
            }
            if album.item_count + new.len() as u64 > max {
                return Err(Error::AlbumFull { items: album.item_count, max });
            }
            let ranks = free_ranks(tx, &id, new.len()).await?;
            let items: Vec<RankedItem> = new.into_iter().zip(ranks).map(|(id, rank)| RankedItem { rank, id }).collect();
            store::album_items::insert(tx, &id, &items, now).await?;
            store::albums::add_items(tx, &id, items.len(), now).await?;
            store::albums::find_owned(tx, &id, owner).await?.ok_or(Error::NoSuchAlbum)
        })
        .await
}

/// Returns the ranks of `count` items behind the last one. Where they do not fit, the items are numbered anew first.
async fn free_ranks(tx: &Tx, album: &AlbumId, count: usize) -> Result<Vec<i64>, db::Error> {
    if let Some(ranks) = ranks_after(store::album_items::find_last_rank(tx, album).await?, count) {
        return Ok(ranks);
    }
    store::album_items::renumber(tx, album).await?;
    let last = store::album_items::find_last_rank(tx, album).await?;
    ranks_after(last, count).ok_or(db::Error::Corrupt("an album's order"))
}
