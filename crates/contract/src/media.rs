//! What `media` publishes: an upload arrived, changed, or was erased.
//!
//! Invariant: [`Received`] is published in the transaction that makes the item visible to its owner,
//! after the bytes are safe, so whoever hears it can read the object.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{AccountId, Event, MediaId, ObjectKey};

/// What sort of thing an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A still or animated picture.
    Photo,
    /// Sound without moving pictures (cover art doesn't count).
    Audio,
    /// Moving pictures, with or without sound.
    Video,
}

crate::string_enum!(Kind: Photo => "photo", Audio => "audio", Video => "video");

/// Who may read an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// Its owner, and whoever holds a signed address.
    #[default]
    Private,
    /// Whoever knows its id; never listed.
    Unlisted,
    /// Everyone; addresses are permanent and cacheable.
    Public,
}

crate::string_enum!(Visibility: Private => "private", Unlisted => "unlisted", Public => "public");

/// Bytes that hide metadata when laid over an original: same length, other content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Patch {
    /// Where it starts, in bytes from the start of the original.
    pub offset: u64,
    /// How many bytes it covers.
    pub bytes: u64,
    /// What stands there instead, hexadecimal; the rest of the range is zero.
    #[serde(default)]
    pub hex: String,
}

/// `media.received`: an item is in its owner's library and its bytes are safe. Also the answer of `GET /internal/media/{id}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Received {
    /// The item.
    pub id: MediaId,
    /// Whose it is.
    pub owner: AccountId,
    /// What it is.
    pub kind: Kind,
    /// The container found in its first bytes, such as `mp4`, `jpeg`; also its file extension.
    pub format: String,
    /// The content type that goes with `format`.
    pub content_type: String,
    /// The name it was sent under, cleaned.
    pub name: String,
    /// Size of the original in bytes.
    pub bytes: u64,
    /// SHA-256 of the original, hexadecimal.
    pub sha256: String,
    /// Where the original lies.
    pub object: ObjectKey,
    /// Overlays that hide its metadata from others; `None` where the structure was not understood (then nobody but the owner gets the file).
    pub scrub: Option<Vec<Patch>>,
    /// Who may read it.
    pub visibility: Visibility,
    /// Upright width in pixels, where known.
    pub width: Option<u32>,
    /// Upright height in pixels, where known.
    pub height: Option<u32>,
    /// Length in milliseconds, where known.
    pub duration_ms: Option<u64>,
    /// EXIF orientation 1–8 (1 where there is none).
    pub orientation: u8,
    /// When it was accepted.
    pub created_at: DateTime<Utc>,
}

impl Event for Received {
    const SUBJECT: &'static str = "media.received";
}

/// `media.changed`: its owner gave it another name, tags or audience.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    /// The item.
    pub id: MediaId,
    /// Its name now.
    pub name: String,
    /// Its tags now.
    pub tags: Vec<String>,
    /// Its audience now.
    pub visibility: Visibility,
    /// Grows by one with every change, so that a late event can be told from a new one.
    pub version: u64,
}

impl Event for Changed {
    const SUBJECT: &'static str = "media.changed";
}

/// `media.deleted`: it is gone; every copy and rendition must go, and running work must stop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deleted {
    /// The item.
    pub id: MediaId,
    /// Whose it was.
    pub owner: AccountId,
}

impl Event for Deleted {
    const SUBJECT: &'static str = "media.deleted";
}
