//! An item as the outside sees it.
//!
//! Invariant: what only its owner may know (the file's own metadata, the untouched original, where it was claimed) is in no
//! view but the owner's.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use contract::media::{Kind, Visibility};
use contract::{AccountId, MediaId};
use kit::sign::Grants;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Failure, Item, State};

/// An item.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Media)]
pub struct MediaView {
    /// Its id, random.
    pub id: MediaId,
    /// Whose it is.
    #[schema(value_type = String, format = "uuid")]
    pub owner: AccountId,
    /// The name it was sent under, cleaned.
    #[schema(example = "cat.jpeg")]
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// How far it is.
    pub state: State,
    /// Who may read it.
    pub visibility: Visibility,
    /// Size of the original in bytes.
    pub bytes: u64,
    /// What its bytes say it is, whatever its name says.
    #[schema(example = "image/jpeg")]
    pub content_type: String,
    /// SHA-256 of the original, hexadecimal. Its owner's only.
    pub sha256: Option<String>,
    /// Width in pixels, upright.
    pub width: Option<u32>,
    /// Height in pixels, upright.
    pub height: Option<u32>,
    /// Length in milliseconds.
    pub duration_ms: Option<u64>,
    /// Its tags, in lower case.
    pub tags: Vec<String>,
    /// When it was taken, as its metadata says. Its owner's only.
    pub taken_at: Option<DateTime<Utc>>,
    /// The camera, as its metadata says. Its owner's only.
    pub camera: Option<String>,
    /// A tiny picture to show until the real one is there: thumbhash, base64.
    pub thumbhash: Option<String>,
    /// How far the conversion is.
    pub progress: Option<ProgressView>,
    /// Why it could not be converted.
    pub failure: Option<Failure>,
    /// `false` while it is staged (`claim=later`) and nobody has claimed it.
    pub claimed: bool,
    /// What it was claimed for. Its owner's only.
    pub subject: Option<String>,
    /// When it was accepted.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// Where its parts are.
    pub urls: Urls,
}

/// How far a conversion is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct ProgressView {
    /// 0–100.
    pub percent: u8,
    /// An estimate of what is left, in milliseconds.
    pub remaining_ms: Option<u64>,
}

/// Where an item's parts are, relative to the site. They work as they are in `<img>` and `<video>`; where not everyone may read, they carry
/// `?t=<grant>`, which expires: add further parameters with the URL API.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Urls {
    /// The untouched file. Its owner's only.
    pub original: Option<String>,
    /// The file without its metadata; null where that can't be removed safely.
    pub file: Option<String>,
    /// A photo in any size (`w`, `h`, `fit`, `format`).
    pub image: Option<String>,
    /// A video's poster, in any size.
    pub poster: Option<String>,
    /// The stream (HLS master playlist), as soon as it can be played.
    pub hls: Option<String>,
    /// Pictures along the time line (WebVTT).
    pub storyboard: Option<String>,
    /// Loudness along the time line (JSON).
    pub waveform: Option<String>,
    /// News of this item (server-sent events).
    pub events: String,
}

/// Who looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reader {
    /// Its owner.
    Owner,
    /// Anybody else.
    Other,
}

/// Signs addresses for views.
#[derive(Debug, Clone)]
pub(crate) struct Addresses<'a> {
    pub grants: &'a Grants,
    pub now: DateTime<Utc>,
    pub lasts: TimeDelta,
}

impl Item {
    /// The item for this reader.
    pub(crate) fn view(&self, reader: Reader, addresses: &Addresses<'_>) -> MediaView {
        let is_owner = reader == Reader::Owner;
        let busy = matches!(self.state, State::Processing | State::Playable);
        MediaView {
            id: self.id.clone(),
            owner: self.owner,
            name: self.name.clone(),
            kind: self.kind,
            state: self.state,
            visibility: self.visibility,
            bytes: self.bytes,
            content_type: self.content_type.clone(),
            sha256: is_owner.then(|| self.sha256.clone()),
            width: self.width,
            height: self.height,
            duration_ms: self.duration_ms,
            tags: self.tags.clone(),
            taken_at: self.taken_at.filter(|_| is_owner),
            camera: self.camera.clone().filter(|_| is_owner),
            thumbhash: self.thumbhash.as_deref().and_then(|text| hex::decode(text).ok()).map(|bytes| STANDARD.encode(bytes)),
            progress: self.percent.filter(|_| busy).map(|percent| ProgressView { percent, remaining_ms: self.remaining_ms }),
            failure: self.failure.clone(),
            claimed: self.claimed,
            subject: self.subject.clone().filter(|_| is_owner),
            created_at: self.created_at,
            updated_at: self.updated_at,
            urls: self.urls(reader, addresses),
        }
    }

    fn urls(&self, reader: Reader, addresses: &Addresses<'_>) -> Urls {
        let id = self.id.as_str();
        let sign = |scope: &str| format!("?t={}", addresses.grants.issue(scope, id, addresses.now, addresses.lasts));
        let view = if self.is_open() { String::new() } else { sign("view") };
        let at = |there: bool, part: &str| there.then(|| format!("/v1/media/{id}/{part}{view}"));
        let has = |asset: &str| self.assets.iter().any(|name| name == asset);
        let plays = self.kind != Kind::Photo && matches!(self.state, State::Playable | State::Ready);
        Urls {
            original: (reader == Reader::Owner).then(|| format!("/v1/media/{id}/original{}", sign("original"))),
            file: self.has_scrub.then(|| format!("/v1/files/{id}.{}{view}", self.format)),
            image: at(self.kind == Kind::Photo, "image"),
            poster: at(has("poster"), "poster"),
            hls: at(plays, "hls/master.m3u8"),
            storyboard: at(has("storyboard"), "storyboard"),
            waveform: at(has("waveform"), "waveform"),
            // The owner's grant opens the owner's view, also of what everyone may see.
            events: format!("/v1/media/{id}/events{}", if reader == Reader::Owner { sign("events") } else { String::new() }),
        }
    }
}
