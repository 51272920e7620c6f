//! Requests of other roles. The public listener does not route to them.
//!
//! Invariant: the response about an item is the event that was published, brought up to date; its preview is for those
//! items only that everyone may read.

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use contract::media::{FindPreview, FindReceived, Preview, Received};
use contract::{MediaId, Query as _};
use http_server::{Json, Path};

use crate::Media;
use crate::error::Error;
use crate::model::Item;
use crate::queries;
use crate::store;

pub(super) fn router() -> Router<Media> {
    Router::new().route(FindReceived::PATH, get(received)).route(FindPreview::PATH, get(preview))
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
