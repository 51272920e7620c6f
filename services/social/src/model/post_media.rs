//! A media item in a post, and when a post with media appears.
//!
//! Invariant: a state only ever moves forward, so events that arrive late or twice change nothing. From failed it moves
//! to ready alone, after a retry.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use contract::MediaId;
use contract::media::{Conversion, Kind, OwnedItem, Sensitivity};
use contract::social::views::{PostMediaUrls, PostMediaView};
use http_server::signed_url::UrlSigner;

use super::relation::Relation;

/// Signatures end at a multiple of this, so that a URL stays the same, and cached, for a while.
const SIGNATURE_STEP_SECONDS: i64 = 1800;
/// The longest that a signature is valid. A block ends what was given out before within this time.
const MAX_SIGNATURE: TimeDelta = TimeDelta::seconds(2 * SIGNATURE_STEP_SECONDS);

/// A media item in a post: the copy of what it needs to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PostMedia {
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
    /// Whether it is in the trash of its owner.
    pub is_hidden: bool,
    /// The version of the owner's change that `is_hidden` is from.
    pub version: u64,
    /// How sensitive its picture is.
    pub sensitivity: Sensitivity,
    /// The version of that; 0 before anything was said.
    pub sensitivity_version: u64,
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

/// What is to become of a post that waits for its media.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Conclusion {
    /// It waits.
    Waits,
    /// It appears.
    Appears,
    /// There is nothing left of it.
    IsEmpty,
}

impl PostMedia {
    /// Returns the copy of an item. `alt` stands in place of the library's text if it is not empty.
    pub(crate) fn of(item: OwnedItem, alt: &str) -> Self {
        Self {
            id: item.id,
            kind: item.kind,
            state: item.state,
            alt: if alt.is_empty() { item.alt } else { alt.to_owned() },
            width: item.width,
            height: item.height,
            duration_ms: item.duration_ms,
            thumbhash: item.thumbhash,
            assets: item.assets,
            is_hidden: false,
            version: item.version,
            sensitivity: item.sensitivity,
            sensitivity_version: item.sensitivity_version,
        }
    }

    /// Whether it can be shown or played.
    pub(crate) fn is_viewable(&self) -> bool {
        !self.is_hidden && matches!(self.state, Conversion::Playable | Conversion::Ready)
    }

    /// Whether it will never be shown.
    pub(crate) fn is_lost(&self) -> bool {
        self.state == Conversion::Failed
    }

    /// Whether it holds a post up.
    fn is_pending(&self) -> bool {
        !self.is_hidden && matches!(self.state, Conversion::Received | Conversion::Processing)
    }

    /// Whether it stays blurred until a reader opens it who stands so to its owner. A doubt is for strangers alone:
    /// those who follow a member have chosen to see what that member posts. That the owner follows them makes no
    /// difference.
    fn is_sensitive_to(&self, relation: &Relation) -> bool {
        match self.sensitivity {
            Sensitivity::Sensitive => !relation.is_self,
            Sensitivity::Unsure => !relation.is_self && !relation.follows,
            Sensitivity::Clear => false,
        }
    }

    /// Returns the item as a reader sees it who stands so to its owner, with URLs that are signed for less than an
    /// hour.
    pub(crate) fn view(&self, relation: &Relation, signer: &UrlSigner, now: DateTime<Utc>) -> PostMediaView {
        let hash = self.thumbhash.as_deref().and_then(|text| hex::decode(text).ok());
        PostMediaView {
            id: self.id.clone(),
            kind: self.kind,
            state: self.state,
            alt: self.alt.clone(),
            width: self.width,
            height: self.height,
            duration_ms: self.duration_ms,
            thumbhash: hash.map(|bytes| STANDARD.encode(bytes)),
            sensitive: self.is_sensitive_to(relation),
            urls: if self.is_viewable() { self.urls(signer, now) } else { PostMediaUrls::default() },
        }
    }

    fn urls(&self, signer: &UrlSigner, now: DateTime<Utc>) -> PostMediaUrls {
        let signature = view_signature(signer, &self.id, now);
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

/// Returns a signature that opens what can be shown of an item.
pub(crate) fn view_signature(signer: &UrlSigner, id: &MediaId, now: DateTime<Utc>) -> String {
    signer.sign_until("view", id.as_str(), signature_end(now))
}

/// Returns when a signature of now ends: in 30 to 60 minutes.
pub(crate) fn signature_end(now: DateTime<Utc>) -> DateTime<Utc> {
    let begun = now.timestamp() - now.timestamp().rem_euclid(SIGNATURE_STEP_SECONDS);
    DateTime::from_timestamp(begun, 0).unwrap_or(now) + MAX_SIGNATURE
}

/// Returns what is to become of a waiting post: it appears once no item is pending any more, if there is something to
/// show. Of items that failed, only the author learns.
pub(crate) fn conclude(has_text: bool, media: &[PostMedia]) -> Conclusion {
    if media.is_empty() && !has_text {
        return Conclusion::IsEmpty;
    }
    let is_shown = has_text || media.iter().any(PostMedia::is_viewable);
    if is_shown && !media.iter().any(PostMedia::is_pending) { Conclusion::Appears } else { Conclusion::Waits }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(state: Conversion) -> PostMedia {
        PostMedia {
            id: MediaId::random(),
            kind: Kind::Video,
            state,
            alt: String::new(),
            width: None,
            height: None,
            duration_ms: None,
            thumbhash: None,
            assets: vec!["poster".into()],
            is_hidden: false,
            version: 1,
            sensitivity: Sensitivity::Clear,
            sensitivity_version: 0,
        }
    }

    #[test]
    fn a_post_appears_when_nothing_is_pending_and_something_is_there() {
        use Conversion::{Failed, Playable, Processing, Ready, Received};
        for (has_text, states, conclusion) in [
            (true, vec![], Conclusion::Appears),
            (false, vec![], Conclusion::IsEmpty),
            (true, vec![Received], Conclusion::Waits),
            (false, vec![Ready, Processing], Conclusion::Waits),
            (false, vec![Ready, Playable], Conclusion::Appears),
            (false, vec![Ready, Failed], Conclusion::Appears),
            (false, vec![Failed], Conclusion::Waits),
            (true, vec![Failed], Conclusion::Appears),
        ] {
            let media: Vec<PostMedia> = states.iter().copied().map(item).collect();
            assert_eq!(conclude(has_text, &media), conclusion, "{states:?}");
        }
        let hidden = PostMedia { is_hidden: true, ..item(Processing) };
        assert_eq!(conclude(false, std::slice::from_ref(&hidden)), Conclusion::Waits);
        assert_eq!(conclude(false, &[hidden, item(Ready)]), Conclusion::Appears);
    }

    #[test]
    fn urls_end_within_an_hour_and_stay_the_same_for_a_while() {
        let (signer, now) = (UrlSigner::new([7; 32]), DateTime::from_timestamp(1_800_000_000, 0).unwrap());
        let reader = Relation::default();
        let url = |at: DateTime<Utc>| item(Conversion::Playable).view(&reader, &signer, at).urls;
        let video = PostMedia { id: "5kT0vYq8Zb3mXw1RcHs9Ga".parse().unwrap(), ..item(Conversion::Playable) };
        let hls = |at: DateTime<Utc>| video.view(&reader, &signer, at).urls.hls.unwrap();
        assert_eq!(hls(now), hls(now + TimeDelta::minutes(29)));
        for minutes in 0..120 {
            let at = now + TimeDelta::minutes(minutes);
            let text = hls(at);
            let (_, signature) = text.split_once("?t=").unwrap();
            let ends_at = signer.verify(signature, "view", video.id.as_str(), at).unwrap().ends_at();
            assert!(ends_at > at + TimeDelta::minutes(29) && ends_at <= at + MAX_SIGNATURE, "{minutes}");
        }
        assert!(url(now).image.is_none() && url(now).poster.is_some());
        assert_eq!(item(Conversion::Processing).view(&reader, &signer, now).urls, PostMediaUrls::default());
    }

    #[test]
    fn a_doubt_is_for_strangers_and_nothing_is_blurred_for_its_owner() {
        let stranger = Relation { is_followed_by: true, ..Relation::default() };
        let follower = Relation { follows: true, ..Relation::default() };
        for (sensitivity, expected) in [
            (Sensitivity::Clear, [false, false, false]),
            (Sensitivity::Unsure, [true, false, false]),
            (Sensitivity::Sensitive, [true, true, false]),
        ] {
            let photo = PostMedia { sensitivity, ..item(Conversion::Ready) };
            let seen = [&stranger, &follower, &Relation::of_self()].map(|reader| photo.is_sensitive_to(reader));
            assert_eq!(seen, expected, "{sensitivity:?}");
        }
    }
}
