//! Whole files: the original for its owner, the scrubbed file for everyone who may see the item.
//!
//! Invariant: `/v1/files` serves files with every overlay applied, also across the edges of ranges; where the overlays
//! are not known, it serves nothing. The type and extension of a file follow from its bytes, whatever its name is.

use axum::extract::{Path, State};
use axum::response::Response;
use http_server::Binary;

use super::access::{OriginalAccess, Readable};
use super::documentation::{ConditionParams, ConditionResponses, RedirectResponse, SignatureParams};
use super::file_headers::FileHeaders;
use super::redirect::presigned_redirect;
use super::response::{BodySource, CachePolicy, RequestParts, ResponseMeta, respond};
use crate::error::Error;
use crate::object_cache::Overlays;
use crate::state::Delivery;

/// The original, as it was uploaded, with all its metadata.
///
/// Where the server compresses stored photos again (by default it does not), a JPEG or PNG has the same pixels and the
/// same metadata in fewer bytes since then, and `sha256` is the digest of these.
///
/// For its owner, and for holders of a URL that the owner signed for it. Supports byte ranges.
#[utoipa::path(
    get,
    path = "/v1/media/{id}/original",
    operation_id = "get_original",
    tag = "delivery",
    params(
        ("id" = String, Path, description = "The media id", example = "5kT0vYq8Zb3mXw1RcHs9Ga"),
        SignatureParams,
        ConditionParams,
    ),
    responses(
        (
            status = 200,
            description = "The file",
            body = inline(Binary),
            content_type = "*/*",
            headers(("ETag" = String, description = "Distinguishes this file from all others at this URL")),
        ),
        ConditionResponses,
        RedirectResponse,
    ),
    security((), ("token" = [])),
    extensions(("x-codes" = json!([
        "media.not_found",
        "auth.required",
        "auth.not_owner",
        "request.precondition_failed",
        "request.range_not_satisfiable",
    ]))),
)]
pub(super) async fn original(
    State(delivery): State<Delivery>,
    OriginalAccess(readable): OriginalAccess,
    request: RequestParts,
) -> Result<Response, Error> {
    let file = FileHeaders::of(&readable.item, true);
    send_file(&delivery, &request, &readable, file, &readable.item.sha256, None).await
}

/// The whole file without the metadata that tells where and by whom it was made.
///
/// `name` is the media id, a dot and the format of the file, such as `5kT0vYq8Zb3mXw1RcHs9Ga.jpeg`. Supports byte
/// ranges.
#[utoipa::path(
    get,
    path = "/v1/files/{name}",
    operation_id = "get_file",
    tag = "delivery",
    params(
        (
            "name" = String,
            Path,
            description = "The media id, a dot and the format",
            example = "5kT0vYq8Zb3mXw1RcHs9Ga.jpeg",
        ),
        SignatureParams,
        ConditionParams,
    ),
    responses(
        (
            status = 200,
            description = "The file",
            body = inline(Binary),
            content_type = "*/*",
            headers(("ETag" = String, description = "Distinguishes this file from all others at this URL")),
        ),
        ConditionResponses,
        RedirectResponse,
    ),
    security((), ("token" = [])),
    extensions(("x-codes" = json!([
        "media.not_found",
        "delivery.withheld",
        "request.precondition_failed",
        "request.range_not_satisfiable",
    ]))),
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
    let (file, etag) = (FileHeaders::of(item, false), format!("{}-s", item.sha256));
    send_file(&delivery, &request, &readable, file, &etag, overlays).await
}

/// Responds with the file of an item, or with a redirect to it. Bytes with overlays are only here.
async fn send_file(
    delivery: &Delivery,
    request: &RequestParts,
    readable: &Readable,
    file: FileHeaders<'_>,
    etag: &str,
    overlays: Option<Overlays>,
) -> Result<Response, Error> {
    if overlays.is_none()
        && let Some(redirect) = presigned_redirect(delivery, request, readable, &file).await?
    {
        return Ok(redirect);
    }
    let meta = ResponseMeta {
        disposition: Some(file.disposition),
        ..ResponseMeta::new(readable, etag, file.content_type, CachePolicy::Immutable)
    };
    let source = BodySource::Object(&readable.item.object, readable.item.bytes, overlays);
    respond(&delivery.object_cache, request, meta, source).await
}
