//! The order of the items of an album: each has a rank, and a rank between two others is free for a long time.
//!
//! A move writes one row. After forty moves to the same place no rank is free there, and the items of the album are
//! numbered anew, some hundreds in a transaction. Invariant: no two items of an album have the same rank, as ranks are
//! chosen in the lane of the owner, and each step of a [`Renumbering`] keeps the order.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use contract::MediaId;

/// The distance between items that were added or numbered one after the other.
pub(crate) const GAP: i64 = 1 << 40;

/// Where an item is moved to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Destination {
    /// Directly before this item.
    Before(MediaId),
    /// Directly after this item.
    After(MediaId),
}

impl Destination {
    /// Returns where `moved` goes, or a sentence that says why it cannot.
    pub(crate) fn parse(before: Option<MediaId>, after: Option<MediaId>, moved: &MediaId) -> Result<Self, String> {
        let destination = match (before, after) {
            (Some(before), None) => Self::Before(before),
            (None, Some(after)) => Self::After(after),
            _ => return Err("Send either `before` or `after`, with the id of another item of the album.".to_owned()),
        };
        if destination.anchor() == moved {
            return Err("An item cannot be moved before or after itself. Name another item of the album.".to_owned());
        }
        Ok(destination)
    }

    /// Returns the item beside which the moved one will be.
    pub(crate) fn anchor(&self) -> &MediaId {
        match self {
            Self::Before(id) | Self::After(id) => id,
        }
    }
}

/// Returns a rank between those of two items, of which one may be missing; `None` where none is free.
pub(crate) fn rank_between(lower: Option<i64>, upper: Option<i64>) -> Option<i64> {
    match (lower, upper) {
        (None, None) => Some(0),
        (Some(lower), None) => lower.checked_add(GAP),
        (None, Some(upper)) => upper.checked_sub(GAP),
        (Some(lower), Some(upper)) => {
            let half = upper.checked_sub(lower)? / 2;
            (half > 0).then_some(lower + half)
        }
    }
}

/// Returns the ranks of `count` items behind the last one; `None` where they do not fit.
pub(crate) fn ranks_after(last: Option<i64>, count: usize) -> Option<Vec<i64>> {
    let mut ranks = Vec::with_capacity(count);
    let mut last = last;
    for _ in 0..count {
        let rank = rank_between(last, None)?;
        ranks.push(rank);
        last = Some(rank);
    }
    Some(ranks)
}

/// How many items one step numbers anew.
pub(crate) const RENUMBER_BATCH: u64 = 500;

/// How far the items of an album are numbered anew.
///
/// A step takes the outermost items that are not numbered yet, and places them outside of all others, with a gap
/// between any two. So the order is right after each step, whatever else moves between two steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Renumbering {
    /// Whether the last items come first, with ranks above all others; else the first, with ranks below.
    pub upward: bool,
    /// The rank inside of which the next items are placed.
    pub edge: i64,
}

impl Renumbering {
    /// Returns the beginning for an album with this first and last rank: in the direction that has more room. `None`
    /// where there is none.
    pub(crate) fn begin(first: i64, last: i64, count: u64) -> Option<Self> {
        let upward = i128::from(first) + i128::from(last) <= 0;
        // Twice the room that the items take, for those that move meanwhile.
        let room = i64::try_from(count.checked_mul(2)?.checked_add(RENUMBER_BATCH)?).ok()?.checked_mul(GAP)?;
        let edge = if upward { last.checked_add(room)? } else { first.checked_sub(room)? };
        Some(Self { upward, edge })
    }

    /// Returns what is left after a step has placed `count` items.
    pub(crate) fn after(self, count: u64) -> Option<Self> {
        let taken = i64::try_from(count).ok()?.checked_mul(GAP)?;
        let edge = if self.upward { self.edge.checked_sub(taken)? } else { self.edge.checked_add(taken)? };
        Some(Self { edge, ..self })
    }

    /// Returns whether an item with this rank, which is not numbered yet, is inside of the edge.
    pub(crate) fn encloses(self, rank: i64) -> bool {
        if self.upward { rank < self.edge } else { rank > self.edge }
    }
}

/// Where a page of an album ends and the next begins. A rank is valid for one numbering; in a later one, the place is
/// that of the item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OrderCursor {
    pub numbering: u64,
    pub rank: i64,
    pub id: MediaId,
}

impl OrderCursor {
    pub(crate) fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(format!("{}.{}.{}", self.numbering, self.rank, self.id))
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let plain = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let (numbering, rest) = plain.split_once('.')?;
        let (rank, id) = rest.split_once('.')?;
        Some(Self { numbering: numbering.parse().ok()?, rank: rank.parse().ok()?, id: id.parse().ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forty_items_fit_between_two_and_then_none() {
        let (lower, mut upper) = (0, GAP);
        for _ in 0..40 {
            let rank = rank_between(Some(lower), Some(upper)).unwrap();
            assert!(lower < rank && rank < upper);
            upper = rank;
        }
        assert_eq!(rank_between(Some(lower), Some(upper)), None);
        assert_eq!(rank_between(Some(i64::MAX - 1), None), None);
        assert_eq!(rank_between(None, Some(i64::MIN + 1)), None);
        assert_eq!(rank_between(Some(i64::MIN), Some(i64::MAX)), None);
        assert_eq!(ranks_after(None, 2), Some(vec![0, GAP]));
        assert_eq!(ranks_after(Some(i64::MAX - GAP), 2), None);
    }

    #[test]
    fn items_are_numbered_anew_on_the_side_that_has_more_room() {
        let up = Renumbering::begin(-5, 5, 600).unwrap();
        assert_eq!(up, Renumbering { upward: true, edge: 5 + 1_700 * GAP });
        let next = up.after(500).unwrap();
        assert_eq!(next, Renumbering { upward: true, edge: 5 + 1_200 * GAP });
        assert!(next.encloses(5) && !next.encloses(next.edge));
        let down = Renumbering::begin(0, 5, 1).unwrap();
        assert_eq!(down, Renumbering { upward: false, edge: -502 * GAP });
        assert_eq!(down.after(1), Some(Renumbering { upward: false, edge: -501 * GAP }));
        assert!(down.encloses(0) && !down.encloses(-502 * GAP));
        assert_eq!(Renumbering::begin(i64::MIN, i64::MAX, 1), None);
    }

    #[test]
    fn a_cursor_comes_back_and_nonsense_does_not() {
        let cursor = OrderCursor { numbering: 3, rank: -GAP, id: MediaId::random() };
        assert_eq!(OrderCursor::parse(&cursor.text()), Some(cursor));
        for bad in ["", "!", "AAAA", "MS4yLjM"] {
            assert_eq!(OrderCursor::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_item_goes_beside_one_other() {
        let (a, b) = (MediaId::random(), MediaId::random());
        assert_eq!(Destination::parse(Some(a.clone()), None, &b), Ok(Destination::Before(a.clone())));
        assert_eq!(Destination::parse(None, Some(a.clone()), &b), Ok(Destination::After(a.clone())));
        for (before, after) in [(None, None), (Some(a.clone()), Some(b.clone())), (Some(b.clone()), None)] {
            assert!(Destination::parse(before, after, &b).is_err());
        }
    }
}
