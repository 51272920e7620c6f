//! Whole files: the untouched original for its owner, the scrubbed file for everyone who may see the item.
//!
//! Invariant: what `/v1/files` hands out has every overlay laid on, also across the edges of ranges; where the overlays are not
//! known, it hands out nothing. A file's type and extension are what its bytes are, whatever its name says.

use axum::extract::{Path, State};
use axum::response::Response;
use codec::filename::{content_disposition, with_extension};
use codec::sniff::{Format, Kind};

use super::access::{OriginalAccess, Readable};
use super::redirect::presigned_redirect;
use super::response::{BodySource, CachePolicy, RequestParts, ResponseMeta, respond};
use crate::Delivery;
use crate::error::Error;
use crate::model::Item;
use crate::object_cache::Overlays;

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
pub(super) async fn original(State(delivery): State<Delivery>, OriginalAccess(readable): OriginalAccess, request: RequestParts) -> Result<Response, Error> {
    let item = &readable.item;
    let file = FileHeaders::of(item, true);
    if let Some(redirect) = presigned_redirect(&delivery, &request, &readable, &file).await? {
        return Ok(redirect);
    }
    let meta = ResponseMeta { disposition: Some(file.disposition), ..ResponseMeta::new(&readable, &item.sha256, file.content_type, CachePolicy::Immutable) };
    respond(&delivery.object_cache, &request, meta, BodySource::Object(&item.object, item.bytes, None)).await
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
pub(super) async fn file(State(delivery): State<Delivery>, readable: Readable, Path(name): Path<String>, request: RequestParts) -> Result<Response, Error> {
    let item = &readable.item;
    if name.split_once('.').is_none_or(|(_, extension)| extension != item.format) {
        return Err(Error::NotFound);
    }
    let patches = item.scrub.as_ref().ok_or(Error::Withheld)?;
    let overlays = (!patches.is_empty()).then(|| Overlays(item.clone()));
    let file = FileHeaders::of(item, false);
    if overlays.is_none()
        && let Some(redirect) = presigned_redirect(&delivery, &request, &readable, &file).await?
    {
        return Ok(redirect);
    }
    let etag = format!("{}-s", item.sha256);
    let meta = ResponseMeta { disposition: Some(file.disposition), ..ResponseMeta::new(&readable, &etag, file.content_type, CachePolicy::Immutable) };
    respond(&delivery.object_cache, &request, meta, BodySource::Object(&item.object, item.bytes, overlays)).await
}

/// How a stranger's file is called and typed for its reader.
pub(super) struct FileHeaders<'a> {
    pub content_type: &'a str,
    pub disposition: String,
}

impl<'a> FileHeaders<'a> {
    /// The name ends with what the bytes are, never with what their sender said; what is not one of our media types is saved, not shown.
    pub fn of(item: &'a Item, attachment: bool) -> Self {
        let kinds = [Kind::Photo, Kind::Audio, Kind::Video];
        let format = item.format.parse::<Format>().ok();
        match format.filter(|format| kinds.iter().any(|kind| format.content_type_as(*kind) == item.content_type)) {
            Some(format) => Self { content_type: &item.content_type, disposition: content_disposition(attachment, &with_extension(&item.name, format)) },
            None => Self { content_type: "application/octet-stream", disposition: content_disposition(true, &format!("{}.bin", item.name)) },
        }
    }
}
