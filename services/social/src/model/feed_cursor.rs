//! The cursors of feeds, each bound to its feed.
//!
//! Does not own the order of a feed. Invariant: a cursor of one feed is none of another, so a client that mixes them up
//! learns it at once and no list has a gap.

use contract::social::TopicKind;

use super::person::PersonNumber;
use super::position::{Position, parse_cursor};
use super::topic::Topic;

/// FNV-1a, 64 bits (draft-eastlake-fnv, section 5): the offset basis and the prime.
const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;

/// A feed whose order is that of the positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Feed<'a> {
    /// What the people and topics that a member follows show.
    Home,
    /// The newest posts for everyone.
    Recent,
    /// The posts of a person.
    Author(PersonNumber),
    /// The posts with a tag.
    Tag(&'a str),
    /// The posts at a place.
    Place(&'a str),
    /// The posts with a song.
    Song(&'a str),
}

impl<'a> Feed<'a> {
    /// Returns the feed of a topic.
    pub(crate) fn of_topic(topic: &'a Topic) -> Self {
        match topic.kind {
            TopicKind::Tag => Self::Tag(&topic.name),
            TopicKind::Place => Self::Place(&topic.name),
            TopicKind::Song => Self::Song(&topic.name),
        }
    }
}

impl Feed<'_> {
    fn key(self) -> String {
        match self {
            Self::Home => "h".to_owned(),
            Self::Recent => "e".to_owned(),
            Self::Author(person) => format!("p{}", person.0),
            Self::Tag(tag) => format!("t{:016x}", hash(tag)),
            Self::Place(place) => format!("l{:016x}", hash(place)),
            Self::Song(id) => format!("s{:016x}", hash(id)),
        }
    }

    /// Returns the cursor behind a post.
    pub(crate) fn cursor(self, position: Position) -> String {
        format!("{}-{}", self.key(), position.0)
    }

    /// Returns the position of a cursor of this feed.
    pub(crate) fn parse(self, text: &str) -> Option<Position> {
        let (key, number) = text.split_once('-')?;
        if key == self.key() { parse_cursor(number).map(Position) } else { None }
    }
}

/// Returns the FNV-1a hash of a name.
fn hash(name: &str) -> u64 {
    name.bytes().fold(FNV_OFFSET, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(FNV_PRIME))
}

/// A place in an edition of the rising posts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RisingCursor {
    /// The edition.
    pub edition: i64,
    /// The place of the last post of the page before.
    pub ordinal: i64,
}

impl RisingCursor {
    /// Returns the text of the cursor.
    pub(crate) fn text(self) -> String {
        format!("r-{}-{}", self.edition, self.ordinal)
    }

    /// Returns the cursor of a text.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (edition, ordinal) = text.strip_prefix("r-")?.split_once('-')?;
        Some(Self { edition: parse_cursor(edition)?, ordinal: parse_cursor(ordinal)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_one_of_its_own_feed_only() {
        let people = [Feed::Author(PersonNumber(7)), Feed::Author(PersonNumber(8))];
        let topics = [Feed::Tag("karaoke"), Feed::Tag("été"), Feed::Song("karaoke"), Feed::Place("karaoke")];
        let feeds = [Feed::Home, Feed::Recent].into_iter().chain(topics).chain(people);
        for feed in feeds.clone() {
            let cursor = feed.cursor(Position(123));
            for other in feeds.clone() {
                assert_eq!(other.parse(&cursor), (feed == other).then_some(Position(123)), "{feed:?} {other:?}");
            }
            assert_eq!(RisingCursor::parse(&cursor), None);
        }
        let rising = RisingCursor { edition: 7, ordinal: 40 };
        assert_eq!(RisingCursor::parse(&rising.text()), Some(rising));
        for wrong in ["", "123", "h-", "h--1", "h-x", "r-1", "r-1-", "r--1"] {
            assert_eq!((Feed::Home.parse(wrong), RisingCursor::parse(wrong)), (None, None), "{wrong:?}");
        }
    }
}
