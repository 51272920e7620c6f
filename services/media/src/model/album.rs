//! Albums: named, ordered sets of items of one member.
//!
//! Does not own the order ([`super::album_order`]). Invariant: an album opens no item. It shows readers other than its
//! owner only items that are shared at least as widely as itself, so sharing an album publishes nothing else.

use chrono::{DateTime, Utc};
use contract::media::Visibility;
use contract::{AccountId, MediaId};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use super::Item;

/// The largest number of items that one request adds.
pub(crate) const MAX_ADDED_ITEMS: usize = 100;
/// The longest description, in characters.
const MAX_DESCRIPTION_CHARS: usize = 2_000;

/// An album's public id: random, like that of an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, example = "2bQ9sLw7Kd4nYx0TfGv5Rm")]
pub struct AlbumId(pub MediaId);

impl AlbumId {
    pub(crate) fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl std::fmt::Display for AlbumId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// An album.
#[derive(Debug, Clone)]
pub(crate) struct Album {
    pub id: AlbumId,
    pub owner: AccountId,
    pub title: String,
    pub description: String,
    pub visibility: Visibility,
    /// The item that its owner has chosen as the cover, else the first one.
    pub cover: Option<MediaId>,
    /// The number of its items, those in the trash too: they come back to their places.
    pub item_count: u64,
    /// How many of them are in the trash.
    pub trashed_count: u64,
    /// How often its items were numbered anew; see [`super::album_order`].
    pub numbering: u64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Album {
    /// Returns whether readers other than the owner see this item in the album: a public one, and in an album that
    /// takes a link to open also an unlisted one, which is never listed to readers without a link.
    pub(crate) fn shows(&self, item: &Item) -> bool {
        matches!(
            (self.visibility, item.effective_visibility()),
            (Visibility::Public | Visibility::Unlisted, Visibility::Public)
                | (Visibility::Unlisted, Visibility::Unlisted)
        )
    }
}

/// What the owner states about an album, normalized.
#[derive(Debug, Clone)]
pub(crate) struct AlbumDetails {
    pub title: String,
    pub description: String,
    pub visibility: Visibility,
}

impl AlbumDetails {
    /// Returns the details, or a sentence that says why they are refused.
    pub(crate) fn parse(
        title: &str,
        description: Option<&str>,
        visibility: Option<Visibility>,
    ) -> Result<Self, String> {
        Ok(Self {
            title: parse_title(title)?,
            description: description.map(parse_description).transpose()?.unwrap_or_default(),
            visibility: visibility.unwrap_or_default(),
        })
    }
}

/// What a change does to the cover.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum CoverChange {
    /// The field is absent.
    #[default]
    Unchanged,
    /// The field is `null`: the first item is the cover.
    First,
    /// This item is the cover.
    Item(MediaId),
}

impl<'de> Deserialize<'de> for CoverChange {
    fn deserialize<D: Deserializer<'de>>(value: D) -> Result<Self, D::Error> {
        Option::deserialize(value).map(|id| id.map_or(Self::First, Self::Item))
    }
}

/// A change, normalized. `None` leaves a field as it is.
#[derive(Debug, Clone, Default)]
pub(crate) struct AlbumChange {
    pub title: Option<String>,
    pub description: Option<String>,
    pub visibility: Option<Visibility>,
    pub cover: CoverChange,
}

impl AlbumChange {
    /// Returns the change, or a sentence that says why it is refused.
    pub(crate) fn parse(
        title: Option<&str>,
        description: Option<&str>,
        visibility: Option<Visibility>,
        cover: CoverChange,
    ) -> Result<Self, String> {
        Ok(Self {
            title: title.map(parse_title).transpose()?,
            description: description.map(parse_description).transpose()?,
            visibility,
            cover,
        })
    }
}

/// Returns the ids to add, each once, in the order of the request.
pub(crate) fn parse_added(ids: Vec<MediaId>) -> Result<Vec<MediaId>, String> {
    let mut unique = Vec::new();
    for id in ids {
        if !unique.contains(&id) {
            unique.push(id);
        }
        if unique.len() > MAX_ADDED_ITEMS {
            break;
        }
    }
    if unique.is_empty() || unique.len() > MAX_ADDED_ITEMS {
        return Err(format!("`ids` names 1 to {MAX_ADDED_ITEMS} items."));
    }
    Ok(unique)
}

fn parse_title(text: &str) -> Result<String, String> {
    codec::filename::title(text).ok_or_else(|| "`title` must not be empty.".to_owned())
}

/// Returns a description without control characters, in which lines are separated by line feeds.
fn parse_description(text: &str) -> Result<String, String> {
    let lines = text.replace("\r\n", "\n");
    let kept: String = lines.chars().filter(|c| !c.is_control() || *c == '\n').collect();
    let kept = kept.trim();
    if kept.chars().count() > MAX_DESCRIPTION_CHARS {
        return Err(format!("`description` has at most {MAX_DESCRIPTION_CHARS} characters."));
    }
    Ok(kept.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_are_cleaned_or_refused_with_a_sentence() {
        let details = AlbumDetails::parse(" Sea \u{0} 24/7 ", Some(" a\r\nb\u{7}\n"), None).unwrap();
        assert_eq!((details.title.as_str(), details.description.as_str()), ("Sea 24/7", "a\nb"));
        assert_eq!(details.visibility, Visibility::Private);
        assert!(AlbumDetails::parse(" ", None, None).unwrap_err().contains("title"));
        let long = "x".repeat(MAX_DESCRIPTION_CHARS + 1);
        assert!(AlbumDetails::parse("a", Some(&long), None).unwrap_err().contains("description"));
    }

    #[test]
    fn added_ids_are_bounded_and_each_stands_once() {
        let (a, b) = (MediaId::random(), MediaId::random());
        assert_eq!(parse_added(vec![b.clone(), a.clone(), b.clone()]).unwrap(), [b, a]);
        assert!(parse_added(vec![]).is_err());
        assert!(parse_added((0..=MAX_ADDED_ITEMS).map(|_| MediaId::random()).collect()).is_err());
    }
}
