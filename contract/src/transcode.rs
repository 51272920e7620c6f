//! The events of `transcode` (new renditions and segments, the progress of a conversion), and the internal queries for
//! everything that can be played of one item, and for the state of its conversion.
//!
//! Invariant: events may arrive twice and in any order; each carries complete values (never differences), so a
//! subscriber upserts by `(media, rendition, number)` and serves the contiguous run from segment 0.

use base::Query;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Event, MediaId, ObjectKey};

/// What a rendition carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Track {
    /// Video only.
    Video,
    /// Audio only.
    Audio,
}

crate::string_enum!(Track: Video => "video", Audio => "audio");

/// One rendition of an item: a row of the master playlist.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rendition {
    /// Its name in URLs, such as `v720` or `audio`: letters, digits and dashes.
    pub name: String,
    /// What it carries.
    pub track: Track,
    /// Peak bits per second, for the `BANDWIDTH` attribute (RFC 8216 §4.3.4.2).
    pub bandwidth: u64,
    /// RFC 6381 codec string, such as `avc1.64001f`.
    pub codecs: String,
    /// Width in pixels; 0 for audio.
    pub width: u32,
    /// Height in pixels; 0 for audio.
    pub height: u32,
    /// Frames per second times 1000; 0 for audio.
    pub millifps: u32,
    /// The object key of the initialisation segment.
    pub init: ObjectKey,
    /// The total number of segments; `None` while the rendition grows.
    pub total_segments: Option<u32>,
}

/// One segment of a rendition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// The rendition's name.
    pub rendition: String,
    /// Its number, from 0, in playback order.
    pub number: u32,
    /// Duration in microseconds.
    pub duration_us: u64,
    /// The object key of its bytes.
    pub object: ObjectKey,
    /// Its size in bytes.
    pub bytes: u64,
}

/// A file of an item that belongs to no rendition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asset {
    /// `poster`, `storyboard` (WebVTT), `storyboard-N` (sprite N from 0), `waveform` (JSON), `base` (an upright JPEG of
    /// a photo in a format that delivery cannot decode) or `motion` (a muted MP4 of an animated photo).
    pub name: String,
    /// Its content type.
    pub content_type: String,
    /// The object key of its bytes.
    pub object: ObjectKey,
    /// Its size in bytes.
    pub bytes: u64,
}

/// `transcode.published`: these files can be read now. Also, with all files of the item, the response of
/// [`FindPlayback`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Published {
    /// The item's id.
    pub id: MediaId,
    /// New or changed renditions.
    #[serde(default)]
    pub renditions: Vec<Rendition>,
    /// New segments.
    #[serde(default)]
    pub segments: Vec<Segment>,
    /// New assets.
    #[serde(default)]
    pub assets: Vec<Asset>,
}

impl Event for Published {
    const SUBJECT: &'static str = "transcode.published";
}

/// `transcode.progress`: how far the conversion is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The item's id.
    pub id: MediaId,
    /// 0–100.
    pub percent: u8,
    /// The estimated remaining time in milliseconds, where it can be estimated.
    pub remaining_ms: Option<u64>,
}

impl Event for Progress {
    const SUBJECT: &'static str = "transcode.progress";
}

/// `transcode.playable`: playback can start now; more renditions and segments follow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Playable {
    /// The item's id.
    pub id: MediaId,
    /// Upright width in pixels.
    pub width: Option<u32>,
    /// Upright height in pixels.
    pub height: Option<u32>,
    /// Duration in milliseconds.
    pub duration_ms: Option<u64>,
}

impl Event for Playable {
    const SUBJECT: &'static str = "transcode.playable";
}

/// The most pictures of an item that are hashed.
pub const MAX_PICTURES: usize = 16;

/// The perceptual hashes (PDQ) of a picture that an item shows: of a photo, of a poster or cover, or of a frame.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PictureHashes {
    /// The hashes of the picture as it is (first), and turned and mirrored, each of 64 hexadecimal digits.
    pub hashes: Vec<String>,
    /// How much detail it has, from 0 to 100.
    pub quality: u8,
}

/// `transcode.ready`: the conversion is complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ready {
    /// The item's id.
    pub id: MediaId,
    /// Upright width in pixels.
    pub width: Option<u32>,
    /// Upright height in pixels.
    pub height: Option<u32>,
    /// Duration in milliseconds.
    pub duration_ms: Option<u64>,
    /// The thumbhash of the photo or poster, hexadecimal.
    pub thumbhash: Option<String>,
    /// The names of the item's assets, as in [`Asset::name`].
    #[serde(default)]
    pub assets: Vec<String>,
    /// What known pictures are compared with: the photo, or the poster or cover and some frames behind it; at most
    /// [`MAX_PICTURES`]. Pictures without detail are left out.
    #[serde(default)]
    pub pictures: Vec<PictureHashes>,
}

impl Event for Ready {
    const SUBJECT: &'static str = "transcode.ready";
}

/// `transcode.classified`: a classifier has scored the photo, or the poster and key frames of the video.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Classified {
    /// The item's id.
    pub id: MediaId,
    /// How sure the classifier is that it shows nudity, in thousandths: of several pictures, the highest score.
    pub nudity: u16,
    /// The name and version of the model.
    pub model: String,
}

impl Event for Classified {
    const SUBJECT: &'static str = "transcode.classified";
}

/// `transcode.failed`: the file cannot be converted, and a retry would not help; the original is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    /// The item's id.
    pub id: MediaId,
    /// A stable code, such as `transcode.no_audio_or_video`.
    pub code: String,
    /// A sentence for the member who uploaded the file.
    pub detail: String,
    /// How often an operator had the item converted again before ([`Retried::retry`](crate::media::Retried::retry)), so
    /// that an event of an earlier attempt that arrives late can be discarded. `None` from a process of a release that
    /// did not count: such an event counts whatever the attempt is, so that no item waits for ever.
    #[serde(default)]
    pub retry: Option<u32>,
}

impl Event for Failed {
    const SUBJECT: &'static str = "transcode.failed";
}

/// Asks transcode for all renditions, segments and assets of an item that can be read now. There is no response for an
/// item that transcode does not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindPlayback(pub MediaId);

impl Query for FindPlayback {
    const ROLE: &'static str = "transcode";
    const PATH: &'static str = "/internal/playback/{id}";
    type Response = Published;

    fn path(&self) -> String {
        format!("/internal/playback/{}", self.0)
    }
}

/// A task of a conversion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = ConversionTask, example = json!({ "name": "chunk-3", "state": "waiting", "percent": 0 }))]
pub struct Task {
    /// Its name, such as `probe`, `audio`, `chunk-3`.
    pub name: String,
    /// `waiting` for other tasks, `ready` for a worker, `claimed` by one, or `done`.
    pub state: String,
    /// How far it is, 0–100.
    pub percent: u8,
}

/// A rendition of a conversion, as far as it is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = ConversionRendition, example = json!({
    "name": "v720",
    "codecs": "avc1.64001f",
    "width": 1280,
    "height": 720,
    "bandwidth": 2_800_000,
    "segments": 12,
    "total_segments": null,
}))]
pub struct RenditionProgress {
    /// Its name, such as `v720` or `audio`.
    pub name: String,
    /// RFC 6381 codec string.
    pub codecs: String,
    /// Width in pixels; 0 for audio.
    pub width: u32,
    /// Height in pixels; 0 for audio.
    pub height: u32,
    /// Peak bits per second.
    pub bandwidth: u64,
    /// How many segments there are.
    pub segments: u32,
    /// How many there will be; `null` while it grows.
    #[schema(required)]
    pub total_segments: Option<u32>,
}

/// The state of an item's conversion. The response of [`FindConversion`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conversion {
    /// Its tasks, in the order in which they run.
    pub tasks: Vec<Task>,
    /// Its renditions, by name.
    pub renditions: Vec<RenditionProgress>,
}

/// Asks transcode for the state of an item's conversion. There is no response for an item that transcode does not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindConversion(pub MediaId);

impl Query for FindConversion {
    const ROLE: &'static str = "transcode";
    const PATH: &'static str = "/internal/conversions/{id}";
    type Response = Conversion;

    fn path(&self) -> String {
        format!("/internal/conversions/{}", self.0)
    }
}
