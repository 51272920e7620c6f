//! What `transcode` publishes: renditions and segments as they come to be, and how far the work is.
//!
//! Invariant: events may come twice and in any order; each carries whole facts (never differences),
//! so a reader upserts by `(media, rendition, number)` and shows the unbroken run from segment 0.

use serde::{Deserialize, Serialize};

use crate::{Event, MediaId, ObjectKey};

/// What a rendition carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Track {
    /// Pictures only.
    Video,
    /// Sound only.
    Audio,
}

crate::string_enum!(Track: Video => "video", Audio => "audio");

/// One rendition of an item: a row of the master playlist.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rendition {
    /// Its name in addresses, such as `v720` or `audio`: letters, digits and dashes.
    pub name: String,
    /// What it carries.
    pub track: Track,
    /// Peak bits per second, for the `BANDWIDTH` attribute (RFC 8216 §4.3.4.2).
    pub bandwidth: u64,
    /// RFC 6381 codec string, such as `avc1.64001f`.
    pub codecs: String,
    /// Width in pixels; 0 for sound.
    pub width: u32,
    /// Height in pixels; 0 for sound.
    pub height: u32,
    /// Frames per second times 1000; 0 for sound.
    pub millifps: u32,
    /// The initialisation segment's object.
    pub init: ObjectKey,
    /// How many segments it has in all; `None` while it grows.
    pub total_segments: Option<u32>,
}

/// One segment of a rendition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// The rendition's name.
    pub rendition: String,
    /// Its number, from 0, in playing order.
    pub number: u32,
    /// Length in microseconds.
    pub duration_us: u64,
    /// Its bytes.
    pub object: ObjectKey,
    /// Its size in bytes.
    pub bytes: u64,
}

/// A file beside the renditions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asset {
    /// `poster`, `storyboard` (WebVTT), `storyboard-N` (sprite N from 0), `waveform` (JSON) or `base` (an upright JPEG of a photo whose own format delivery can't decode).
    pub name: String,
    /// Its content type.
    pub content_type: String,
    /// Its bytes.
    pub object: ObjectKey,
    /// Its size in bytes.
    pub bytes: u64,
}

/// `transcode.published`: these can be read now. Also, with everything in it, the answer of `GET /internal/playback/{id}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Published {
    /// The item.
    pub id: MediaId,
    /// Renditions that are new or changed.
    #[serde(default)]
    pub renditions: Vec<Rendition>,
    /// Segments that are new.
    #[serde(default)]
    pub segments: Vec<Segment>,
    /// Files that are new.
    #[serde(default)]
    pub assets: Vec<Asset>,
}

impl Event for Published {
    const SUBJECT: &'static str = "transcode.published";
}

/// `transcode.progress`: how far the conversion is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The item.
    pub id: MediaId,
    /// 0–100.
    pub percent: u8,
    /// An estimate of what is left, in milliseconds, where one can be made.
    pub remaining_ms: Option<u64>,
}

impl Event for Progress {
    const SUBJECT: &'static str = "transcode.progress";
}

/// `transcode.playable`: a player can start now; more renditions and segments follow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Playable {
    /// The item.
    pub id: MediaId,
    /// Upright width in pixels.
    pub width: Option<u32>,
    /// Upright height in pixels.
    pub height: Option<u32>,
    /// Length in milliseconds.
    pub duration_ms: Option<u64>,
}

impl Event for Playable {
    const SUBJECT: &'static str = "transcode.playable";
}

/// `transcode.ready`: the conversion is complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ready {
    /// The item.
    pub id: MediaId,
    /// Upright width in pixels.
    pub width: Option<u32>,
    /// Upright height in pixels.
    pub height: Option<u32>,
    /// Length in milliseconds.
    pub duration_ms: Option<u64>,
    /// A thumbhash of the picture or poster, hexadecimal.
    pub thumbhash: Option<String>,
    /// Names of the assets that exist, as in [`Asset::name`].
    #[serde(default)]
    pub assets: Vec<String>,
}

impl Event for Ready {
    const SUBJECT: &'static str = "transcode.ready";
}

/// `transcode.failed`: the file can't be converted and never will be; the original stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    /// The item.
    pub id: MediaId,
    /// A stable code, such as `transcode.no_picture`.
    pub code: String,
    /// A sentence for the person who uploaded it.
    pub detail: String,
}

impl Event for Failed {
    const SUBJECT: &'static str = "transcode.failed";
}
