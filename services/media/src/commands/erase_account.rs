//! Removes everything of a member whose account was erased.
//!
//! Invariant: the account is closed first, so that uploads in flight are refused and nothing appears behind the
//! removal.

use contract::AccountId;
use db::Lane;
use http_server::Idempotency;

use super::remove_album::remove_album;
use super::remove_item::remove_item;
use super::remove_upload::remove_upload;
use crate::Media;
use crate::error::Error;
use crate::store;

/// Uploads, albums and items that are listed at once.
const BATCH: usize = 100;

/// Closes an account, and removes its uploads, albums, items, privacy and idempotency keys.
pub(crate) async fn erase_account(media: &Media, owner: AccountId) -> Result<(), Error> {
    let (db, now) = (&media.context.db, media.context.clock.now());
    let lane = Lane::of(&owner);
    db.write(lane, async move |tx| Ok::<_, Error>(store::usage::set_closed(tx, owner, now).await?)).await?;
    loop {
        let uploads = store::uploads::list_by_owner(db.read(), owner, BATCH).await?;
        for upload in &uploads {
            remove_upload(media, &upload.id, owner).await?;
        }
        let albums = store::albums::list(db.read(), owner, None, BATCH).await?;
        for album in &albums {
            remove_album(media, &album.id, owner).await?;
        }
        let items = store::items::list_by_owner(db.read(), owner, BATCH).await?;
        for item in &items {
            remove_item(media, &item.id, owner).await?;
        }
        if uploads.is_empty() && albums.is_empty() && items.is_empty() {
            // Until here, they hide what is left.
            db.write(Lane::of(&owner), async move |tx| {
                store::standings::remove(tx, owner).await?;
                store::private_members::remove(tx, owner).await
            })
            .await?;
            return Ok(Idempotency::forget(db, owner.0).await?);
        }
    }
}
