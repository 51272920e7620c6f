//! Creates an album.
//!
//! Invariant: a member never has more albums than the limit, so the count and the row are one transaction in the lane
//! of the owner.

use contract::media::Visibility;
use contract::{AccountId, MediaId};
use db::Lane;
use http_server::Effect;

use crate::Media;
use crate::error::Error;
use crate::model::album::{Album, AlbumDetails, AlbumId};
use crate::store;

/// Creates an album without items.
pub(crate) async fn create_album(
    media: &Media,
    owner: AccountId,
    details: AlbumDetails,
    effect: Effect,
) -> Result<Album, Error> {
    let (now, max) = (media.context.clock.now(), media.config.max_albums);
    let album = Album {
        id: AlbumId(MediaId::new(&media.context.random)),
        owner,
        title: details.title,
        description: details.description,
        visibility: details.visibility,
        cover: None,
        item_count: 0,
        trashed_count: 0,
        numbering: 0,
        created_at: now,
        updated_at: now,
    };
    let lane = Lane::of(&owner);
    media
        .context
        .db
        .write(lane, async move |tx| {
            if store::usage::find(tx, owner).await?.is_some_and(|usage| usage.closed) {
                return Err(Error::AccountClosed);
            }
            let is_shown = album.visibility != Visibility::Private;
            if is_shown && !store::standings::find(tx, owner).await?.may_publish(now) {
                return Err(Error::AccountLimited);
            }
            if store::albums::count(tx, owner).await? >= max {
                return Err(Error::QuotaAlbums(max));
            }
            store::albums::insert(tx, &album).await?;
            effect.created(tx, format!("/v1/albums/{}", album.id)).await?;
            Ok(album)
        })
        .await
}
