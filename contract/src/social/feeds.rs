//! Feeds: the internal query for a member's home, and the event by which social asks itself to fill one.
//!
//! Invariant: a query is sent only with what can be a cursor, so no other path is asked.

use base::Query;
use serde::{Deserialize, Serialize};

use super::views::FeedView;
use crate::{AccountId, Event};

/// `social.feed_wanted`: a member reads home, and their feed is to be filled. Only social itself listens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedWanted {
    /// Whose feed.
    pub account: AccountId,
}

impl Event for FeedWanted {
    const SUBJECT: &'static str = "social.feed_wanted";
}

/// The longest cursor of a feed, in characters.
const MAX_CURSOR_CHARS: usize = 64;

/// Asks social for a page of a member's home. There is no response if `after` is no cursor of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindHomeFeed {
    /// Who reads.
    pub reader: AccountId,
    /// How many posts, 1–100.
    pub limit: u16,
    /// The `next` of the previous page.
    pub after: Option<String>,
}

impl FindHomeFeed {
    /// Returns the question; `None` if `after` can be no cursor, so that no other path is asked.
    pub fn new(reader: AccountId, limit: u16, after: Option<String>) -> Option<Self> {
        let is_plain = |text: &String| {
            (2..=MAX_CURSOR_CHARS).contains(&text.len())
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        after.as_ref().is_none_or(is_plain).then_some(Self { reader, limit, after })
    }
}

impl Query for FindHomeFeed {
    const ROLE: &'static str = "social";
    const PATH: &'static str = "/internal/readers/{reader}/feeds/home/{limit}/{after}";
    type Response = FeedView;

    fn path(&self) -> String {
        let after = self.after.as_deref().unwrap_or(NO_CURSOR);
        format!("/internal/readers/{}/feeds/home/{}/{after}", self.reader, self.limit)
    }
}

/// What stands in the path for the first page.
const NO_CURSOR: &str = "-";

/// Returns the cursor of a path's word; `None` for the first page.
pub fn parse_cursor_word(word: &str) -> Option<&str> {
    if word == NO_CURSOR { None } else { Some(word) }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn the_query_is_sent_to_the_path_that_is_routed() {
        let account = AccountId(Uuid::from_u128(7));
        let home = |after: Option<&str>| FindHomeFeed::new(account, 20, after.map(str::to_owned));
        let path = FindHomeFeed::PATH.replace("{reader}", &account.to_string()).replace("{limit}", "20");
        for (after, word) in [(None, "-"), (Some("h-123"), "h-123")] {
            assert_eq!(home(after).unwrap().path(), path.replace("{after}", word));
            assert_eq!(parse_cursor_word(word), after);
        }
        for wrong in ["", "-", "h/1", "..", "h-1?x", &"1".repeat(65)] {
            assert_eq!(home(Some(wrong)), None, "{wrong}");
        }
    }
}
