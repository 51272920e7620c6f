//! Items, and the rules about them. No I/O.
//!
//! Invariant: a state only ever moves forward, but for the retry of an operator, so events that arrive late or twice
//! change nothing.

pub(crate) mod album;
pub(crate) mod album_order;
pub(crate) mod album_view;
pub(crate) mod captions;
pub(crate) mod claim;
pub(crate) mod cursor;
pub(crate) mod hash_state;
pub(crate) mod item_change;
pub(crate) mod known_picture;
pub(crate) mod library;
pub(crate) mod limits;
pub(crate) mod operator_view;
mod owned_item;
mod preview;
pub(crate) mod quiet_hours;
pub(crate) mod quota;
pub(crate) mod search_terms;
pub(crate) mod sensitivity;
pub(crate) mod share_link;
pub(crate) mod standing;
pub(crate) mod tags;
pub(crate) mod texts;
pub(crate) mod trash;
pub(crate) mod upload_metadata;
pub(crate) mod view;
pub(crate) mod withheld;

use chrono::{DateTime, Utc};
use contract::media::{CaptionTrack, Changed, Kind, Received, Visibility};
use contract::{AccountId, MediaId, ObjectKey};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use self::captions::Captions;
use self::sensitivity::Marks;
use self::withheld::Withheld;

/// The state of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Its bytes are durable.
    Received,
    /// It is being converted.
    Processing,
    /// A player can start; more renditions follow.
    Playable,
    /// Everything is there.
    Ready,
    /// It cannot be converted; the original stays.
    Failed,
}

contract::string_enum!(State:
    Received => "received",
    Processing => "processing",
    Playable => "playable",
    Ready => "ready",
    Failed => "failed",
);

/// An item in the library of a member.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    pub id: MediaId,
    pub owner: AccountId,
    pub name: String,
    /// What its owner tells about it; may be empty.
    pub description: String,
    /// What stands for the picture where it is not seen; may be empty.
    pub alt: String,
    pub kind: Kind,
    /// Also its file extension.
    pub format: String,
    pub content_type: String,
    pub state: State,
    /// The visibility that its owner has set; see [`Item::effective_visibility`].
    pub visibility: Visibility,
    pub bytes: u64,
    pub sha256: String,
    pub object: ObjectKey,
    /// Whether there are overlays, so that others may get the file.
    pub has_scrub: bool,
    pub width: Option<u32>,
    pub height: Option<u32>,
    pub duration_ms: Option<u64>,
    pub orientation: u8,
    pub tags: Vec<String>,
    pub taken_at: Option<DateTime<Utc>>,
    pub camera: Option<String>,
    /// Hexadecimal.
    pub thumbhash: Option<String>,
    /// Names of the files beside the renditions.
    pub assets: Vec<String>,
    /// In the order of their language tags.
    pub captions: Vec<Captions>,
    pub percent: Option<u8>,
    pub remaining_ms: Option<u64>,
    pub failure: Option<Failure>,
    pub claimed: bool,
    pub subject: Option<String>,
    /// Since when it is in the trash, if it is there.
    pub trashed: Option<Trashed>,
    /// Why only its owner sees it, if it is like a picture that may not be shared.
    pub withheld: Option<Withheld>,
    /// How sensitive its picture is.
    pub marks: Marks,
    pub version: u64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// An item's entry in the trash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Trashed {
    pub removed_at: DateTime<Utc>,
    /// When it is removed for good.
    pub purges_at: DateTime<Utc>,
}

/// Why an item cannot be converted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({"code": "transcode.no_picture", "detail": "There is no picture in the file."}))]
pub struct Failure {
    /// A stable code, such as `transcode.no_picture`.
    pub code: String,
    /// A sentence for its owner.
    pub detail: String,
}

impl Item {
    /// Returns the visibility that applies now: a staged item, one in the trash and one that is withheld are private.
    pub(crate) fn effective_visibility(&self) -> Visibility {
        if self.claimed && !self.is_hidden() { self.visibility } else { Visibility::Private }
    }

    /// Whether only its owner sees it, whatever URL others have: it is in the trash, or withheld.
    pub(crate) fn is_hidden(&self) -> bool {
        self.trashed.is_some() || self.withheld.is_some()
    }

    /// Returns when the item was taken; one without such a time was taken when it was added.
    pub(crate) fn taken_or_created_at(&self) -> DateTime<Utc> {
        self.taken_at.unwrap_or(self.created_at)
    }

    /// Returns the bytes that it takes of its owner's quota: those of the file and of the captions.
    pub(crate) fn charged_bytes(&self) -> u64 {
        self.bytes + captions::sum_bytes(&self.captions)
    }

    /// Returns whether everyone who knows its URL may read it.
    pub(crate) fn is_public_or_unlisted(&self) -> bool {
        self.effective_visibility() != Visibility::Private
    }

    /// Returns the event that announces the item.
    pub(crate) fn received(&self, scrub: Option<Vec<contract::media::Patch>>) -> Received {
        Received {
            id: self.id.clone(),
            owner: self.owner,
            kind: self.kind,
            format: self.format.clone(),
            content_type: self.content_type.clone(),
            name: self.name.clone(),
            bytes: self.bytes,
            sha256: self.sha256.clone(),
            object: self.object.clone(),
            scrub,
            visibility: self.effective_visibility(),
            width: self.width,
            height: self.height,
            duration_ms: self.duration_ms,
            orientation: self.orientation,
            created_at: self.created_at,
            trashed: self.is_hidden(),
            captions: self.caption_tracks(),
        }
    }

    fn caption_tracks(&self) -> Vec<CaptionTrack> {
        let track = |one: &Captions| CaptionTrack { lang: one.lang.clone(), label: one.label.clone() };
        self.captions.iter().map(track).collect()
    }

    /// Returns the event that is published after a change.
    pub(crate) fn changed(&self) -> Changed {
        Changed {
            id: self.id.clone(),
            name: self.name.clone(),
            tags: self.tags.clone(),
            visibility: self.effective_visibility(),
            trashed: self.is_hidden(),
            captions: self.caption_tracks(),
            version: self.version,
        }
    }

    /// Returns the name and tags in lower case: the text in which a release without search terms looks for `?q=`.
    pub(crate) fn words(name: &str, tags: &[String]) -> String {
        let mut words = name.to_lowercase();
        for tag in tags {
            words.push('\n');
            words.push_str(tag);
        }
        words
    }
}

/// What the client states about a file, normalized.
#[derive(Debug, Clone, Default)]
pub(crate) struct ItemDetails {
    pub name: String,
    pub tags: Vec<String>,
    pub visibility: Visibility,
    pub claim_later: bool,
    pub description: String,
    pub alt: String,
}

impl ItemDetails {
    /// Parses what arrived as text; `None` means that the client did not send the field, as does an empty name.
    pub(crate) fn parse(
        name: Option<&str>,
        tags: &[&str],
        visibility: Option<&str>,
        claim: Option<&str>,
    ) -> Result<Self, String> {
        let visibility = match visibility.map(str::trim).filter(|text| !text.is_empty()) {
            None => Visibility::default(),
            Some(text) => text.parse().ok().ok_or("`visibility` must be private, unlisted or public.")?,
        };
        let claim_later = match claim.map(str::trim) {
            None | Some("" | "now") => false,
            Some("later") => true,
            Some(_) => return Err("`claim` must be now or later.".to_owned()),
        };
        Ok(Self {
            name: name.and_then(codec::filename::title).unwrap_or_else(|| codec::filename::title_of_file("")),
            tags: tags::normalize(tags)?,
            visibility,
            claim_later,
            ..Self::default()
        })
    }

    /// Adds the texts beside the name; `None` means that the client did not send the field.
    pub(crate) fn with_texts(self, description: Option<&str>, alt: Option<&str>) -> Result<Self, String> {
        let description = description.map(texts::parse_description).transpose()?.unwrap_or_default();
        let alt = alt.map(texts::parse_alt).transpose()?.unwrap_or_default();
        Ok(Self { description, alt, ..self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_are_cleaned_or_refused_with_a_sentence() {
        let details =
            ItemDetails::parse(Some(" AC/DC  live"), &["Wedding, wedding ,Füße"], Some("public"), Some("later"))
                .unwrap();
        assert_eq!(details.name, "AC/DC live");
        assert_eq!(details.tags, ["wedding", "füße"]);
        assert!(details.claim_later);
        assert!(ItemDetails::parse(None, &[], Some("secret"), None).unwrap_err().contains("visibility"));
        assert!(ItemDetails::parse(None, &[], None, Some("never")).unwrap_err().contains("claim"));
        assert_eq!(ItemDetails::parse(None, &[], None, None).unwrap().name, "untitled");
    }

    #[test]
    fn states_have_an_order_and_a_way_back_from_text() {
        for state in [State::Received, State::Processing, State::Playable, State::Ready, State::Failed] {
            assert_eq!(state.as_str().parse(), Ok(state));
        }
        assert!(State::Received < State::Processing && State::Playable < State::Ready);
    }
}
