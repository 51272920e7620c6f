//! The cursors of lists in the order of a number, each bound to its list.
//!
//! Does not own the order. Invariant: a cursor of one list is none of another, and none of a feed.

use uuid::Uuid;

use super::position::parse_cursor;

/// What a member has decided about others, who do not learn of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    /// Neither sees the other.
    Block,
    /// The member's feeds leave the other out.
    Mute,
    /// The other is a close friend.
    Close,
}

/// A list whose order is that of the numbers of people, or of positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NumberedList {
    /// Whom a member has marked.
    Marked(Mark),
    /// What moderators have removed of a member's.
    Removals,
    /// Who is invited to a thread.
    Invited(Uuid),
}

impl NumberedList {
    fn key(self) -> String {
        match self {
            Self::Marked(Mark::Block) => "b".to_owned(),
            Self::Marked(Mark::Mute) => "m".to_owned(),
            Self::Marked(Mark::Close) => "c".to_owned(),
            Self::Removals => "x".to_owned(),
            Self::Invited(thread) => format!("i{}", thread.simple()),
        }
    }

    /// Returns the cursor behind an entry.
    pub(crate) fn cursor(self, number: i64) -> String {
        format!("{}-{number}", self.key())
    }

    /// Returns the number of a cursor of this list.
    pub(crate) fn parse(self, text: &str) -> Option<i64> {
        let (key, number) = text.split_once('-')?;
        if key == self.key() { parse_cursor(number) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Feed, Position};

    #[test]
    fn a_cursor_is_one_of_its_own_list_only() {
        let marked = [Mark::Block, Mark::Mute, Mark::Close].map(NumberedList::Marked);
        let invited = [Uuid::nil(), Uuid::max()].map(NumberedList::Invited);
        let lists = [marked[0], marked[1], marked[2], NumberedList::Removals, invited[0], invited[1]];
        for list in lists {
            let cursor = list.cursor(7);
            for other in lists {
                assert_eq!(other.parse(&cursor), (list == other).then_some(7), "{list:?} {other:?}");
            }
            assert!(Feed::Home.parse(&cursor).is_none() && list.parse(&Feed::Home.cursor(Position(7))).is_none());
            for wrong in ["", "7", "b-", "b--7", "b-x", "-7"] {
                assert_eq!(list.parse(wrong), None, "{wrong:?}");
            }
        }
    }
}
