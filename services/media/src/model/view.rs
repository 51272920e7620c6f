//! An item as a client sees it: four viewers, and what each of them sees.
//!
//! | field | its owner | holder of a signed `events` URL | holder of a share link | everyone (public, unlisted) |
//! |---|---|---|---|---|
//! | [`OWNER_ONLY_FIELDS`] | yes | null | null | null |
//! | `removed_at`, `purges_at` | of an item in the trash, which no other sees | – | – | – |
//! | `withheld` | of an item that is withheld, which no other sees | – | – | – |
//! | the other fields | yes | yes | yes | yes |
//! | `urls` of a public or unlisted item | plain | plain | plain | plain |
//! | `urls` of a private item | signed `view` | plain | signed `view`, no longer than the link | – |
//! | `urls` of an item in the trash, or withheld | signed `trash`, without the original | – | – | – |
//! | `urls.events` | newly signed `events` | the signature of the request | plain | plain |
//!
//! A plain URL of a private item needs a token or a `view` signature. Invariant: only a view for the owner or for the
//! holder of a link has a new signature in it. A response under a signature repeats that one or none, so it never opens
//! more, nor for longer.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use contract::media::{Kind, Visibility};
use contract::{AccountId, MediaId};
use http_server::signed_url::{UrlSignature, UrlSigner};
use serde::Serialize;
use utoipa::ToSchema;

use super::withheld::{Withheld, WithheldView};
use super::{Failure, Item, State};

/// An item.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Media, example = json!(example()))]
pub struct MediaView {
    /// The id, which is random.
    pub id: MediaId,
    /// The id of its owner.
    #[schema(value_type = String, format = "uuid")]
    pub owner: AccountId,
    /// The name of the file, cleaned.
    #[schema(example = "cat.jpeg")]
    pub name: String,
    /// What its owner tells about it; empty if nothing. Lines are separated by line feeds.
    #[schema(example = "The first morning at the sea.")]
    pub description: String,
    /// What stands for the picture where it is not seen, as in `<img alt>`; empty if its owner has written nothing. Of
    /// a video or a song, it describes the poster.
    #[schema(example = "A black cat looks out of a porthole.")]
    pub alt: String,
    /// Whether its picture should stay blurred until the reader opens it: its owner or a moderator says so, or a
    /// classifier takes it for nudity. Clients don't blur it for its owner.
    pub sensitive: bool,
    /// Whether it is a photo, an audio file or a video.
    pub kind: Kind,
    /// The state of its conversion.
    pub state: State,
    /// Who may read it.
    pub visibility: Visibility,
    /// Size of the original in bytes.
    pub bytes: u64,
    /// The type that its bytes have, whatever its name is.
    #[schema(example = "image/jpeg")]
    pub content_type: String,
    /// SHA-256 of the original, hexadecimal. For its owner only.
    pub sha256: Option<String>,
    /// Width in pixels, upright.
    pub width: Option<u32>,
    /// Height in pixels, upright.
    pub height: Option<u32>,
    /// Duration in milliseconds.
    pub duration_ms: Option<u64>,
    /// Its tags, in lower case.
    pub tags: Vec<String>,
    /// When it was taken, according to its metadata. For its owner only.
    pub taken_at: Option<DateTime<Utc>>,
    /// The camera, according to its metadata. For its owner only.
    pub camera: Option<String>,
    /// A tiny placeholder image: thumbhash, base64.
    pub thumbhash: Option<String>,
    /// How far the conversion is.
    pub progress: Option<ProgressView>,
    /// Why it could not be converted.
    pub failure: Option<Failure>,
    /// `false` while the item is staged (`claim=later`) and not claimed.
    pub claimed: bool,
    /// The subject that it was claimed for. For its owner only.
    pub subject: Option<String>,
    /// Its captions, in the order of their languages.
    pub captions: Vec<CaptionsView>,
    /// When it was accepted.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// When it was moved to the trash. Null unless it is there.
    pub removed_at: Option<DateTime<Utc>>,
    /// When it is removed from the trash for good. Until then it can be restored.
    pub purges_at: Option<DateTime<Utc>>,
    /// Why only its owner sees it: it is like a picture that may not be shared here. Null unless it is. Unless an
    /// appeal against `verdict` succeeds, it stays private and can't be shown to others.
    pub withheld: Option<WithheldView>,
    /// The URLs of its files.
    pub urls: Urls,
}

/// Captions in one language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(
    as = Captions,
    example = json!({
        "lang": "pt-BR",
        "label": "Português",
        "url": "/v1/media/5kT0vYq8Zb3mXw1RcHs9Ga/captions/pt-BR?t=szr8eo.Xb0pM2yqVd1RrJwqg0mF5A",
    })
)]
pub struct CaptionsView {
    /// The language, as a BCP 47 tag.
    #[schema(example = "pt-BR")]
    pub lang: String,
    /// What a menu calls them.
    #[schema(example = "Português")]
    pub label: String,
    /// The URL of the text (WebVTT), as `<track>` needs it. It is signed where the other URLs are.
    pub url: String,
}

/// How far a conversion is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({"percent": 40, "remaining_ms": 9000}))]
pub struct ProgressView {
    /// 0–100.
    pub percent: u8,
    /// An estimate of the remaining time, in milliseconds.
    pub remaining_ms: Option<u64>,
}

/// The URLs of the files of an item, relative to the site. In the owner's view they work as they are in `<img>` and
/// `<video>`. Where not everyone may read the item, they carry `?t=<signature>`, which expires: add further parameters
/// with the URL API. Under the signature of an event stream they are plain. Those of an item in the trash, or withheld,
/// work until it is not any more; the ones that it had before work again then.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!(example()["urls"].clone()))]
pub struct Urls {
    /// The unchanged file. For its owner only; null in the trash, and while the item is withheld.
    pub original: Option<String>,
    /// The file without its metadata; null where that cannot be removed safely.
    pub file: Option<String>,
    /// A photo in any size (`w`, `h`, `fit`, `format`).
    pub image: Option<String>,
    /// An animated photo as a muted MP4 to repeat; null for a still one.
    pub motion: Option<String>,
    /// A video's poster, in any size.
    pub poster: Option<String>,
    /// The stream (HLS master playlist), as soon as it can be played.
    pub hls: Option<String>,
    /// Preview images along the time line (WebVTT).
    pub storyboard: Option<String>,
    /// Loudness along the time line (JSON).
    pub waveform: Option<String>,
    /// The events of this item (server-sent events).
    pub events: String,
}

/// Returns the photo that the API's documentation shows as an example, as its owner sees it.
pub(crate) fn example() -> serde_json::Value {
    const URL: &str = "/v1/media/5kT0vYq8Zb3mXw1RcHs9Ga";
    const SIGNATURE: &str = "?t=szr8eo.Xb0pM2yqVd1RrJwqg0mF5A";
    serde_json::json!({
        "id": "5kT0vYq8Zb3mXw1RcHs9Ga",
        "owner": "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b60",
        "name": "cat.jpeg",
        "description": "The first morning at the sea.",
        "alt": "A black cat looks out of a porthole.",
        "sensitive": false,
        "kind": "photo",
        "state": "ready",
        "visibility": "private",
        "bytes": 2_411_724,
        "content_type": "image/jpeg",
        "sha256": "5f8f04f6a3a892aaabbddb6cf273894493773960d4a325b105fee46eef4304f1",
        "width": 4032,
        "height": 3024,
        "duration_ms": null,
        "tags": ["wedding", "sea"],
        "taken_at": "2026-06-20T15:04:05Z",
        "camera": "Pixel 9",
        "thumbhash": "1QcSHQRnh493V4dIh4eXh1h4kJUI",
        "progress": null,
        "failure": null,
        "claimed": true,
        "subject": "post:0198f3",
        "captions": [],
        "created_at": "2026-06-20T18:30:00Z",
        "updated_at": "2026-06-20T18:30:02Z",
        "removed_at": null,
        "purges_at": null,
        "withheld": null,
        "urls": {
            "original": format!("{URL}/original{SIGNATURE}"),
            "file": format!("/v1/files/5kT0vYq8Zb3mXw1RcHs9Ga.jpg{SIGNATURE}"),
            "image": format!("{URL}/image{SIGNATURE}"),
            "motion": null,
            "poster": null,
            "hls": null,
            "storyboard": null,
            "waveform": null,
            "events": format!("{URL}/events{SIGNATURE}")
        }
    })
}

/// Fields that are null in every view but that of the owner.
pub const OWNER_ONLY_FIELDS: [&str; 5] = ["sha256", "taken_at", "camera", "subject", "urls.original"];

/// Who sees the item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Viewer {
    /// Its owner, by token.
    Owner,
    /// A caller with a signed `events` URL.
    SignedUrl(UrlSignature),
    /// A caller with a share link, and when the URLs that it opens expire.
    ShareLink(DateTime<Utc>),
    /// Everyone else, for a public or unlisted item.
    Everyone,
}

/// What signing the URLs of a view needs.
#[derive(Debug, Clone)]
pub(crate) struct UrlSigningContext<'a> {
    pub signer: &'a UrlSigner,
    pub now: DateTime<Utc>,
    pub valid_for: TimeDelta,
}

impl UrlSigningContext<'_> {
    /// Returns the query of a signed URL.
    fn query(&self, scope: &str, id: &str) -> String {
        format!("?t={}", self.signer.sign(scope, id, self.now, self.valid_for))
    }
}

impl Item {
    /// Returns the item as this viewer sees it.
    pub(crate) fn view(&self, viewer: &Viewer, signing: &UrlSigningContext<'_>) -> MediaView {
        let is_owner = *viewer == Viewer::Owner;
        let busy = matches!(self.state, State::Processing | State::Playable);
        MediaView {
            id: self.id.clone(),
            owner: self.owner,
            name: self.name.clone(),
            description: self.description.clone(),
            alt: self.alt.clone(),
            sensitive: self.is_sensitive(is_owner),
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
            thumbhash: self
                .thumbhash
                .as_deref()
                .and_then(|text| hex::decode(text).ok())
                .map(|bytes| STANDARD.encode(bytes)),
            progress: self
                .percent
                .filter(|_| busy)
                .map(|percent| ProgressView { percent, remaining_ms: self.remaining_ms }),
            failure: self.failure.clone(),
            claimed: self.claimed,
            subject: self.subject.clone().filter(|_| is_owner),
            captions: self.captions_view(viewer, signing),
            created_at: self.created_at,
            updated_at: self.updated_at,
            removed_at: self.trashed.map(|trashed| trashed.removed_at),
            purges_at: self.trashed.map(|trashed| trashed.purges_at),
            withheld: self.withheld.as_ref().filter(|_| is_owner).map(Withheld::view),
            urls: self.urls(viewer, signing),
        }
    }

    /// Returns the query that lets everyone who has the URL see the item; nothing where none is needed or allowed.
    fn view_query(&self, viewer: &Viewer, signing: &UrlSigningContext<'_>) -> String {
        let id = self.id.as_str();
        match viewer {
            Viewer::Owner if self.is_hidden() => signing.query("trash", id),
            _ if self.is_public_or_unlisted() => String::new(),
            Viewer::Owner => signing.query("view", id),
            Viewer::ShareLink(ends_at) => format!("?t={}", signing.signer.sign_until("view", id, *ends_at)),
            Viewer::SignedUrl(_) | Viewer::Everyone => String::new(),
        }
    }

    fn captions_view(&self, viewer: &Viewer, signing: &UrlSigningContext<'_>) -> Vec<CaptionsView> {
        let (id, view) = (&self.id, self.view_query(viewer, signing));
        let views = self.captions.iter().map(|one| CaptionsView {
            lang: one.lang.clone(),
            label: one.label.clone(),
            url: format!("/v1/media/{id}/captions/{}{view}", one.lang),
        });
        views.collect()
    }

    fn urls(&self, viewer: &Viewer, signing: &UrlSigningContext<'_>) -> Urls {
        let id = self.id.as_str();
        let is_owner = *viewer == Viewer::Owner;
        let sign = |scope: &str| signing.query(scope, id);
        let view = self.view_query(viewer, signing);
        let url = |exists: bool, part: &str| exists.then(|| format!("/v1/media/{id}/{part}{view}"));
        let has = |asset: &str| self.assets.iter().any(|name| name == asset);
        let is_playable = self.kind != Kind::Photo && matches!(self.state, State::Playable | State::Ready);
        let events = match viewer {
            Viewer::Owner => sign("events"),
            Viewer::SignedUrl(signature) => format!("?t={}", signature.text()),
            Viewer::ShareLink(_) | Viewer::Everyone => String::new(),
        };
        Urls {
            original: (is_owner && !self.is_hidden()).then(|| format!("/v1/media/{id}/original{}", sign("original"))),
            file: self.has_scrub.then(|| format!("/v1/files/{id}.{}{view}", self.format)),
            image: url(self.kind == Kind::Photo, "image"),
            motion: url(has("motion"), "motion.mp4"),
            poster: url(has("poster"), "poster"),
            hls: url(is_playable, "hls/master.m3u8"),
            storyboard: url(has("storyboard"), "storyboard"),
            waveform: url(has("waveform"), "waveform"),
            events: format!("/v1/media/{id}/events{events}"),
        }
    }
}

#[cfg(test)]
mod tests;
