//! What a member asks of their library, and the page that answers.
//!
//! Invariant: an item is in exactly one list, and a page without a cursor is the last one.

use contract::accounts::AVATAR_SUBJECT;
use contract::media::{Kind, Visibility};

use super::cursor::{Cursor, Order};
use super::search_terms::SearchQuery;
use super::{Item, State};

/// The list that an item is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Listing {
    /// What the member has sent and sees as theirs.
    #[default]
    Library,
    /// What was sent with `claim=later` and is not claimed.
    Staged,
    /// What was claimed for an avatar.
    Avatars,
    /// What was removed and can be restored.
    Trash,
}

contract::string_enum!(Listing: Library => "library", Staged => "staged", Avatars => "avatars", Trash => "trash");

impl Listing {
    /// Returns the list that an item is in.
    pub(crate) fn of(item: &Item) -> Self {
        if item.trashed.is_some() { Self::Trash } else { Self::of_claim(item.claimed, item.subject.as_deref()) }
    }

    /// Returns the list of an item outside the trash.
    pub(crate) fn of_claim(claimed: bool, subject: Option<&str>) -> Self {
        match (claimed, subject) {
            (false, _) => Self::Staged,
            (true, Some(AVATAR_SUBJECT)) => Self::Avatars,
            (true, _) => Self::Library,
        }
    }
}

/// The filter of a list.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filter {
    pub kind: Option<Kind>,
    pub state: Option<State>,
    pub visibility: Option<Visibility>,
    /// Tag, subject and words.
    pub search: SearchQuery,
    pub listing: Listing,
    /// The order of the items, [`Order::Removed`] in the trash and nowhere else.
    pub order: Order,
}

impl Filter {
    /// Returns the filter that finds the whole trash, what was removed last first.
    pub(crate) fn trash() -> Self {
        Self { listing: Listing::Trash, order: Order::Removed, ..Self::default() }
    }
}

/// A page, and where the next one begins.
#[derive(Debug)]
pub(crate) struct Page {
    pub items: Vec<Item>,
    pub next: Option<Cursor>,
}
