//! The assets of an item, which are the files beside its renditions: poster, storyboard, waveform, motion.
//!
//! Invariant: the sprite URLs of a storyboard carry the signature of the request, so that previews work for everyone
//! who may see the item.

use axum::extract::{Path, State};
use axum::response::Response;
use bytes::Bytes;
use http_server::{Binary, Query};

use super::access::Readable;
use super::documentation::{ConditionParams, ConditionResponses, SignatureParams, WaveformView};
use super::images::ImageQuery;
use super::response::{BodySource, CachePolicy, RequestParts, ResponseMeta, respond};
use crate::error::Error;
use crate::model::{Client, content_etag, object_etag};
use crate::queries;
use crate::state::Delivery;

/// The poster of a video (or the cover of a song): as it was made, or in the requested size and format.
///
/// It may be replaced by a better one during the conversion.
#[utoipa::path(
    get,
    path = "/v1/media/{id}/poster",
    operation_id = "get_poster",
    tag = "delivery",
    params(
        ("id" = String, Path, description = "The media id", example = "5kT0vYq8Zb3mXw1RcHs9Ga"),
        ImageQuery,
        ConditionParams,
    ),
    responses(
        (
            status = 200,
            description = "The poster as JPEG; with a size or a format, also as AVIF or WebP",
            body = inline(Binary),
            content_type = "image/*",
            headers(("ETag" = String, description = "Distinguishes this file from all others at this URL")),
        ),
        ConditionResponses,
    ),
    security((), ("token" = [])),
    extensions(("x-codes" = json!([
        "request.invalid",
        "media.not_found",
        "delivery.no_such_file",
        "delivery.not_ready",
        "delivery.busy",
        "delivery.image_too_costly",
        "delivery.image_unsupported",
        "delivery.image_too_large",
        "delivery.image_truncated",
        "delivery.image_damaged",
        "request.precondition_failed",
        "request.range_not_satisfiable",
    ]))),
)]
pub(super) async fn poster(
    State(delivery): State<Delivery>,
    readable: Readable,
    Query(query): Query<ImageQuery>,
    client: Client,
    request: RequestParts,
) -> Result<Response, Error> {
    if !query.is_empty() {
        return super::images::sized_image(&delivery, &readable, &query, client, &request).await;
    }
    asset(&delivery, &readable, &request, "poster").await
}

/// The loudness of a song over time, as JSON.
///
/// For drawing the song before it is loaded. It is there once the item is `ready`.
#[utoipa::path(
    get,
    path = "/v1/media/{id}/waveform",
    operation_id = "get_waveform",
    tag = "delivery",
    params(
        ("id" = String, Path, description = "The media id", example = "5kT0vYq8Zb3mXw1RcHs9Ga"),
        SignatureParams,
        ConditionParams,
    ),
    responses(
        (
            status = 200,
            description = "The waveform",
            body = WaveformView,
            content_type = "application/json",
            headers(("ETag" = String, description = "Distinguishes this file from all others at this URL")),
        ),
        ConditionResponses,
    ),
    security((), ("token" = [])),
    extensions(("x-codes" = json!([
        "media.not_found",
        "delivery.no_such_file",
        "delivery.not_ready",
        "request.precondition_failed",
        "request.range_not_satisfiable",
    ]))),
)]
pub(super) async fn waveform(
    State(delivery): State<Delivery>,
    readable: Readable,
    request: RequestParts,
) -> Result<Response, Error> {
    asset(&delivery, &readable, &request, "waveform").await
}

/// The motion of an animated picture: a muted MP4 to repeat, at most 60 seconds.
///
/// Only photos whose view has a `motion` have one. Supports byte ranges.
#[utoipa::path(
    get,
    path = "/v1/media/{id}/motion.mp4",
    operation_id = "get_motion",
    tag = "delivery",
    params(
        ("id" = String, Path, description = "The media id", example = "5kT0vYq8Zb3mXw1RcHs9Ga"),
        SignatureParams,
        ConditionParams,
    ),
    responses(
        (
            status = 200,
            description = "The motion, with H.264 video and no audio",
            body = inline(Binary),
            content_type = "video/mp4",
            headers(("ETag" = String, description = "Distinguishes this file from all others at this URL")),
        ),
        ConditionResponses,
    ),
    security((), ("token" = [])),
    extensions(("x-codes" = json!([
        "media.not_found",
        "delivery.no_such_file",
        "delivery.not_ready",
        "request.precondition_failed",
        "request.range_not_satisfiable",
    ]))),
)]
pub(super) async fn motion(
    State(delivery): State<Delivery>,
    readable: Readable,
    request: RequestParts,
) -> Result<Response, Error> {
    asset(&delivery, &readable, &request, "motion").await
}

/// One sheet of a storyboard: many small images of the video in one.
///
/// The storyboard says which part of a sheet belongs to which second.
#[utoipa::path(
    get,
    path = "/v1/media/{id}/storyboard/{sheet}",
    operation_id = "get_storyboard_sheet",
    tag = "delivery",
    params(
        ("id" = String, Path, description = "The media id", example = "5kT0vYq8Zb3mXw1RcHs9Ga"),
        ("sheet" = String, Path, description = "`0.jpg`, `1.jpg` …", example = "0.jpg"),
        SignatureParams,
        ConditionParams,
    ),
    responses(
        (
            status = 200,
            description = "The sheet",
            body = inline(Binary),
            content_type = "image/jpeg",
            headers(("ETag" = String, description = "Distinguishes this file from all others at this URL")),
        ),
        ConditionResponses,
    ),
    security((), ("token" = [])),
    extensions(("x-codes" = json!([
        "media.not_found",
        "delivery.no_such_file",
        "delivery.not_ready",
        "request.precondition_failed",
        "request.range_not_satisfiable",
    ]))),
)]
pub(super) async fn sprite(
    State(delivery): State<Delivery>,
    readable: Readable,
    Path(path): Path<(String, String)>,
    request: RequestParts,
) -> Result<Response, Error> {
    let number = super::streams::parse_number(&path.1, ".jpg").ok_or(Error::NoSuchFile)?;
    asset(&delivery, &readable, &request, &format!("storyboard-{number}")).await
}

/// Which part of which sheet shows which second of the video, as WebVTT.
///
/// Players show these images while a person drags along the time line. The URLs in it are relative, and signed if the
/// request was.
#[utoipa::path(
    get,
    path = "/v1/media/{id}/storyboard",
    operation_id = "get_storyboard",
    tag = "delivery",
    params(
        ("id" = String, Path, description = "The media id", example = "5kT0vYq8Zb3mXw1RcHs9Ga"),
        SignatureParams,
        ConditionParams,
    ),
    responses(
        (
            status = 200,
            description = "The storyboard",
            body = String,
            content_type = "text/vtt",
            headers(("ETag" = String, description = "Distinguishes this file from all others at this URL")),
            example = json!("WEBVTT\n\n00:00.000 --> 00:02.000\nstoryboard/0.jpg#xywh=0,0,160,90\n"),
        ),
        ConditionResponses,
    ),
    security((), ("token" = [])),
    extensions(("x-codes" = json!([
        "media.not_found",
        "delivery.not_ready",
        "delivery.busy",
        "request.precondition_failed",
        "request.range_not_satisfiable",
    ]))),
)]
pub(super) async fn storyboard(
    State(delivery): State<Delivery>,
    readable: Readable,
    request: RequestParts,
) -> Result<Response, Error> {
    let playback = queries::get_playback(&delivery, &readable.item.id).await?;
    let asset = playback.assets.get("storyboard").ok_or(Error::NotReady)?;
    let text = delivery.object_cache.get_small(&asset.object).await?;
    let text = if readable.query.is_empty() { text } else { with_query(&text, &readable.query) };
    let etag = content_etag(&text);
    let meta = ResponseMeta {
        contains_urls: true,
        ..ResponseMeta::new(&readable, &etag, "text/vtt; charset=utf-8", CachePolicy::MaxAge(300))
    };
    respond(&delivery.object_cache, &request, meta, BodySource::Memory(text)).await
}

/// Appends the query to the URL of every sprite: lines such as `storyboard/0.jpg#xywh=0,0,160,90`.
fn with_query(text: &[u8], query: &str) -> Bytes {
    let mut signed = String::with_capacity(text.len() * 2);
    for line in String::from_utf8_lossy(text).lines() {
        match line.split_once("#xywh=") {
            Some((url, fragment)) => {
                signed.extend([url, "?", query, "#xywh=", fragment]);
            }
            None => signed.push_str(line),
        }
        signed.push('\n');
    }
    signed.into()
}

async fn asset(
    delivery: &Delivery,
    readable: &Readable,
    request: &RequestParts,
    name: &str,
) -> Result<Response, Error> {
    let playback = queries::get_playback(delivery, &readable.item.id).await?;
    let asset =
        playback.assets.get(name).ok_or(if playback.is_empty() { Error::NotReady } else { Error::NoSuchFile })?;
    let etag = object_etag(&asset.object);
    // A poster may be replaced by a better one during the conversion.
    let meta = ResponseMeta::new(readable, &etag, &asset.content_type, CachePolicy::MaxAge(300));
    respond(&delivery.object_cache, request, meta, BodySource::Object(&asset.object, asset.bytes, None)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sprite_urls_carry_the_signature() {
        let text = b"WEBVTT\n\n00:00.000 --> 00:02.000\nstoryboard/0.jpg#xywh=0,0,160,90\n";
        let signed = with_query(text, "t=abc");
        assert_eq!(&signed[..], b"WEBVTT\n\n00:00.000 --> 00:02.000\nstoryboard/0.jpg?t=abc#xywh=0,0,160,90\n");
    }
}
