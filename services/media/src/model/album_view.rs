//! An album as a client sees it.
//!
//! Invariant: a view for another reader than the owner says nothing about items that this reader may not see, not even
//! how many there are.

use chrono::{DateTime, Utc};
use contract::AccountId;
use contract::media::Visibility;
use serde::Serialize;
use utoipa::ToSchema;

use super::album::{Album, AlbumId};
use super::view::{self, MediaView};

/// An album.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Album, example = json!(example()))]
pub struct AlbumView {
    /// The id, which is random.
    pub id: AlbumId,
    /// The id of its owner.
    #[schema(value_type = String, format = "uuid")]
    pub owner: AccountId,
    /// The title.
    #[schema(example = "A week at the sea")]
    pub title: String,
    /// The description; empty where there is none.
    pub description: String,
    /// Who may read the album. Its items have visibilities of their own.
    pub visibility: Visibility,
    /// The number of its items. For its owner only.
    pub item_count: Option<u64>,
    /// The item that stands for it: the one that its owner chose, else the first that the reader sees.
    pub cover: Option<MediaView>,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it, or what is in it, last changed.
    pub updated_at: DateTime<Utc>,
}

impl AlbumView {
    /// Returns the view of an album. `cover` is as the reader sees it.
    pub(crate) fn new(album: Album, cover: Option<MediaView>, is_owner: bool) -> Self {
        Self {
            id: album.id,
            owner: album.owner,
            title: album.title,
            description: album.description,
            visibility: album.visibility,
            item_count: is_owner.then_some(album.item_count.saturating_sub(album.trashed_count)),
            cover,
            created_at: album.created_at,
            updated_at: album.updated_at,
        }
    }
}

/// Returns an example for the OpenAPI document.
pub(crate) fn example() -> serde_json::Value {
    serde_json::json!({
        "id": "2bQ9sLw7Kd4nYx0TfGv5Rm",
        "owner": "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b60",
        "title": "A week at the sea",
        "description": "The best of June.",
        "visibility": "unlisted",
        "item_count": 42,
        "cover": view::example(),
        "created_at": "2026-06-20T18:30:00Z",
        "updated_at": "2026-06-21T09:12:45Z"
    })
}

#[cfg(test)]
mod tests {
    use contract::MediaId;

    use super::*;

    #[test]
    fn the_example_has_the_fields_of_a_view_and_strangers_are_told_no_number() {
        let now = Utc::now();
        let album = Album {
            id: AlbumId(MediaId::random()),
            owner: AccountId(uuid::Uuid::from_u128(7)),
            title: "a".into(),
            description: String::new(),
            visibility: Visibility::Public,
            cover: None,
            item_count: 5,
            trashed_count: 2,
            numbering: 0,
            created_at: now,
            updated_at: now,
        };
        let seen = |is_owner| serde_json::to_value(AlbumView::new(album.clone(), None, is_owner)).unwrap();
        let names = |value: &serde_json::Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&example()), names(&seen(true)));
        assert_eq!((seen(true)["item_count"].as_u64(), seen(false)["item_count"].as_u64()), (Some(3), None));
    }
}
