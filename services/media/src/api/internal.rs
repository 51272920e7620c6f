//! Requests of other roles. The public listener does not route to them.
//!
//! Invariant: the response about an item is the event that was published, brought up to date. Previews are of those
//! items and albums only that everyone may read, and an album's says nothing of other items.

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use contract::media::{
    AlbumPreview, FindAlbumOwner, FindAlbumPreview, FindOwnedItems, FindPreview, FindReceived, OwnedItem, Preview,
    Received,
};
use contract::{AccountId, MediaId, Query as _};
use http_server::{Json, Path};

use crate::Media;
use crate::error::Error;
use crate::model::Item;
use crate::model::album::AlbumId;
use crate::{queries, store};

/// The largest number of items in one query.
const MAX_OWNED_ITEMS: usize = 100;

pub(super) fn router() -> Router<Media> {
    Router::new()
        .route(FindReceived::PATH, get(received))
        .route(FindPreview::PATH, get(preview))
        .route(FindAlbumPreview::PATH, get(album_preview))
        .route(FindAlbumOwner::PATH, get(album_owner))
        .route(FindOwnedItems::PATH, get(owned_items))
}

async fn received(State(media): State<Media>, Path(id): Path<MediaId>) -> Result<Json<Received>, Error> {
    let sql = media.context.db.read();
    let item = store::items::find(sql, &id).await?.ok_or(Error::NotFound)?;
    let scrub = store::items::find_scrub(sql, &id).await?;
    Ok(Json(item.received(scrub)))
}

async fn preview(State(media): State<Media>, Path(id): Path<MediaId>) -> Result<Json<Preview>, Error> {
    let sql = media.context.db.read();
    let item = store::items::find(sql, &id).await?.filter(Item::is_public_or_unlisted).ok_or(Error::NotFound)?;
    queries::check_shown(sql, &item, media.context.clock.now()).await?;
    Ok(Json(item.preview()))
}

async fn album_preview(State(media): State<Media>, Path(id): Path<AlbumId>) -> Result<Json<AlbumPreview>, Error> {
    let sql = media.context.db.read();
    let album = queries::find_album(sql, &id, None, media.context.clock.now()).await?;
    let cover = queries::find_cover(sql, &album, None).await?;
    let item_count = store::album_items::count_shared(sql, &id, album.visibility).await?;
    Ok(Json(album.preview(cover.as_ref(), item_count)))
}

async fn album_owner(State(media): State<Media>, Path(id): Path<AlbumId>) -> Result<Json<AccountId>, Error> {
    let album = store::albums::find(media.context.db.read(), &id).await?.ok_or(Error::NoSuchAlbum)?;
    Ok(Json(album.owner))
}

async fn owned_items(
    State(media): State<Media>,
    Path((owner, ids)): Path<(AccountId, String)>,
) -> Result<Json<Vec<OwnedItem>>, Error> {
    let ids: Vec<MediaId> = ids.split(',').take(MAX_OWNED_ITEMS).filter_map(|id| id.parse().ok()).collect();
    if ids.is_empty() {
        return Ok(Json(Vec::new()));
    }
    let items = store::items::list_owned(media.context.db.read(), owner, &ids).await?;
    Ok(Json(items.iter().filter(|item| item.withheld.is_none()).map(Item::owned).collect()))
}
