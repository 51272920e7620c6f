//! The events of `media` (an upload was accepted, changed, deleted, scored, or is to be converted again), and the
//! internal queries for one item.
//!
//! Invariant: [`Received`] is published in the transaction that makes the item visible to its owner, after the bytes
//! are stored durably, so every subscriber can read the object.

mod sensitivity;

use base::Query;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use sensitivity::{Sensitivity, SensitivityChanged};

use crate::{AccountId, Event, MediaId, ObjectKey};

/// What kind of media an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A still or animated image.
    Photo,
    /// Audio without video (cover art does not count).
    Audio,
    /// Video, with or without audio.
    Video,
}

crate::string_enum!(Kind: Photo => "photo", Audio => "audio", Video => "video");

/// Who may read an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// The owner, and clients that present a signed URL.
    #[default]
    Private,
    /// Any client that knows the id; the item is never listed.
    Unlisted,
    /// Everyone; URLs are permanent and cacheable.
    Public,
}

crate::string_enum!(Visibility: Private => "private", Unlisted => "unlisted", Public => "public");

/// A range of an original that is overwritten when it is served, to hide metadata: same length, other content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Patch {
    /// Offset of the range, in bytes from the start of the original.
    pub offset: u64,
    /// Length of the range in bytes.
    pub bytes: u64,
    /// The replacement bytes in hexadecimal; the rest of the range is zero.
    #[serde(default)]
    pub hex: String,
}

/// Captions of an item in one language, without the text.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CaptionTrack {
    /// The language, a BCP 47 tag. An item has each once.
    pub lang: String,
    /// What a menu calls them.
    pub label: String,
}

/// `media.received`: an item is in its owner's library and its bytes are stored. Also the response of
/// [`FindReceived`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Received {
    /// The item's id.
    pub id: MediaId,
    /// The account that owns the item.
    pub owner: AccountId,
    /// The kind of media.
    pub kind: Kind,
    /// The container detected from the first bytes, such as `mp4`, `jpeg`; also the file extension.
    pub format: String,
    /// The content type that belongs to `format`.
    pub content_type: String,
    /// The uploaded file's name, sanitized.
    pub name: String,
    /// Size of the original in bytes.
    pub bytes: u64,
    /// SHA-256 of the original, hexadecimal.
    pub sha256: String,
    /// The original's object key.
    pub object: ObjectKey,
    /// Patches that hide the original's metadata from other members; `None` where the structure was not understood
    /// (then only the owner can download the file).
    pub scrub: Option<Vec<Patch>>,
    /// Who may read the item.
    pub visibility: Visibility,
    /// Upright width in pixels, where known.
    pub width: Option<u32>,
    /// Upright height in pixels, where known.
    pub height: Option<u32>,
    /// Duration in milliseconds, where known.
    pub duration_ms: Option<u64>,
    /// EXIF orientation 1–8 (1 where the file has none).
    pub orientation: u8,
    /// When the upload was accepted.
    pub created_at: DateTime<Utc>,
    /// Whether the item is in the trash or withheld; see [`Changed::trashed`]. Always `false` in the event.
    #[serde(default)]
    pub trashed: bool,
    /// The captions of the item. Always empty in the event.
    #[serde(default)]
    pub captions: Vec<CaptionTrack>,
}

impl Event for Received {
    const SUBJECT: &'static str = "media.received";
}

/// `media.changed`: the owner changed the item's name, tags, visibility or captions, moved it to the trash, or restored
/// it; or it is withheld, or is not any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    /// The item's id.
    pub id: MediaId,
    /// The current name.
    pub name: String,
    /// The current tags.
    pub tags: Vec<String>,
    /// The current visibility.
    pub visibility: Visibility,
    /// Whether the item is in the trash, or withheld because it is like a picture that may not be shared. Then only its
    /// owner may read it, and other members' use of it shows nothing. Everything made from it is kept until
    /// [`Deleted`], so that it can be restored.
    #[serde(default)]
    pub trashed: bool,
    /// The captions that it has now.
    #[serde(default)]
    pub captions: Vec<CaptionTrack>,
    /// Increases with every change, so that a subscriber can discard an older event that arrives late.
    pub version: u64,
}

impl Event for Changed {
    const SUBJECT: &'static str = "media.changed";
}

/// `media.recompressed`: the original is stored in fewer bytes, under another key, with the same pixels and metadata.
/// An item is recompressed once at most. What was there before is kept for a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recompressed {
    /// The item's id.
    pub id: MediaId,
    /// The key that the original had.
    pub replaced: ObjectKey,
    /// The key that it has now.
    pub object: ObjectKey,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its SHA-256, hexadecimal.
    pub sha256: String,
    /// The patches that hide its metadata, as in [`Received::scrub`].
    pub scrub: Option<Vec<Patch>>,
}

impl Event for Recompressed {
    const SUBJECT: &'static str = "media.recompressed";
}

/// `media.deleted`: the item is gone; every copy and rendition must be removed and running conversions must stop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deleted {
    /// The item's id.
    pub id: MediaId,
    /// The account that owned the item.
    pub owner: AccountId,
}

impl Event for Deleted {
    const SUBJECT: &'static str = "media.deleted";
}

/// `media.retried`: the conversion of the item has failed, and an operator wants it to go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retried {
    /// The item's id.
    pub id: MediaId,
    /// The account that owns the item.
    pub owner: AccountId,
    /// The number of this retry of the item, from 1, so that a subscriber can discard an event that arrives twice.
    pub retry: u32,
}

impl Event for Retried {
    const SUBJECT: &'static str = "media.retried";
}

/// Asks media for an item. The response is the event that announced the item, with its current name and visibility;
/// there is none once the item is deleted. An item in the trash, or withheld, is returned as such.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindReceived(pub MediaId);

impl Query for FindReceived {
    const ROLE: &'static str = "media";
    const PATH: &'static str = "/internal/media/{id}";
    type Response = Received;

    fn path(&self) -> String {
        format!("/internal/media/{}", self.0)
    }
}

/// What a preview shows of an item that everyone may read. The response of [`FindPreview`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preview {
    /// The item's id.
    pub id: MediaId,
    /// The kind of media.
    pub kind: Kind,
    /// The current name.
    pub name: String,
    /// What stands for the picture where it is not seen; empty if its owner has written nothing.
    #[serde(default)]
    pub alt: String,
    /// Unlisted or public.
    pub visibility: Visibility,
    /// Upright width in pixels, where known.
    pub width: Option<u32>,
    /// Upright height in pixels, where known.
    pub height: Option<u32>,
    /// The path of a picture of it in any size; `None` where there is none (yet).
    pub image: Option<String>,
    /// Whether it can be shown or played.
    pub is_viewable: bool,
}

/// Asks media for the preview of an item. There is no response for an item that an anonymous visitor may not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindPreview(pub MediaId);

impl Query for FindPreview {
    const ROLE: &'static str = "media";
    const PATH: &'static str = "/internal/media/{id}/preview";
    type Response = Preview;

    fn path(&self) -> String {
        format!("/internal/media/{}/preview", self.0)
    }
}

/// What a preview shows of an album that everyone may read. The response of [`FindAlbumPreview`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlbumPreview {
    /// The album's id.
    pub id: MediaId,
    /// The title.
    pub title: String,
    /// Unlisted or public.
    pub visibility: Visibility,
    /// The number of its items that an anonymous visitor sees.
    pub item_count: u64,
    /// The item that stands for it, as an anonymous visitor sees the album.
    pub cover: Option<Preview>,
}

/// Asks media for the preview of an album. There is no response for an album that an anonymous visitor may not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindAlbumPreview(pub MediaId);

impl Query for FindAlbumPreview {
    const ROLE: &'static str = "media";
    const PATH: &'static str = "/internal/albums/{id}/preview";
    type Response = AlbumPreview;

    fn path(&self) -> String {
        format!("/internal/albums/{}/preview", self.0)
    }
}

/// Asks media whose an album is. There is no response for one that does not exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindAlbumOwner(pub MediaId);

impl Query for FindAlbumOwner {
    const ROLE: &'static str = "media";
    const PATH: &'static str = "/internal/albums/{id}/owner";
    type Response = AccountId;

    fn path(&self) -> String {
        format!("/internal/albums/{}/owner", self.0)
    }
}

/// How far the conversion of an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Conversion {
    /// Its bytes are stored.
    Received,
    /// It is being converted.
    Processing,
    /// A player can start; more renditions follow.
    Playable,
    /// Everything is there.
    Ready,
    /// It cannot be converted.
    Failed,
}

crate::string_enum!(
    Conversion:
    Received => "received",
    Processing => "processing",
    Playable => "playable",
    Ready => "ready",
    Failed => "failed",
);

/// What a service that shows an item of a member beside other things keeps a copy of. The response of
/// [`FindOwnedItems`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnedItem {
    /// The item's id.
    pub id: MediaId,
    /// The kind of media.
    pub kind: Kind,
    /// How far its conversion is.
    pub state: Conversion,
    /// The current name; empty from a release that does not send it.
    #[serde(default)]
    pub name: String,
    /// What stands for the picture where it is not seen; empty if its owner has written nothing.
    pub alt: String,
    /// Upright width in pixels, where known.
    pub width: Option<u32>,
    /// Upright height in pixels, where known.
    pub height: Option<u32>,
    /// Duration in milliseconds, where known.
    pub duration_ms: Option<u64>,
    /// The thumbhash of the photo or poster, hexadecimal.
    pub thumbhash: Option<String>,
    /// The names of the item's assets, as in [`crate::transcode::Asset::name`].
    pub assets: Vec<String>,
    /// Whether it is staged (`claim=later`) and not claimed. Such an item is removed after a day.
    pub staged: bool,
    /// Increases with every change of its owner's, as in [`Changed::version`].
    pub version: u64,
    /// How sensitive its picture is.
    #[serde(default)]
    pub sensitivity: Sensitivity,
    /// As in [`SensitivityChanged::version`]; 0 before the first change.
    #[serde(default)]
    pub sensitivity_version: u64,
    /// What a classifier has scored its picture for nudity, in thousandths; `None` without a score, and where a
    /// moderator has overturned it.
    #[serde(default)]
    pub nudity: Option<u16>,
}

/// Asks media for items of one owner. Those of other members, those in the trash and those that are withheld are left
/// out, like those that don't exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindOwnedItems {
    /// The account that must own them.
    pub owner: AccountId,
    /// The items, at most 100.
    pub ids: Vec<MediaId>,
}

impl Query for FindOwnedItems {
    const ROLE: &'static str = "media";
    const PATH: &'static str = "/internal/owners/{owner}/media/{ids}";
    type Response = Vec<OwnedItem>;

    fn path(&self) -> String {
        let ids: Vec<&str> = self.ids.iter().map(MediaId::as_str).collect();
        format!("/internal/owners/{}/media/{}", self.owner, ids.join(","))
    }
}
