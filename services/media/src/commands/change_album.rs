//! Changes the title, description, visibility or cover of an album.
//!
//! Invariant: the chosen cover is one of the album's items.

use contract::AccountId;
use db::Lane;

use crate::Media;
use crate::error::Error;
use crate::model::album::{Album, AlbumChange, AlbumId, CoverChange};
use crate::model::standing::publishes;
use crate::store;

/// Changes an album of this owner. Returns it as it is now.
pub(crate) async fn change_album(
    media: &Media,
    id: &AlbumId,
    owner: AccountId,
    change: AlbumChange,
) -> Result<Album, Error> {
    let (id, now) = (id.clone(), media.context.clock.now());
    let lane = Lane::of(&owner);
    media
        .context
        .db
        .write(lane, async move |tx| {
            let album = store::albums::find_owned(tx, &id, owner).await?.ok_or(Error::NoSuchAlbum)?;
            if change.visibility.is_some_and(|after| publishes(album.visibility, after))
                && !store::standings::find(tx, owner).await?.may_publish(now)
            {
                return Err(Error::AccountLimited);
            }
            if let CoverChange::Item(cover) = &change.cover
                && store::album_items::find_rank(tx, &id, cover).await?.is_none()
            {
                return Err(Error::Invalid("`cover` must be an item of the album.".to_owned()));
            }
            store::albums::update(tx, &id, &change, now).await?;
            store::albums::find_owned(tx, &id, owner).await?.ok_or(Error::NoSuchAlbum)
        })
        .await
}
