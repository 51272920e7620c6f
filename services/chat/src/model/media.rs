//! A media item of a message: the copy of what it needs to be shown.
//!
//! Invariant: a URL is signed for less than an hour, and only for a reader of the message (decision 40).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use contract::MediaId;
use contract::media::{Conversion, Kind, OwnedItem, Sensitivity};
use contract::social::views::{PostMediaUrls, PostMediaView};
use http_server::signed_url::UrlSigner;
use screening::classifier::{Opinion, Score};

/// Signatures end at a multiple of this, so that a URL stays the same, and cached, for a while.
const SIGNATURE_STEP_SECONDS: i64 = 1800;

/// A media item of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MessageMedia {
    /// The item's id.
    pub id: MediaId,
    /// The kind of media.
    pub kind: Kind,
    /// How far its conversion is.
    pub state: Conversion,
    /// The alternative text.
    pub alt: String,
    /// Upright width in pixels.
    pub width: Option<u32>,
    /// Upright height in pixels.
    pub height: Option<u32>,
    /// Duration in milliseconds.
    pub duration_ms: Option<u64>,
    /// The thumbhash, hexadecimal.
    pub thumbhash: Option<String>,
    /// The names of its assets.
    pub assets: Vec<String>,
    /// How sensitive its picture is.
    pub sensitivity: Sensitivity,
    /// The version of that; 0 before anything was said.
    pub sensitivity_version: u64,
    /// What the verdict about a new message is told; not stored.
    pub nudity: Opinion,
}

/// What an event says of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MediaUpdate {
    /// The state that it has reached.
    pub state: Conversion,
    /// Upright width in pixels, if it is known now.
    pub width: Option<u32>,
    /// Upright height in pixels, if it is known now.
    pub height: Option<u32>,
    /// Duration in milliseconds, if it is known now.
    pub duration_ms: Option<u64>,
    /// The thumbhash, if it is known now.
    pub thumbhash: Option<String>,
    /// The names of its assets, if they are known now.
    pub assets: Option<Vec<String>>,
}

impl From<OwnedItem> for MessageMedia {
    fn from(item: OwnedItem) -> Self {
        Self {
            id: item.id,
            kind: item.kind,
            state: item.state,
            alt: item.alt,
            width: item.width,
            height: item.height,
            duration_ms: item.duration_ms,
            thumbhash: item.thumbhash,
            assets: item.assets,
            sensitivity: item.sensitivity,
            sensitivity_version: item.sensitivity_version,
            nudity: item.nudity.map_or(Opinion::NotAsked, |score| Opinion::Scored(Score::of_thousandths(score))),
        }
    }
}

impl MessageMedia {
    /// Whether news about it may have come before it was stored: its conversion goes on, or nothing has been said of
    /// its picture yet.
    pub(crate) fn is_pending(&self) -> bool {
        let has_picture = self.kind != Kind::Audio;
        self.state != Conversion::Ready || (has_picture && self.sensitivity_version == 0)
    }

    /// Whether the other members see it blurred until they open it. A doubt is for strangers alone.
    pub(crate) fn is_sensitive(&self, is_from_stranger: bool) -> bool {
        match self.sensitivity {
            Sensitivity::Sensitive => true,
            Sensitivity::Unsure => is_from_stranger,
            Sensitivity::Clear => false,
        }
    }

    /// Returns the item as a reader of the message sees it.
    pub(crate) fn view(&self, is_sensitive: bool, signer: &UrlSigner, now: DateTime<Utc>) -> PostMediaView {
        let hash = self.thumbhash.as_deref().and_then(|text| hex::decode(text).ok());
        let is_viewable = matches!(self.state, Conversion::Playable | Conversion::Ready);
        PostMediaView {
            id: self.id.clone(),
            kind: self.kind,
            state: self.state,
            alt: self.alt.clone(),
            width: self.width,
            height: self.height,
            duration_ms: self.duration_ms,
            thumbhash: hash.map(|bytes| STANDARD.encode(bytes)),
            sensitive: is_sensitive,
            urls: if is_viewable { self.urls(signer, now) } else { PostMediaUrls::default() },
        }
    }

    fn urls(&self, signer: &UrlSigner, now: DateTime<Utc>) -> PostMediaUrls {
        let signature = signer.sign_until("view", self.id.as_str(), signature_end(now));
        let url = |is_there: bool, part: &str| is_there.then(|| format!("/v1/media/{}/{part}?t={signature}", self.id));
        let has = |asset: &str| self.assets.iter().any(|name| name == asset);
        let is_photo = self.kind == Kind::Photo;
        PostMediaUrls {
            image: url(is_photo, "image"),
            motion: url(has("motion"), "motion.mp4"),
            poster: url(has("poster"), "poster"),
            hls: url(!is_photo, "hls/master.m3u8"),
            waveform: url(has("waveform"), "waveform"),
        }
    }
}

/// Returns the URL of a photo that is shown to those who take part in a conversation.
pub(crate) fn picture_url(id: &MediaId, signer: &UrlSigner, now: DateTime<Utc>) -> String {
    let signature = signer.sign_until("view", id.as_str(), signature_end(now));
    format!("/v1/media/{id}/image?t={signature}")
}

/// Returns when a signature of now ends: in 30 to 60 minutes.
fn signature_end(now: DateTime<Utc>) -> DateTime<Utc> {
    let begun = now.timestamp() - now.timestamp().rem_euclid(SIGNATURE_STEP_SECONDS);
    DateTime::from_timestamp(begun, 0).unwrap_or(now) + TimeDelta::seconds(2 * SIGNATURE_STEP_SECONDS)
}
