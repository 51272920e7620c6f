//! A picture in the size and format that suits its reader.
//!
//! An AVIF costs ten times what a WebP costs to make. A reader who accepts both gets small AVIFs at once and a WebP otherwise; when
//! the same WebP is read again and again, its AVIF is made while the processor is idle, and from then on `auto` means the AVIF. Until
//! then the answer says that it lasts five minutes only. Invariant: nothing is ever larger than its source.

use axum::extract::State;
use axum::response::Response;
use codec::pixels::{Encoding, Fit, Frame};
use contract::media::Kind;
use http::header;
use kit::http::Query;
use serde::Deserialize;

use super::access::Readable;
use crate::Delivery;
use crate::error::Error;
use crate::model::variant::MOST_ASKED;
use crate::model::{Asked, Client, Variant, accept, variant};
use crate::pictures::{Kept, Original};
use crate::respond::{Asking, Lasts, Sheet, Source, respond};

/// Pixels up to which an AVIF is made while its reader waits: about a tenth of a second.
const AVIF_AT_ONCE: u64 = 256 * 256;
const UNTIL_AVIF_SECONDS: u32 = 300;
/// Formats that are decoded from the original; others have an upright JPEG made by transcode.
const DECODED: [&str; 4] = ["jpeg", "png", "webp", "gif"];

/// How a picture is laid into its frame.
#[derive(Debug, Clone, Copy, Default, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum AskedFit {
    /// All of it is seen.
    #[default]
    Contain,
    /// The frame is filled, what sticks out is cut off. Needs `w` and `h`.
    Cover,
}

/// What size and format are asked for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ImageQuery {
    /// Width in pixels, 1–10,000; rounded up to a size that is kept.
    w: Option<u32>,
    /// Height in pixels, 1–10,000.
    h: Option<u32>,
    /// How it is laid into the frame; `contain` unless told.
    #[param(inline)]
    fit: Option<AskedFit>,
    /// The file format; `auto`, which it is unless told, goes by the Accept header.
    #[param(inline)]
    format: Option<Asked>,
    /// A signed permission.
    #[serde(rename = "t")]
    #[allow(dead_code)]
    grant: Option<String>,
}

impl ImageQuery {
    /// Whether nothing of it is asked for.
    pub(super) fn is_empty(&self) -> bool {
        self.w.is_none() && self.h.is_none() && self.fit.is_none() && self.format.is_none()
    }
}

/// A photo, or a video's poster, in any size up to 2560 pixels, without metadata.
#[utoipa::path(
    get,
    path = "/v1/media/{id}/image",
    tag = "delivery",
    params(("id" = String, Path, description = "The media id"), ImageQuery),
    responses((status = 200, description = "The picture as AVIF, WebP or JPEG"))
)]
pub(super) async fn image(State(delivery): State<Delivery>, readable: Readable, Query(query): Query<ImageQuery>, client: Client, asking: Asking) -> Result<Response, Error> {
    sized(&delivery, &readable, &query, client, &asking).await
}

/// Answers with the picture in the size that is asked for.
pub(super) async fn sized(delivery: &Delivery, readable: &Readable, query: &ImageQuery, client: Client, asking: &Asking) -> Result<Response, Error> {
    if [query.w, query.h].into_iter().flatten().any(|side| !(1..=MOST_ASKED).contains(&side)) {
        return Err(Error::BadQuery("`w` and `h` are whole numbers of pixels from 1 to 10000."));
    }
    let (original, size) = source(delivery, readable).await?;
    let fit = match query.fit.unwrap_or_default() {
        AskedFit::Contain => Fit::Contain,
        AskedFit::Cover if query.w.is_some() && query.h.is_some() => Fit::Cover,
        AskedFit::Cover => return Err(Error::BadQuery("`fit=cover` needs both `w` and `h`.")),
    };
    let frame = variant::frame(query.w, query.h, fit, size);
    let taken = accept::taken(query.format.unwrap_or_default(), asking.text(&header::ACCEPT));
    let (encoding, lasts) = choose(delivery, readable, frame, &original, &taken).await?;
    let variant = Variant { frame, encoding };
    let varies_by_accept = query.format.unwrap_or_default() == Asked::Auto;
    let mut kept = delivery.pictures.get(&readable.item.id, variant, original.clone(), client).await?;
    for attempt in 0.. {
        let etag = kept.object.as_str().replace('/', "");
        let sheet = Sheet { varies_by_accept, ..Sheet::ours(readable, &etag, encoding.content_type(), lasts) };
        match respond(&delivery.shelf, asking, sheet, Source::Object(&kept.object, kept.bytes, None)).await {
            // It was evicted between finding and reading: once more, from the start.
            Err(error) if attempt == 0 && error.is_missing_object() => kept = again(delivery, readable, variant, &original, client, &kept).await?,
            answer => return answer,
        }
    }
    Err(Error::Worker)
}

async fn again(delivery: &Delivery, readable: &Readable, variant: Variant, original: &Original, client: Client, lost: &Kept) -> Result<Kept, Error> {
    delivery.pictures.lost_variant(&readable.item.id, variant, lost).await?;
    delivery.pictures.get(&readable.item.id, variant, original.clone(), client).await
}

/// What the picture is made from: the photo itself, its upright copy, or a poster.
async fn source(delivery: &Delivery, readable: &Readable) -> Result<(Original, Option<(u32, u32)>), Error> {
    let item = &readable.item;
    if item.kind == Kind::Photo && DECODED.contains(&item.format.as_str()) {
        let original = Original { object: item.object.clone(), bytes: item.bytes, orientation: item.orientation };
        return Ok((original, item.size));
    }
    let playback = delivery.library.playback(&item.id).await?;
    let asset = ["base", "poster"].iter().find_map(|name| playback.assets.get(*name)).ok_or(Error::NotReady)?;
    // Both are upright JPEGs; a poster's size is its own.
    let size = if item.kind == Kind::Photo { item.size } else { None };
    Ok((Original { object: asset.object.clone(), bytes: asset.bytes, orientation: 1 }, size))
}

async fn choose(delivery: &Delivery, readable: &Readable, frame: Frame, original: &Original, taken: &[Encoding]) -> Result<(Encoding, Lasts), Error> {
    let (Some(&best), next) = (taken.first(), taken.get(1)) else { return Ok((Encoding::Jpeg, Lasts::Ever)) };
    let Some(&next) = next.filter(|_| best == Encoding::Avif) else { return Ok((best, Lasts::Ever)) };
    let small = u64::from(frame.width) * u64::from(frame.height) <= AVIF_AT_ONCE;
    let avif = Variant { frame, encoding: Encoding::Avif };
    if small || delivery.pictures.find_variant(&readable.item.id, avif).await?.is_some() {
        return Ok((Encoding::Avif, Lasts::Ever));
    }
    delivery.pictures.read_instead_of_avif(&readable.item.id, frame, original);
    Ok((next, Lasts::Seconds(UNTIL_AVIF_SECONDS)))
}
