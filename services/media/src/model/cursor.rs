//! The cursor of a list: where a page ends and the next begins.
//!
//! Invariant: a cursor is the sort key of an item, so items that appear or are removed meanwhile neither repeat nor
//! hide others.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};

use super::Item;

/// The order of a list. Each begins with the latest time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Order {
    /// By the time at which an item was added.
    #[default]
    Added,
    /// By the time at which an item was taken; one without was taken when it was added.
    Taken,
    /// By the time at which an item was moved to the trash.
    Removed,
}

impl Order {
    /// Returns the time by which the order places an item.
    fn time(self, item: &Item) -> DateTime<Utc> {
        match self {
            Self::Added => item.created_at,
            Self::Taken => item.taken_or_created_at(),
            Self::Removed => item.trashed.map_or(item.created_at, |trashed| trashed.removed_at),
        }
    }

    /// Returns what the text of a cursor of this order begins with.
    fn prefix(self) -> &'static str {
        match self {
            Self::Added => "",
            Self::Taken => "t",
            Self::Removed => "r",
        }
    }
}

/// A position in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub order: Order,
    pub at: DateTime<Utc>,
    pub id: String,
}

impl Cursor {
    /// Returns the position of an item.
    pub(crate) fn of(item: &Item, order: Order) -> Self {
        Self { order, at: order.time(item), id: item.id.to_string() }
    }

    pub(crate) fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(format!("{}{}.{}", self.order.prefix(), self.at.timestamp_micros(), self.id))
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let plain = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let (order, rest) = [Order::Taken, Order::Removed]
            .into_iter()
            .find_map(|order| Some((order, plain.strip_prefix(order.prefix())?)))
            .unwrap_or((Order::Added, plain.as_str()));
        let (micros, id) = rest.split_once('.')?;
        Some(Self { order, at: DateTime::from_timestamp_micros(micros.parse().ok()?)?, id: id.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_and_nonsense_does_not() {
        // One from before 1970: photographs may be older.
        for (order, micros) in [(Order::Added, 1_700_000_000_123_456), (Order::Taken, -1), (Order::Removed, 1)] {
            let cursor = Cursor { order, at: DateTime::from_timestamp_micros(micros).unwrap(), id: "abc".into() };
            assert_eq!(Cursor::parse(&cursor.text()), Some(cursor));
        }
        for bad in ["", "!", "AAAA", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5Lng"] {
            assert_eq!(Cursor::parse(bad), None, "{bad}");
        }
    }
}
