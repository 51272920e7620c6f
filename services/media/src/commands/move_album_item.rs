//! Moves an item within its album.
//!
//! Invariant: the other items keep their order.

use contract::{AccountId, MediaId};
use db::{Lane, Tx};

use super::renumber_album::AlbumRenumbering;
use crate::Media;
use crate::error::Error;
use crate::model::album::AlbumId;
use crate::model::album_order::{Destination, rank_between};
use crate::store;

/// Moves an item of an album of this owner.
pub(crate) async fn move_album_item(
    media: &Media,
    id: &AlbumId,
    owner: AccountId,
    moved: MediaId,
    destination: Destination,
) -> Result<(), Error> {
    let mut renumbering = AlbumRenumbering::default();
    while !attempt(media, id.clone(), owner, moved.clone(), destination.clone()).await? {
        renumbering.advance(media, id, owner).await?;
    }
    Ok(())
}

/// Moves the item if a rank is free at its destination. Returns whether one was.
async fn attempt(
    media: &Media,
    id: AlbumId,
    owner: AccountId,
    moved: MediaId,
    destination: Destination,
) -> Result<bool, Error> {
    let now = media.context.clock.now();
    let lane = Lane::of(&owner);
    media
        .context
        .db
        .write(lane, async move |tx| {
            store::albums::find_owned(tx, &id, owner).await?.ok_or(Error::NoSuchAlbum)?;
            store::album_items::find_rank(tx, &id, &moved).await?.ok_or(Error::NotFound)?;
            let Some(rank) = free_rank(tx, &id, &destination).await? else { return Ok(false) };
            store::album_items::set_rank(tx, &id, &moved, rank).await?;
            store::albums::add_items(tx, &id, 0, now).await?;
            Ok::<_, Error>(true)
        })
        .await
}

/// Returns the rank of the destination; `None` where none is free. The moved item may be one of the two beside it, and
/// then stays where it is.
async fn free_rank(tx: &Tx, album: &AlbumId, destination: &Destination) -> Result<Option<i64>, Error> {
    let anchor = store::album_items::find_rank(tx, album, destination.anchor()).await?;
    let refused = || Error::Invalid("`before` or `after` must name another item of the album.".to_owned());
    let anchor = anchor.ok_or_else(refused)?;
    Ok(match destination {
        Destination::Before(_) => {
            rank_between(store::album_items::find_previous_rank(tx, album, anchor).await?, Some(anchor))
        }
        Destination::After(_) => {
            rank_between(Some(anchor), store::album_items::find_next_rank(tx, album, anchor).await?)
        }
    })
}
