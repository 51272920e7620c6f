//! Numbers the items of an album anew, in the same order, so that ranks are free between any two.
//!
//! Invariant: a transaction writes at most [`RENUMBER_BATCH`] items, and after each the order is what it was. So others
//! may add and move items meanwhile, and a renumbering that is interrupted leaves nothing to repair.

use contract::AccountId;
use db::{Lane, Tx};

use crate::Media;
use crate::error::Error;
use crate::model::album::AlbumId;
use crate::model::album_order::{RENUMBER_BATCH, Renumbering};
use crate::store::{album_items, albums};

/// Renumberings to their end after which a write gives up.
const MAX_PASSES: usize = 3;

/// The renumbering that a write of this process goes on with until the ranks that it needs are free. It may be left
/// before its end.
#[derive(Debug, Default)]
pub(super) struct AlbumRenumbering {
    left: Option<Renumbering>,
    passes: usize,
}

impl AlbumRenumbering {
    /// Numbers some items of an album of this owner. Does nothing where there is no such album.
    pub(super) async fn advance(&mut self, media: &Media, id: &AlbumId, owner: AccountId) -> Result<(), Error> {
        if self.passes == MAX_PASSES {
            return Err(db::Error::Conflict.into());
        }
        let (album, left) = (id.clone(), self.left);
        let lane = Lane::of(&owner);
        self.left = media.context.db.write(lane, async move |tx| step(tx, &album, left).await).await?;
        self.passes += usize::from(self.left.is_none());
        Ok(())
    }
}

/// Numbers some items. Returns what is left; `None` at the end, and where an item has moved beyond those that are
/// numbered already: then there is room where it was placed.
async fn step(tx: &Tx, album: &AlbumId, so_far: Option<Renumbering>) -> Result<Option<Renumbering>, Error> {
    let begun = match so_far {
        Some(renumbering) => Some(renumbering),
        None => begin(tx, album).await?,
    };
    let Some(renumbering) = begun else { return Ok(None) };
    let no_room = || db::Error::Corrupt("an album's order");
    let next_rank = album_items::find_rank_inside(tx, album, renumbering, RENUMBER_BATCH).await?;
    if let Some(rank) = next_rank
        && !renumbering.after(RENUMBER_BATCH).ok_or_else(no_room)?.encloses(rank)
    {
        return Ok(None);
    }
    let count = album_items::renumber(tx, album, renumbering, RENUMBER_BATCH).await?;
    let left = renumbering.after(count).ok_or_else(no_room)?;
    Ok(next_rank.is_some().then_some(left))
}

async fn begin(tx: &Tx, album: &AlbumId) -> Result<Option<Renumbering>, Error> {
    let Some(found) = albums::find(tx, album).await? else { return Ok(None) };
    let (first, last) = (album_items::find_first_rank(tx, album).await?, album_items::find_last_rank(tx, album).await?);
    let Some((first, last)) = first.zip(last) else { return Ok(None) };
    let renumbering = Renumbering::begin(first, last, found.item_count);
    Ok(Some(renumbering.ok_or(db::Error::Corrupt("an album's order"))?))
}
