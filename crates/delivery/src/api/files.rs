//! Whole files: the unchanged original for its owner, the scrubbed file for everyone who may see the item.
//!
//! Invariant: `/v1/files` serves files with every overlay applied, also across the edges of ranges; where the overlays
//! are not known, it serves nothing. The type and extension of a file follow from its bytes, whatever its name is.

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

/// The unchanged original, as it was uploaded, with all its metadata.
///
/// For its owner, and for holders of a URL that the owner signed for it. Supports byte ranges.
#[utoipa::path(
    get,
    path = "/v1/media/{id}/original",
    tag = "delivery",
    params(("id" = String, Path, description = "The media id"), ("t" = Option<String>, Query, description = "The signature of a signed URL")),
    responses((status = 200, description = "The file"), (status = 206, description = "A range of it"), (status = 307, description = "The file is at this URL of the object store, for ten minutes"))
)]
pub(super) async fn original(
    State(delivery): State<Delivery>,
    OriginalAccess(readable): OriginalAccess,
    request: RequestParts,
) -> Result<Response, Error> {
    let item = &readable.item;
    let file = FileHeaders::of(item, true);
    if let Some(redirect) = presigned_redirect(&delivery, &request, &readable, &file).await? {
        return Ok(redirect);
    }
    let meta = ResponseMeta {
        disposition: Some(file.disposition),
        ..ResponseMeta::new(&readable, &item.sha256, file.content_type, CachePolicy::Immutable)
    };
    respond(&delivery.object_cache, &request, meta, BodySource::Object(&item.object, item.bytes, None)).await
}

/// The whole file without the metadata that tells where and by whom it was made.
///
/// `name` is the media id, a dot and the format of the file, such as `5kT0vYq8Zb3mXw1RcHs9Ga.jpeg`. Supports byte
/// ranges.
#[utoipa::path(
    get,
    path = "/v1/files/{name}",
    tag = "delivery",
    params(("name" = String, Path, description = "The media id, a dot and the format"), ("t" = Option<String>, Query, description = "The signature of a signed URL")),
    responses((status = 200, description = "The file"), (status = 206, description = "A range of it"), (status = 307, description = "The file is at this URL of the object store, for ten minutes"))
)]
pub(super) async fn file(
    State(delivery): State<Delivery>,
    readable: Readable,
    Path(name): Path<String>,
    request: RequestParts,
) -> Result<Response, Error> {
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
    let meta = ResponseMeta {
        disposition: Some(file.disposition),
        ..ResponseMeta::new(&readable, &etag, file.content_type, CachePolicy::Immutable)
    };
    respond(&delivery.object_cache, &request, meta, BodySource::Object(&item.object, item.bytes, overlays)).await
}

/// The headers that name and type a file that a member uploaded.
pub(super) struct FileHeaders<'a> {
    pub content_type: &'a str,
    pub disposition: String,
}

impl<'a> FileHeaders<'a> {
    /// The extension follows from the bytes, never from what the uploader stated. A type that is not a supported media
    /// type is downloaded, not displayed.
    pub fn of(item: &'a Item, attachment: bool) -> Self {
        let kinds = [Kind::Photo, Kind::Audio, Kind::Video];
        let format = item.format.parse::<Format>().ok();
        match format.filter(|format| kinds.iter().any(|kind| format.content_type_as(*kind) == item.content_type)) {
            Some(format) => Self {
                content_type: &item.content_type,
                disposition: content_disposition(attachment, &with_extension(&item.name, format)),
            },
            None => Self {
                content_type: "application/octet-stream",
                disposition: content_disposition(true, &format!("{}.bin", item.name)),
            },
        }
    }
}
