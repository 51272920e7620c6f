//! What a member asks of their library, and the page that answers.
//!
//! Invariant: a page without a cursor is the last one.

use contract::media::{Kind, Visibility};

use super::cursor::Cursor;
use super::search_terms::SearchQuery;
use super::{Item, State};

/// The filter of a list.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filter {
    pub kind: Option<Kind>,
    pub state: Option<State>,
    pub visibility: Option<Visibility>,
    /// Tag, subject and words.
    pub search: SearchQuery,
    /// Staged items instead of those in the library.
    pub staged: bool,
}

/// A page, and where the next one begins.
#[derive(Debug)]
pub(crate) struct Page {
    pub items: Vec<Item>,
    pub next: Option<Cursor>,
}
