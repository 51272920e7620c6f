//! Removes an album. Its items stay.
//!
//! Invariant: the album is there until it has no items, so an interrupted removal leaves no row that nothing names.

use contract::AccountId;
use db::Lane;

use crate::Media;
use crate::error::Error;
use crate::model::album::AlbumId;
use crate::store;

/// Items that one transaction takes out.
const BATCH: u64 = 500;

/// What one transaction did.
enum Step {
    NotFound,
    /// There are more items.
    TookOut,
    Removed,
}

/// Removes an album. Returns `false` where its owner has no such album.
pub(crate) async fn remove_album(media: &Media, id: &AlbumId, owner: AccountId) -> Result<bool, Error> {
    let mut is_found = false;
    loop {
        match step(media, id.clone(), owner).await? {
            Step::NotFound => return Ok(is_found),
            Step::TookOut => is_found = true,
            Step::Removed => return Ok(true),
        }
    }
}

async fn step(media: &Media, id: AlbumId, owner: AccountId) -> Result<Step, Error> {
    let lane = Lane::of(&owner);
    media
        .context
        .db
        .write(lane, async move |tx| {
            if store::albums::find_owned(tx, &id, owner).await?.is_none() {
                return Ok::<_, Error>(Step::NotFound);
            }
            let count = store::album_items::remove_some(tx, &id, BATCH).await?;
            if count == BATCH {
                store::albums::subtract_items(tx, &id, count).await?;
                return Ok(Step::TookOut);
            }
            store::albums::remove(tx, &id).await?;
            Ok(Step::Removed)
        })
        .await
}
