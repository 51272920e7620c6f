//! Whole files: the untouched original for its owner, the scrubbed file for everyone who may see the item.
//!
//! Invariant: what `/v1/files` hands out has every overlay laid on, also across the edges of ranges; where the overlays are not
//! known, it hands out nothing.

use axum::extract::{Path, State};
use axum::response::Response;
use codec::name::content_disposition;

use super::access::{Owned, Readable};
use super::direct::elsewhere;
use crate::Delivery;
use crate::error::Error;
use crate::respond::{Asking, Lasts, Sheet, Source, respond};
use crate::shelf::Overlays;

/// The untouched original, as it was uploaded, with all its metadata.
///
/// For its owner, or with an address that the owner made for it. Takes byte ranges.
#[utoipa::path(
    get,
    path = "/v1/media/{id}/original",
    tag = "delivery",
    params(("id" = String, Path, description = "The media id"), ("t" = Option<String>, Query, description = "A signed permission")),
    responses((status = 200, description = "The file"), (status = 206, description = "A range of it"), (status = 307, description = "The file is at this address of the store, for ten minutes"))
)]
pub(super) async fn original(State(delivery): State<Delivery>, Owned(readable): Owned, asking: Asking) -> Result<Response, Error> {
    let item = &readable.item;
    let disposition = content_disposition(true, &item.name);
    if let Some(elsewhere) = elsewhere(&delivery, &asking, &readable, &disposition).await? {
        return Ok(elsewhere);
    }
    let sheet = Sheet { disposition: Some(disposition), foreign: true, ..Sheet::ours(&readable, &item.sha256, &item.content_type, Lasts::Ever) };
    respond(&delivery.shelf, &asking, sheet, Source::Object(&item.object, item.bytes, None)).await
}

/// The whole file without the metadata that tells where and by whom it was made.
///
/// `name` is the media id, a dot and the file's format, such as `5kT0vYq8Zb3mXw1RcHs9Ga.jpeg`. Takes byte ranges.
#[utoipa::path(
    get,
    path = "/v1/files/{name}",
    tag = "delivery",
    params(("name" = String, Path, description = "The media id, a dot and the format"), ("t" = Option<String>, Query, description = "A signed permission")),
    responses((status = 200, description = "The file"), (status = 206, description = "A range of it"), (status = 307, description = "The file is at this address of the store, for ten minutes"))
)]
pub(super) async fn file(State(delivery): State<Delivery>, readable: Readable, Path(name): Path<String>, asking: Asking) -> Result<Response, Error> {
    let item = &readable.item;
    if name.split_once('.').is_none_or(|(_, ending)| ending != item.format) {
        return Err(Error::NotFound);
    }
    let patches = item.scrub.as_ref().ok_or(Error::Withheld)?;
    let overlays = (!patches.is_empty()).then(|| Overlays(item.clone()));
    let disposition = content_disposition(false, &item.name);
    if overlays.is_none()
        && let Some(elsewhere) = elsewhere(&delivery, &asking, &readable, &disposition).await?
    {
        return Ok(elsewhere);
    }
    let etag = format!("{}-s", item.sha256);
    let sheet = Sheet { disposition: Some(disposition), foreign: true, ..Sheet::ours(&readable, &etag, &item.content_type, Lasts::Ever) };
    respond(&delivery.shelf, &asking, sheet, Source::Object(&item.object, item.bytes, overlays)).await
}
