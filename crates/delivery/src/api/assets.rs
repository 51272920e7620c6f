//! The assets of an item, which are the files beside its renditions: poster, storyboard, waveform.
//!
//! Invariant: the sprite URLs of a storyboard carry the signature of the request, so that previews work for everyone
//! who may see the item.

use axum::extract::{Path, State};
use axum::response::Response;
use bytes::Bytes;
use kit::http::Query;
use sha2::{Digest as _, Sha256};

use super::access::Readable;
use super::images::ImageQuery;
use super::response::{BodySource, CachePolicy, RequestParts, ResponseMeta, respond};
use crate::Delivery;
use crate::error::Error;
use crate::model::Client;

/// The poster of a video (or the cover of a song): as it was made, or in the requested size and format.
#[utoipa::path(
    get,
    path = "/v1/media/{id}/poster",
    tag = "delivery",
    params(("id" = String, Path, description = "The media id"), ImageQuery),
    responses((status = 200, description = "The poster", content_type = "image/jpeg"))
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
#[utoipa::path(
    get,
    path = "/v1/media/{id}/waveform",
    tag = "delivery",
    params(("id" = String, Path, description = "The media id"), ("t" = Option<String>, Query, description = "The signature of a signed URL")),
    responses((status = 200, description = "The waveform", content_type = "application/json"))
)]
pub(super) async fn waveform(
    State(delivery): State<Delivery>,
    readable: Readable,
    request: RequestParts,
) -> Result<Response, Error> {
    asset(&delivery, &readable, &request, "waveform").await
}

/// One sheet of a storyboard: many small images of the video in one.
#[utoipa::path(
    get,
    path = "/v1/media/{id}/storyboard/{sheet}",
    tag = "delivery",
    params(
        ("id" = String, Path, description = "The media id"),
        ("sheet" = String, Path, description = "`0.jpg`, `1.jpg` …"),
        ("t" = Option<String>, Query, description = "The signature of a signed URL")
    ),
    responses((status = 200, description = "The sheet", content_type = "image/jpeg"))
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
#[utoipa::path(
    get,
    path = "/v1/media/{id}/storyboard",
    tag = "delivery",
    params(("id" = String, Path, description = "The media id"), ("t" = Option<String>, Query, description = "The signature of a signed URL")),
    responses((status = 200, description = "The storyboard", content_type = "text/vtt"))
)]
pub(super) async fn storyboard(
    State(delivery): State<Delivery>,
    readable: Readable,
    request: RequestParts,
) -> Result<Response, Error> {
    let playback = delivery.catalog.playback(&readable.item.id).await?;
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
    let playback = delivery.catalog.playback(&readable.item.id).await?;
    let asset =
        playback.assets.get(name).ok_or(if playback.is_empty() { Error::NotReady } else { Error::NoSuchFile })?;
    let etag = asset.object.as_str().replace('/', "");
    // A poster may be replaced by a better one during the conversion.
    let meta = ResponseMeta::new(readable, &etag, &asset.content_type, CachePolicy::MaxAge(300));
    respond(&delivery.object_cache, request, meta, BodySource::Object(&asset.object, asset.bytes, None)).await
}

/// Returns the ETag of a text.
pub(super) fn content_etag(text: &[u8]) -> String {
    codec::digest::hex(&Sha256::digest(text)[..12])
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
