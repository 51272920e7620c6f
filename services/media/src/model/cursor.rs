//! The cursor of a library: where a page ends and the next begins.
//!
//! Invariant: a cursor is the sort key of an item, so items that appear or are removed meanwhile neither repeat nor
//! hide others.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};

use super::Item;

/// A position in the library, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub created_at: DateTime<Utc>,
    pub id: String,
}

impl Cursor {
    /// Returns the position of an item.
    pub(crate) fn of(item: &Item) -> Self {
        Self { created_at: item.created_at, id: item.id.to_string() }
    }

    pub(crate) fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(format!("{}.{}", self.created_at.timestamp_micros(), self.id))
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let plain = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let (micros, id) = plain.split_once('.')?;
        Some(Self { created_at: DateTime::from_timestamp_micros(micros.parse().ok()?)?, id: id.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_and_nonsense_does_not() {
        let cursor =
            Cursor { created_at: DateTime::from_timestamp_micros(1_700_000_000_123_456).unwrap(), id: "abc".into() };
        assert_eq!(Cursor::parse(&cursor.text()), Some(cursor));
        for bad in ["", "!", "AAAA", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5Lng"] {
            assert_eq!(Cursor::parse(bad), None, "{bad}");
        }
    }
}
