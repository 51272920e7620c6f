//! The song of a post: an audio item of its author's, or of another member's.
//!
//! Does not own who is shown a song (`store/visible.rs`). Invariant: a song is an audio item that was converted when it
//! was chosen, and is called what the item is called.

use chrono::{DateTime, Utc};
use contract::MediaId;
use contract::media::{Conversion, Kind, OwnedItem};
use contract::social::views::SongView;
use http_server::signed_url::UrlSigner;

use super::InvalidPost;
use super::person::PersonNumber;
use super::post_media::view_signature;

/// The extensions of files with audio, which are no part of a title.
const EXTENSIONS: [&str; 13] =
    ["aac", "aif", "aiff", "flac", "m4a", "m4b", "mka", "mp3", "mp4", "oga", "ogg", "opus", "wav"];

/// The song that a post names; none by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SongChoice(pub Option<MediaId>);

impl SongChoice {
    /// Returns the choice of a text; an empty one is none.
    pub(crate) fn parse(text: &str) -> Result<Self, InvalidPost> {
        if text.is_empty() {
            return Ok(Self(None));
        }
        text.parse().map(|id| Self(Some(id))).map_err(|_| InvalidPost("`song` is the id of an audio item."))
    }
}

/// An audio item as the song of posts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Song {
    /// The item's id.
    pub id: MediaId,
    /// Whose it is.
    pub owner: PersonNumber,
    /// What it is called.
    pub title: String,
    /// Duration in milliseconds.
    pub duration_ms: Option<u64>,
    /// The version of the owner's change that the title is from.
    pub version: u64,
}

impl Song {
    /// Returns the song that an item is; `None` if it is none: no audio, not converted, or staged.
    pub(crate) fn of(item: OwnedItem, owner: PersonNumber) -> Option<Self> {
        // One that is staged would be removed after a day.
        let is_song = item.kind == Kind::Audio && item.state == Conversion::Ready && !item.staged;
        is_song.then(|| Self {
            id: item.id,
            owner,
            title: title_of(&item.name),
            duration_ms: item.duration_ms,
            version: item.version,
        })
    }
}

/// Returns the title of an item with this name: without the extension of a file.
pub(crate) fn title_of(name: &str) -> String {
    let without = name.rsplit_once('.').filter(|(title, extension)| {
        !title.trim().is_empty() && EXTENSIONS.iter().any(|known| extension.eq_ignore_ascii_case(known))
    });
    without.map_or(name, |(title, _)| title.trim_end()).to_owned()
}

/// A song that a reader of a post is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ShownSong {
    /// The item's id.
    pub id: MediaId,
    /// What it is called.
    pub title: String,
    /// Whose it is.
    pub handle: String,
    /// Duration in milliseconds.
    pub duration_ms: Option<u64>,
}

impl ShownSong {
    /// Returns the song as the reader sees it, with a URL that is signed for less than an hour.
    pub(crate) fn view(self, signer: &UrlSigner, now: DateTime<Utc>) -> SongView {
        let signature = view_signature(signer, &self.id, now);
        SongView {
            hls: format!("/v1/media/{}/hls/master.m3u8?t={signature}", self.id),
            id: self.id,
            title: self.title,
            handle: self.handle,
            duration_ms: self.duration_ms,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item() -> OwnedItem {
        OwnedItem {
            id: MediaId::random(),
            kind: Kind::Audio,
            state: Conversion::Ready,
            name: "Blue in Green.mp3".into(),
            alt: String::new(),
            width: None,
            height: None,
            duration_ms: Some(337_000),
            thumbhash: None,
            assets: Vec::new(),
            staged: false,
            version: 3,
            sensitivity: contract::media::Sensitivity::Clear,
            sensitivity_version: 0,
            nudity: None,
        }
    }

    #[test]
    fn a_song_is_an_audio_item_that_is_converted() {
        let of = |item: OwnedItem| Song::of(item, PersonNumber(7));
        let song = of(item()).unwrap();
        assert_eq!((song.title.as_str(), song.owner, song.version), ("Blue in Green", PersonNumber(7), 3));
        assert_eq!(of(OwnedItem { kind: Kind::Video, ..item() }), None);
        assert_eq!(of(OwnedItem { staged: true, ..item() }), None);
        for state in [Conversion::Received, Conversion::Processing, Conversion::Playable, Conversion::Failed] {
            assert_eq!(of(OwnedItem { state, ..item() }), None, "{state:?}");
        }
    }

    #[test]
    fn a_title_has_no_extension_of_a_file() {
        for (name, title) in [
            ("Blue in Green.mp3", "Blue in Green"),
            ("Blue in Green.FLAC", "Blue in Green"),
            ("Mambo No.5", "Mambo No.5"),
            ("Dr. Feelgood", "Dr. Feelgood"),
            ("a.b.wav", "a.b"),
            (".mp3", ".mp3"),
            ("", ""),
        ] {
            assert_eq!(title_of(name), title);
        }
    }

    #[test]
    fn a_choice_is_an_id_or_none() {
        let id = MediaId::random();
        assert_eq!(SongChoice::parse(id.as_str()).unwrap(), SongChoice(Some(id)));
        assert_eq!(SongChoice::parse("").unwrap(), SongChoice(None));
        assert!(SongChoice::parse("Blue in Green").is_err());
    }
}
