//! HLS: playlists that grow during the conversion, initialization segments and segments.
//!
//! A master playlist lists what can be played now, so clients revalidate it each time (an ETag makes that cheap). The
//! playlist of a rendition is `EVENT` until it is complete. The common case, a segment of a cached item, needs no
//! database and no disk. Invariant: a playlist lists only segments that exist.

use axum::extract::{Path, State};
use axum::response::Response;
use bytes::Bytes;
use codec::playlist;
use contract::MediaId;
use contract::transcode::Track;

use super::access::Readable;
use super::assets::content_etag;
use super::response::{BodySource, CachePolicy, RequestParts, ResponseMeta, respond};
use crate::Delivery;
use crate::config::Config;
use crate::error::Error;
use crate::model::Playback;
use crate::model::playback::RenditionSegments;

const PLAYLIST_TYPE: &str = "application/vnd.apple.mpegurl";
/// Players should start with a bandwidth that most connections have.
const START_BANDWIDTH: u64 = 2_500_000;
/// A growing playlist may be cached for this long.
const GROWING_MAX_AGE_SECONDS: u32 = 1;

/// A cache of playlists, by item, generation, file and the query of the request.
pub(crate) struct PlaylistCache(moka::sync::Cache<(MediaId, u64, String, String), CachedPlaylist>);

#[derive(Clone)]
struct CachedPlaylist {
    bytes: Bytes,
    etag: String,
}

impl PlaylistCache {
    pub(crate) fn new(config: &Config) -> Self {
        let weigher = |key: &(MediaId, u64, String, String), text: &CachedPlaylist| {
            (256 + key.2.len() + key.3.len() + text.bytes.len()) as u32
        };
        Self(moka::sync::Cache::builder().max_capacity(config.catalog_cache_bytes / 4).weigher(weigher).build())
    }

    fn get(
        &self,
        readable: &Readable,
        playback: &Playback,
        file: &str,
        write: impl FnOnce(&str) -> String,
    ) -> CachedPlaylist {
        let key = (readable.item.id.clone(), playback.generation, file.to_owned(), readable.query.clone());
        if let Some(text) = self.0.get(&key) {
            return text;
        }
        let bytes = Bytes::from(write(&readable.query));
        let text = CachedPlaylist { etag: content_etag(&bytes), bytes };
        self.0.insert(key, text.clone());
        text
    }
}

/// The master playlist: every rendition that can be played now.
#[utoipa::path(
    get,
    path = "/v1/media/{id}/hls/master.m3u8",
    tag = "delivery",
    params(("id" = String, Path, description = "The media id"), ("t" = Option<String>, Query, description = "The signature of a signed URL")),
    responses((status = 200, description = "The playlist", content_type = "application/vnd.apple.mpegurl"))
)]
pub(super) async fn master(
    State(delivery): State<Delivery>,
    readable: Readable,
    request: RequestParts,
) -> Result<Response, Error> {
    let playback = delivery.catalog.playback(&readable.item.id).await?;
    if playback.renditions.iter().all(|rendition| rendition.segments.is_empty()) {
        return Err(Error::NotReady);
    }
    let text = delivery.playlist_cache.get(&readable, &playback, "master", |query| write_master(&playback, query));
    let meta = ResponseMeta {
        contains_urls: true,
        ..ResponseMeta::new(&readable, &text.etag, PLAYLIST_TYPE, CachePolicy::Revalidate)
    };
    respond(&delivery.object_cache, &request, meta, BodySource::Memory(text.bytes)).await
}

/// A file of a rendition: `playlist.m3u8`, `init.mp4`, or a segment such as `0.m4s`.
#[utoipa::path(
    get,
    path = "/v1/media/{id}/hls/{rendition}/{file}",
    tag = "delivery",
    params(
        ("id" = String, Path, description = "The media id"),
        ("rendition" = String, Path, description = "The rendition's name, such as `v720` or `audio`"),
        ("file" = String, Path, description = "`playlist.m3u8`, `init.mp4`, `0.m4s`, `1.m4s` …"),
        ("t" = Option<String>, Query, description = "The signature of a signed URL")
    ),
    responses((status = 200, description = "The file"), (status = 206, description = "A range of it"))
)]
pub(super) async fn rendition(
    State(delivery): State<Delivery>,
    readable: Readable,
    Path(path): Path<(String, String, String)>,
    request: RequestParts,
) -> Result<Response, Error> {
    let playback = delivery.catalog.playback(&readable.item.id).await?;
    let (_, name, file) = path;
    let rendition =
        playback.rendition(&name).ok_or(if playback.is_empty() { Error::NotReady } else { Error::NoSuchFile })?;
    if file == "playlist.m3u8" {
        let text = delivery.playlist_cache.get(&readable, &playback, &name, |query| write_media(rendition, query));
        let cache_policy = if rendition.is_complete() {
            CachePolicy::MaxAge(300)
        } else {
            CachePolicy::MaxAge(GROWING_MAX_AGE_SECONDS)
        };
        let meta = ResponseMeta {
            contains_urls: true,
            ..ResponseMeta::new(&readable, &text.etag, PLAYLIST_TYPE, cache_policy)
        };
        return respond(&delivery.object_cache, &request, meta, BodySource::Memory(text.bytes)).await;
    }
    let content_type = if rendition.info.track == Track::Audio { "audio/mp4" } else { "video/mp4" };
    if file == "init.mp4" {
        let bytes = delivery.object_cache.get_small(&rendition.info.init).await?;
        let etag = rendition.info.init.as_str().replace('/', "");
        // A retry of the same task may produce another header, so this one may not be cached for ever.
        let meta = ResponseMeta::new(&readable, &etag, content_type, CachePolicy::MaxAge(3600));
        return respond(&delivery.object_cache, &request, meta, BodySource::Memory(bytes)).await;
    }
    let number = parse_number(&file, ".m4s").ok_or(Error::NoSuchFile)?;
    let segment = rendition.segments.get(number as usize).ok_or(Error::NoSuchFile)?;
    let etag = segment.object.as_str().replace('/', "");
    let meta = ResponseMeta::new(&readable, &etag, content_type, CachePolicy::Immutable);
    respond(&delivery.object_cache, &request, meta, BodySource::Object(&segment.object, segment.bytes, None)).await
}

/// Returns the number before an extension, if it is written in its only valid form.
pub(super) fn parse_number(file: &str, extension: &str) -> Option<u32> {
    let digits = file.strip_suffix(extension)?;
    let number: u32 = digits.parse().ok()?;
    (number.to_string() == digits).then_some(number)
}

fn write_master(playback: &Playback, query: &str) -> String {
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
    playlist::master(audio.as_ref(), &variants, query)
}

fn write_media(rendition: &RenditionSegments, query: &str) -> String {
    let segments = rendition.segments.iter().enumerate().map(|(number, segment)| playlist::Segment {
        uri: format!("{number}.m4s").into(),
        duration_us: segment.duration_us,
    });
    playlist::media("init.mp4", segments, rendition.target_us(), rendition.is_complete(), query)
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
