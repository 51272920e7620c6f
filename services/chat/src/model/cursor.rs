//! Places in lists: that of a conversation in a box, and that of a change or a message in a conversation.
//!
//! Invariant: what is parsed here was made here.

use uuid::Uuid;

/// The place of a conversation in a box: the time of its newest change that its member sees, and its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InboxCursor {
    /// Microseconds since 1970.
    pub position: i64,
    /// The conversation.
    pub conversation: Uuid,
}

impl InboxCursor {
    /// Before every conversation.
    pub(crate) const START: Self = Self { position: i64::MAX, conversation: Uuid::max() };

    /// Returns the text for clients.
    pub(crate) fn to_text(self) -> String {
        format!("{}-{}", self.position, self.conversation.simple())
    }

    /// Reads the text of [`InboxCursor::to_text`].
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (position, conversation) = text.split_once('-')?;
        let cursor = Self { position: parse_seq(position)?, conversation: Uuid::parse_str(conversation).ok()? };
        (cursor.to_text() == text).then_some(cursor)
    }
}

/// Reads a place in a conversation: a number that is not negative, written as it is sent.
pub(crate) fn parse_seq(text: &str) -> Option<i64> {
    text.parse().ok().filter(|number: &i64| *number >= 0 && number.to_string() == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_come_back_and_nothing_else_does() {
        let cursor = InboxCursor { position: 17, conversation: Uuid::from_u128(3) };
        assert_eq!(InboxCursor::parse(&cursor.to_text()), Some(cursor));
        for wrong in ["", "17", "-17", "17-x", "017-00000000000000000000000000000003"] {
            assert_eq!(InboxCursor::parse(wrong), None, "{wrong}");
        }
        assert_eq!((parse_seq("7"), parse_seq("-7"), parse_seq("07")), (Some(7), None, None));
    }
}
