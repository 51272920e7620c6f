//! HLS: playlists that grow with the conversion, initialisation segments and segments.
//!
//! A master names what can be played now, so it is asked for anew each time (an ETag makes that cheap); a rendition's playlist is
//! `EVENT` until it is complete. The common case, a segment of an item that is known, touches no database and no disk.
//! Invariant: a playlist names only segments that are there.

use axum::extract::{Path, State};
use axum::response::Response;
use bytes::Bytes;
use codec::playlist;
use contract::MediaId;
use contract::transcode::Track;

use super::access::Readable;
use super::parts::fingerprint;
use crate::Delivery;
use crate::config::Config;
use crate::error::Error;
use crate::model::Playback;
use crate::model::playback::Run;
use crate::respond::{Asking, Lasts, Sheet, Source, respond};

const PLAYLIST: &str = "application/vnd.apple.mpegurl";
/// A player should start with pictures that most connections carry.
const START_BANDWIDTH: u64 = 2_500_000;
/// A growing playlist may be shown this long after the next one came.
const GROWING_SECONDS: u32 = 1;

/// Playlists as they were last written: by item, state, file and the reader's query.
pub(crate) struct Playlists(moka::sync::Cache<(MediaId, u64, String, String), Text>);

#[derive(Clone)]
struct Text {
    bytes: Bytes,
    etag: String,
}

impl Playlists {
    pub(crate) fn new(config: &Config) -> Self {
        let weigher = |key: &(MediaId, u64, String, String), text: &Text| (256 + key.2.len() + key.3.len() + text.bytes.len()) as u32;
        Self(moka::sync::Cache::builder().max_capacity(config.facts_bytes / 4).weigher(weigher).build())
    }

    fn get(&self, readable: &Readable, playback: &Playback, file: &str, write: impl FnOnce(&str) -> String) -> Text {
        let key = (readable.item.id.clone(), playback.stamp, file.to_owned(), readable.query.clone());
        if let Some(text) = self.0.get(&key) {
            return text;
        }
        let bytes = Bytes::from(write(&readable.query));
        let text = Text { etag: fingerprint(&bytes), bytes };
        self.0.insert(key, text.clone());
        text
    }
}

/// The master playlist: every rendition that can be played now.
#[utoipa::path(
    get,
    path = "/v1/media/{id}/hls/master.m3u8",
    tag = "delivery",
    params(("id" = String, Path, description = "The media id"), ("t" = Option<String>, Query, description = "A signed permission")),
    responses((status = 200, description = "The playlist", content_type = "application/vnd.apple.mpegurl"))
)]
pub(super) async fn master(State(delivery): State<Delivery>, readable: Readable, asking: Asking) -> Result<Response, Error> {
    let playback = delivery.library.playback(&readable.item.id).await?;
    if playback.runs.iter().all(|run| run.pieces.is_empty()) {
        return Err(Error::NotReady);
    }
    let text = delivery.playlists.get(&readable, &playback, "master", |query| write_master(&playback, query));
    let sheet = Sheet { names_urls: true, ..Sheet::ours(&readable, &text.etag, PLAYLIST, Lasts::Now) };
    respond(&delivery.shelf, &asking, sheet, Source::Whole(text.bytes)).await
}

/// A rendition's file: `playlist.m3u8`, `init.mp4`, or a segment such as `0.m4s`.
#[utoipa::path(
    get,
    path = "/v1/media/{id}/hls/{rendition}/{file}",
    tag = "delivery",
    params(
        ("id" = String, Path, description = "The media id"),
        ("rendition" = String, Path, description = "The rendition's name, such as `v720` or `audio`"),
        ("file" = String, Path, description = "`playlist.m3u8`, `init.mp4`, `0.m4s`, `1.m4s` …"),
        ("t" = Option<String>, Query, description = "A signed permission")
    ),
    responses((status = 200, description = "The file"), (status = 206, description = "A range of it"))
)]
pub(super) async fn rendition(State(delivery): State<Delivery>, readable: Readable, Path(path): Path<(String, String, String)>, asking: Asking) -> Result<Response, Error> {
    let playback = delivery.library.playback(&readable.item.id).await?;
    let (_, name, file) = path;
    let run = playback.run(&name).ok_or(if playback.is_empty() { Error::NotReady } else { Error::NoSuchPart })?;
    if file == "playlist.m3u8" {
        let text = delivery.playlists.get(&readable, &playback, &name, |query| write_media(run, query));
        let lasts = if run.is_complete() { Lasts::Seconds(300) } else { Lasts::Seconds(GROWING_SECONDS) };
        let sheet = Sheet { names_urls: true, ..Sheet::ours(&readable, &text.etag, PLAYLIST, lasts) };
        return respond(&delivery.shelf, &asking, sheet, Source::Whole(text.bytes)).await;
    }
    let content_type = if run.rendition.track == Track::Audio { "audio/mp4" } else { "video/mp4" };
    if file == "init.mp4" {
        let bytes = delivery.shelf.get_small(&run.rendition.init).await?;
        let etag = run.rendition.init.as_str().replace('/', "");
        // Another try of the same part may bring another header, so this one is not for ever.
        let sheet = Sheet::ours(&readable, &etag, content_type, Lasts::Seconds(3600));
        return respond(&delivery.shelf, &asking, sheet, Source::Whole(bytes)).await;
    }
    let number = number(&file, ".m4s").ok_or(Error::NoSuchPart)?;
    let piece = run.pieces.get(number as usize).ok_or(Error::NoSuchPart)?;
    let etag = piece.object.as_str().replace('/', "");
    let sheet = Sheet::ours(&readable, &etag, content_type, Lasts::Ever);
    respond(&delivery.shelf, &asking, sheet, Source::Object(&piece.object, piece.bytes, None)).await
}

/// The number before an ending, written the one way we write it.
pub(super) fn number(file: &str, ending: &str) -> Option<u32> {
    let digits = file.strip_suffix(ending)?;
    let number: u32 = digits.parse().ok()?;
    (number.to_string() == digits).then_some(number)
}

fn write_master(playback: &Playback, query: &str) -> String {
    let playable = || playback.runs.iter().filter(|run| !run.pieces.is_empty());
    let uri = |run: &Run| format!("{}/playlist.m3u8", run.rendition.name);
    let sound = playable().find(|run| run.rendition.track == Track::Audio).map(|run| (run, uri(run)));
    let audio = sound.as_ref().map(|(run, uri)| playlist::Audio { uri, codecs: &run.rendition.codecs, bandwidth: run.rendition.bandwidth, channels: None });
    let mut pictures: Vec<(&Run, String)> = playable().filter(|run| run.rendition.track == Track::Video).map(|run| (run, uri(run))).collect();
    // From the highest down, but the one to start with first.
    if let Some(start) = pictures.iter().position(|(run, _)| run.rendition.bandwidth <= START_BANDWIDTH) {
        pictures[..=start].rotate_right(1);
    }
    let variants: Vec<playlist::Variant<'_>> = pictures
        .iter()
        .map(|(run, uri)| playlist::Variant {
            uri,
            bandwidth: run.rendition.bandwidth,
            codecs: &run.rendition.codecs,
            width: run.rendition.width,
            height: run.rendition.height,
            millifps: run.rendition.millifps,
        })
        .collect();
    playlist::master(audio.as_ref(), &variants, query)
}

fn write_media(run: &Run, query: &str) -> String {
    let segments = run.pieces.iter().enumerate().map(|(number, piece)| playlist::Segment { uri: format!("{number}.m4s").into(), duration_us: piece.duration_us });
    playlist::media("init.mp4", segments, run.target_us(), run.is_complete(), query)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_one_name() {
        assert_eq!(number("12.m4s", ".m4s"), Some(12));
        for bad in ["012.m4s", "+1.m4s", "-1.m4s", ".m4s", "1", "1.m4s.m4s", "99999999999.m4s", "1.ts"] {
            assert_eq!(number(bad, ".m4s"), None, "{bad}");
        }
    }
}
