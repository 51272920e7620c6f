//! HLS: playlists that grow during the conversion, initialization segments and segments.
//!
//! A master playlist lists what can be played now, so clients revalidate it each time (an ETag makes that cheap). The
//! playlist of a rendition is `EVENT` until it is complete. The common case, a segment of a cached item, needs no
//! database and no disk. Captions have playlists of their own, which `media` serves. Invariant: a playlist lists only
//! segments that exist.

use axum::extract::{Path, State};
use axum::response::Response;
use codec::playlist;
use contract::media::CaptionTrack;
use contract::transcode::Track;
use http_server::Binary;

use super::access::Readable;
use super::documentation::{ConditionParams, ConditionResponses, SignatureParams};
use super::response::{BodySource, CachePolicy, RequestParts, ResponseMeta, respond};
use crate::error::Error;
use crate::model::playback::RenditionSegments;
use crate::model::{Playback, object_etag};
use crate::playlist_cache::CachedPlaylist;
use crate::queries;
use crate::state::Delivery;

const PLAYLIST_TYPE: &str = "application/vnd.apple.mpegurl";
/// Players should start with a bandwidth that most connections have.
const START_BANDWIDTH: u64 = 2_500_000;
/// How long a growing playlist may be cached.
const GROWING_MAX_AGE_SECONDS: u32 = 1;
/// How long the playlist of a complete rendition may be cached.
const COMPLETE_MAX_AGE_SECONDS: u32 = 300;
/// How long an initialization segment may be cached.
const INIT_MAX_AGE_SECONDS: u32 = 3600;
const MASTER_EXAMPLE: &str = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n\
    #EXT-X-STREAM-INF:BANDWIDTH=3000000,CODECS=\"avc1.64001f\",RESOLUTION=1280x720,FRAME-RATE=24.000\n\
    v720/playlist.m3u8\n";
const RENDITION_EXAMPLE: &str = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:0\n\
    #EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-MAP:URI=\"init.mp4\"\n\
    #EXTINF:4.000000,\n0.m4s\n#EXT-X-ENDLIST\n";

/// The master playlist: every rendition that can be played now.
///
/// It grows while the item is converted, so players revalidate it.
#[utoipa::path(
    get,
    path = "/v1/media/{id}/hls/master.m3u8",
    operation_id = "get_master_playlist",
    tag = "delivery",
    params(
        ("id" = String, Path, description = "The media id", example = "5kT0vYq8Zb3mXw1RcHs9Ga"),
        SignatureParams,
        ConditionParams,
    ),
    responses(
        (
            status = 200,
            description = "The playlist",
            body = String,
            content_type = PLAYLIST_TYPE,
            headers(("ETag" = String, description = "Distinguishes this file from all others at this URL")),
            example = json!(MASTER_EXAMPLE),
        ),
        ConditionResponses,
    ),
    security((), ("token" = [])),
    extensions(("x-codes" = json!([
        "media.not_found",
        "delivery.not_ready",
        "request.precondition_failed",
        "request.range_not_satisfiable",
    ]))),
)]
pub(super) async fn master(
    State(delivery): State<Delivery>,
    readable: Readable,
    request: RequestParts,
) -> Result<Response, Error> {
    let (id, query) = (&readable.item.id, &readable.query);
    let playback = queries::get_playback(&delivery, id).await?;
    if playback.renditions.iter().all(|rendition| rendition.segments.is_empty()) {
        return Err(Error::NotReady);
    }
    let captions = caption_names(&readable.item.captions);
    // Captions may change while the playback stays what it is.
    let names = captions.iter().flat_map(|(track, name)| ["\n", track.lang.as_str(), " ", name.as_str()]);
    let file: String = std::iter::once("master").chain(names).collect();
    let write = |query: &str| write_master(&playback, &captions, query);
    let text = delivery.playlist_cache.get(id, &playback, &file, query, write);
    respond_with_playlist(&delivery, &readable, &request, text, CachePolicy::Revalidate).await
}

/// The playlist of a rendition: its segments.
///
/// It grows while the item is converted, and may be cached for a second until it is complete.
#[utoipa::path(
    get,
    path = "/v1/media/{id}/hls/{rendition}/playlist.m3u8",
    operation_id = "get_rendition_playlist",
    tag = "delivery",
    params(
        ("id" = String, Path, description = "The media id", example = "5kT0vYq8Zb3mXw1RcHs9Ga"),
        (
            "rendition" = String,
            Path,
            description = "The name of the rendition, such as `v720` or `audio`",
            example = "v720",
        ),
        SignatureParams,
        ConditionParams,
    ),
    responses(
        (
            status = 200,
            description = "The playlist",
            body = String,
            content_type = PLAYLIST_TYPE,
            headers(("ETag" = String, description = "Distinguishes this file from all others at this URL")),
            example = json!(RENDITION_EXAMPLE),
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
pub(super) async fn rendition_playlist(
    State(delivery): State<Delivery>,
    readable: Readable,
    Path(names): Path<(String, String)>,
    request: RequestParts,
) -> Result<Response, Error> {
    let (_, name) = names;
    let (id, query) = (&readable.item.id, &readable.query);
    let playback = queries::get_playback(&delivery, id).await?;
    let rendition = find_rendition(&playback, &name)?;
    let write = |query: &str| write_media(rendition, playback.target_us(), query);
    let text = delivery.playlist_cache.get(id, &playback, &name, query, write);
    let max_age_seconds = if rendition.is_complete() { COMPLETE_MAX_AGE_SECONDS } else { GROWING_MAX_AGE_SECONDS };
    respond_with_playlist(&delivery, &readable, &request, text, CachePolicy::MaxAge(max_age_seconds)).await
}

/// The initialization segment of a rendition.
///
/// A player reads it once, before the first segment. Playlists name it in `EXT-X-MAP`.
#[utoipa::path(
    get,
    path = "/v1/media/{id}/hls/{rendition}/init.mp4",
    operation_id = "get_init_segment",
    tag = "delivery",
    params(
        ("id" = String, Path, description = "The media id", example = "5kT0vYq8Zb3mXw1RcHs9Ga"),
        (
            "rendition" = String,
            Path,
            description = "The name of the rendition, such as `v720` or `audio`",
            example = "v720",
        ),
        SignatureParams,
        ConditionParams,
    ),
    responses(
        (
            status = 200,
            description = "The initialization segment",
            content((inline(Binary) = "video/mp4"), (inline(Binary) = "audio/mp4")),
            headers(("ETag" = String, description = "Distinguishes this file from all others at this URL")),
        ),
        ConditionResponses,
    ),
    security((), ("token" = [])),
    extensions(("x-codes" = json!([
        "media.not_found",
        "delivery.no_such_file",
        "delivery.not_ready",
        "delivery.busy",
        "request.precondition_failed",
        "request.range_not_satisfiable",
    ]))),
)]
pub(super) async fn init_segment(
    State(delivery): State<Delivery>,
    readable: Readable,
    Path(names): Path<(String, String)>,
    request: RequestParts,
) -> Result<Response, Error> {
    let (_, name) = names;
    let playback = queries::get_playback(&delivery, &readable.item.id).await?;
    let rendition = find_rendition(&playback, &name)?;
    let bytes = delivery.object_cache.get_small(&rendition.info.init).await?;
    let etag = object_etag(&rendition.info.init);
    // A retry of the same task may produce another header, so this one may not be cached for ever.
    let meta = ResponseMeta::new(&readable, &etag, content_type(rendition), CachePolicy::MaxAge(INIT_MAX_AGE_SECONDS));
    respond(&delivery.object_cache, &request, meta, BodySource::Memory(bytes)).await
}

/// A segment of a rendition, of some four seconds.
///
/// The playlist of the rendition lists the segments. A segment never changes, so caches may keep it.
#[utoipa::path(
    get,
    path = "/v1/media/{id}/hls/{rendition}/{segment}",
    operation_id = "get_segment",
    tag = "delivery",
    params(
        ("id" = String, Path, description = "The media id", example = "5kT0vYq8Zb3mXw1RcHs9Ga"),
        (
            "rendition" = String,
            Path,
            description = "The name of the rendition, such as `v720` or `audio`",
            example = "v720",
        ),
        ("segment" = String, Path, description = "`0.m4s`, `1.m4s` …", example = "0.m4s"),
        SignatureParams,
        ConditionParams,
    ),
    responses(
        (
            status = 200,
            description = "The segment",
            content((inline(Binary) = "video/mp4"), (inline(Binary) = "audio/mp4")),
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
pub(super) async fn segment(
    State(delivery): State<Delivery>,
    readable: Readable,
    Path(names): Path<(String, String, String)>,
    request: RequestParts,
) -> Result<Response, Error> {
    let (_, name, file) = names;
    let playback = queries::get_playback(&delivery, &readable.item.id).await?;
    let rendition = find_rendition(&playback, &name)?;
    let number = parse_number(&file, ".m4s").ok_or(Error::NoSuchFile)?;
    let segment = rendition.segments.get(number as usize).ok_or(Error::NoSuchFile)?;
    let etag = object_etag(&segment.object);
    let meta = ResponseMeta::new(&readable, &etag, content_type(rendition), CachePolicy::Immutable);
    respond(&delivery.object_cache, &request, meta, BodySource::Object(&segment.object, segment.bytes, None)).await
}

fn find_rendition<'p>(playback: &'p Playback, name: &str) -> Result<&'p RenditionSegments, Error> {
    playback.rendition(name).ok_or(if playback.is_empty() { Error::NotReady } else { Error::NoSuchFile })
}

fn content_type(rendition: &RenditionSegments) -> &'static str {
    if rendition.info.track == Track::Audio { "audio/mp4" } else { "video/mp4" }
}

async fn respond_with_playlist(
    delivery: &Delivery,
    readable: &Readable,
    request: &RequestParts,
    playlist: CachedPlaylist,
    cache_policy: CachePolicy,
) -> Result<Response, Error> {
    let meta = ResponseMeta {
        contains_urls: true,
        ..ResponseMeta::new(readable, &playlist.etag, PLAYLIST_TYPE, cache_policy)
    };
    respond(&delivery.object_cache, request, meta, BodySource::Memory(playlist.bytes)).await
}

/// Returns the number before an extension, if it is written in its only valid form.
pub(super) fn parse_number(file: &str, extension: &str) -> Option<u32> {
    let digits = file.strip_suffix(extension)?;
    let number: u32 = digits.parse().ok()?;
    (number.to_string() == digits).then_some(number)
}

/// Returns captions with the names that a menu of languages shows. No two are the same (RFC 8216, section 4.3.4.1.1).
fn caption_names(tracks: &[CaptionTrack]) -> Vec<(&CaptionTrack, String)> {
    let is_taken = |track: &CaptionTrack| tracks.iter().filter(|other| other.label == track.label).count() > 1;
    let name = |track: &CaptionTrack| {
        if is_taken(track) { format!("{} ({})", track.label, track.lang) } else { track.label.clone() }
    };
    tracks.iter().map(|track| (track, name(track))).collect()
}

fn write_master(playback: &Playback, captions: &[(&CaptionTrack, String)], query: &str) -> String {
    let playable = || playback.renditions.iter().filter(|rendition| !rendition.segments.is_empty());
    let uri = |rendition: &RenditionSegments| format!("{}/playlist.m3u8", rendition.info.name);
    let audio_rendition =
        playable().find(|rendition| rendition.info.track == Track::Audio).map(|rendition| (rendition, uri(rendition)));
    let audio = audio_rendition.as_ref().map(|(rendition, uri)| playlist::Audio {
        uri,
        codecs: &rendition.info.codecs,
        bandwidth: rendition.info.bandwidth,
        channels: None,
    });
    let mut video_renditions: Vec<(&RenditionSegments, String)> = playable()
        .filter(|rendition| rendition.info.track == Track::Video)
        .map(|rendition| (rendition, uri(rendition)))
        .collect();
    // From the highest bandwidth down, but the one to start with comes first.
    if let Some(start) = video_renditions.iter().position(|(rendition, _)| rendition.info.bandwidth <= START_BANDWIDTH)
    {
        video_renditions[..=start].rotate_right(1);
    }
    let variants: Vec<playlist::Variant<'_>> = video_renditions
        .iter()
        .map(|(rendition, uri)| playlist::Variant {
            uri,
            bandwidth: rendition.info.bandwidth,
            codecs: &rendition.info.codecs,
            width: rendition.info.width,
            height: rendition.info.height,
            millifps: rendition.info.millifps,
        })
        .collect();
    let uris: Vec<String> =
        captions.iter().map(|(track, _)| format!("../captions/{}/playlist.m3u8", track.lang)).collect();
    let captions: Vec<playlist::Captions<'_>> = captions
        .iter()
        .zip(&uris)
        .map(|((track, name), uri)| playlist::Captions { uri, name, language: &track.lang })
        .collect();
    playlist::master(audio.as_ref(), &variants, &captions, query)
}

fn write_media(rendition: &RenditionSegments, target_us: u64, query: &str) -> String {
    let segments = rendition.segments.iter().enumerate().map(|(number, segment)| playlist::Segment {
        uri: format!("{number}.m4s").into(),
        duration_us: segment.duration_us,
    });
    playlist::media("init.mp4", segments, target_us, rendition.is_complete(), query)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_one_name() {
        assert_eq!(parse_number("12.m4s", ".m4s"), Some(12));
        for bad in ["012.m4s", "+1.m4s", "-1.m4s", ".m4s", "1", "1.m4s.m4s", "99999999999.m4s", "1.ts"] {
            assert_eq!(parse_number(bad, ".m4s"), None, "{bad}");
        }
    }
}
