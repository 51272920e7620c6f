//! An image in the size and format that suit the client.
//!
//! An AVIF costs ten times as much to render as a WebP. A client that accepts both gets small AVIFs at once, and a WebP
//! otherwise. When the same WebP is read again and again, its AVIF is rendered while the processor is idle, and from
//! then on `auto` means the AVIF. Until then the response may be cached for five minutes only. Invariant: an image is
//! never larger than its source.

use axum::extract::State;
use axum::response::Response;
use codec::pixels::{Encoding, Fit, Frame};
use contract::media::Kind;
use http::header;
use http_server::{Binary, Query};
use serde::Deserialize;

use super::access::Readable;
use super::documentation::{ConditionParams, ConditionResponses};
use super::response::{BodySource, CachePolicy, RequestParts, ResponseMeta, respond};
use crate::error::Error;
use crate::image_renderer::{RenderedImage, SourceImage};
use crate::model::variant::MAX_REQUESTED_SIDE_PX;
use crate::model::{Client, FormatPreference, Variant, accept, object_etag, variant};
use crate::queries;
use crate::state::Delivery;

/// The largest AVIF that is rendered while its client waits, in pixels: about a tenth of a second.
const MAX_IMMEDIATE_AVIF_PIXELS: u64 = 256 * 256;
const FALLBACK_MAX_AGE_SECONDS: u32 = 300;
/// Formats that are decoded from the original; for others, transcode makes an upright JPEG.
const DECODABLE_FORMATS: [&str; 4] = ["jpeg", "png", "webp", "gif"];

/// How an image is fitted into its frame.
#[derive(Debug, Clone, Copy, Default, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum FitParam {
    /// The whole image is visible.
    #[default]
    Contain,
    /// The image fills the frame and is cropped. Needs `w` and `h`.
    Cover,
}

/// The requested size and format.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ImageQuery {
    /// Width in pixels, 1–10,000; rounded up to a size that is rendered.
    #[param(minimum = 1, maximum = 10_000, example = 640)]
    w: Option<u32>,
    /// Height in pixels, 1–10,000.
    #[param(minimum = 1, maximum = 10_000, example = 480)]
    h: Option<u32>,
    /// How it is fitted into the frame; `contain` by default.
    #[param(inline, example = "cover")]
    fit: Option<FitParam>,
    /// The file format; `auto`, the default, follows the Accept header.
    #[param(inline, example = "webp")]
    format: Option<FormatPreference>,
    /// The signature of a signed URL. Without one, the access token decides.
    #[serde(rename = "t")]
    #[param(example = "t5yo00.mBq0v4c6nQ1T8yWkZr2e5A")]
    #[allow(dead_code, reason = "`access` reads it")]
    signature: Option<String>,
}

impl ImageQuery {
    /// Returns whether no parameter is set.
    pub(super) fn is_empty(&self) -> bool {
        self.w.is_none() && self.h.is_none() && self.fit.is_none() && self.format.is_none()
    }
}

/// A photo, or the poster of a video, in any size up to 2560 pixels, without metadata.
///
/// The first request for a size may wait while it is rendered.
#[utoipa::path(
    get,
    path = "/v1/media/{id}/image",
    operation_id = "get_image",
    tag = "delivery",
    params(
        ("id" = String, Path, description = "The media id", example = "5kT0vYq8Zb3mXw1RcHs9Ga"),
        ImageQuery,
        ConditionParams,
    ),
    responses(
        (
            status = 200,
            description = "The image as AVIF, WebP or JPEG",
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
pub(super) async fn image(
    State(delivery): State<Delivery>,
    readable: Readable,
    Query(query): Query<ImageQuery>,
    client: Client,
    request: RequestParts,
) -> Result<Response, Error> {
    sized_image(&delivery, &readable, &query, client, &request).await
}

/// Responds with the image in the requested size.
pub(super) async fn sized_image(
    delivery: &Delivery,
    readable: &Readable,
    query: &ImageQuery,
    client: Client,
    request: &RequestParts,
) -> Result<Response, Error> {
    if [query.w, query.h].into_iter().flatten().any(|side| !(1..=MAX_REQUESTED_SIDE_PX).contains(&side)) {
        return Err(Error::BadQuery("`w` and `h` must be whole numbers of pixels from 1 to 10000."));
    }
    let (source, size) = source_image(delivery, readable).await?;
    let fit = match query.fit.unwrap_or_default() {
        FitParam::Contain => Fit::Contain,
        FitParam::Cover if query.w.is_some() && query.h.is_some() => Fit::Cover,
        FitParam::Cover => return Err(Error::BadQuery("`fit=cover` needs both `w` and `h`.")),
    };
    let frame = variant::frame(query.w, query.h, fit, size);
    let accepted = accept::accepted(query.format.unwrap_or_default(), request.text(&header::ACCEPT));
    let (encoding, cache_policy) = choose_encoding(delivery, readable, frame, &source, &accepted).await?;
    let variant = Variant { frame, encoding };
    let varies_by_accept = query.format.unwrap_or_default() == FormatPreference::Auto;
    let mut rendered = delivery.image_renderer.get(&readable.item.id, variant, source.clone(), client).await?;
    for attempt in 0.. {
        let etag = object_etag(&rendered.object);
        let meta = ResponseMeta {
            varies_by_accept,
            ..ResponseMeta::new(readable, &etag, encoding.content_type(), cache_policy)
        };
        match respond(&delivery.object_cache, request, meta, BodySource::Object(&rendered.object, rendered.bytes, None))
            .await
        {
            // It was removed between finding and reading: once more, from the start.
            Err(error) if attempt == 0 && error.is_missing_object() => {
                rendered = render_again(delivery, readable, variant, &source, client, &rendered).await?;
            }
            response => return response,
        }
    }
    Err(Error::TaskFailed)
}

async fn render_again(
    delivery: &Delivery,
    readable: &Readable,
    variant: Variant,
    source: &SourceImage,
    client: Client,
    lost: &RenderedImage,
) -> Result<RenderedImage, Error> {
    delivery.image_renderer.remove_lost_variant(&readable.item.id, variant, lost).await?;
    delivery.image_renderer.get(&readable.item.id, variant, source.clone(), client).await
}

/// Returns the source of the image: the photo itself, its upright copy, or a poster; and its size, where known.
async fn source_image(delivery: &Delivery, readable: &Readable) -> Result<(SourceImage, Option<(u32, u32)>), Error> {
    let item = &readable.item;
    if item.kind == Kind::Photo && DECODABLE_FORMATS.contains(&item.format.as_str()) {
        let source = SourceImage { object: item.object.clone(), bytes: item.bytes, orientation: item.orientation };
        return Ok((source, item.size));
    }
    let playback = queries::get_playback(delivery, &item.id).await?;
    let asset = ["base", "poster"].iter().find_map(|name| playback.assets.get(*name)).ok_or(Error::NotReady)?;
    // Both are upright JPEGs; the size of a poster is its own.
    let size = if item.kind == Kind::Photo { item.size } else { None };
    Ok((SourceImage { object: asset.object.clone(), bytes: asset.bytes, orientation: 1 }, size))
}

async fn choose_encoding(
    delivery: &Delivery,
    readable: &Readable,
    frame: Frame,
    source: &SourceImage,
    accepted: &[Encoding],
) -> Result<(Encoding, CachePolicy), Error> {
    let (Some(&best), next) = (accepted.first(), accepted.get(1)) else {
        return Ok((Encoding::Jpeg, CachePolicy::Immutable));
    };
    let Some(&next) = next.filter(|_| best == Encoding::Avif) else { return Ok((best, CachePolicy::Immutable)) };
    let small = u64::from(frame.width) * u64::from(frame.height) <= MAX_IMMEDIATE_AVIF_PIXELS;
    let avif = Variant { frame, encoding: Encoding::Avif };
    if small || delivery.image_renderer.find_variant(&readable.item.id, avif).await?.is_some() {
        return Ok((Encoding::Avif, CachePolicy::Immutable));
    }
    delivery.image_renderer.note_fallback_read(&readable.item.id, frame, source);
    Ok((next, CachePolicy::MaxAge(FALLBACK_MAX_AGE_SECONDS)))
}
