//! The place of a post in every list that is sorted by time.
//!
//! A position has the milliseconds since 2020 in its upper 41 bits (they last until 2089) and 22 random bits below, so
//! it is a key of eight bytes that sorts by time, and processes need no common sequence. Invariant: positions are
//! unique, which the table of posts holds; a list is a walk down the positions, so what appears or disappears meanwhile
//! neither repeats nor hides others.

use chrono::{DateTime, Utc};

/// The first moment that has a position: 2020-01-01 in UTC, in milliseconds since 1970.
const EPOCH_MS: i64 = 1_577_836_800_000;
/// The random bits.
const RANDOM_BITS: u32 = 22;

/// A place in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Position(pub i64);

impl Position {
    /// Below every post.
    pub(crate) const START: Self = Self(0);
    /// Above every post.
    pub(crate) const END: Self = Self(i64::MAX);
    /// The number of values of the random bits.
    pub(crate) const RANDOM_VALUES: u64 = 1 << RANDOM_BITS;

    /// Returns the position of a moment. `random` is below [`Position::RANDOM_VALUES`].
    pub(crate) fn at(now: DateTime<Utc>, random: u64) -> Self {
        let time = (now.timestamp_millis() - EPOCH_MS).max(0);
        Self((time << RANDOM_BITS) | (random % Self::RANDOM_VALUES).cast_signed())
    }

    /// Returns its moment, to the millisecond.
    pub(crate) fn moment(self) -> Option<DateTime<Utc>> {
        DateTime::from_timestamp_millis((self.0 >> RANDOM_BITS) + EPOCH_MS)
    }
}

/// Returns the position or number of a list's cursor.
pub(crate) fn parse_cursor(text: &str) -> Option<i64> {
    let is_plain = text.len() <= 19 && text.bytes().all(|byte| byte.is_ascii_digit());
    is_plain.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn positions_sort_by_time_whatever_is_random() {
        let now = Utc::now();
        let later = now + TimeDelta::milliseconds(1);
        assert!(Position::at(now, Position::RANDOM_VALUES - 1) < Position::at(later, 0));
        assert!(Position::at(now, 0) < Position::at(now, 1));
        assert_eq!(Position::at(now, 7), Position::at(now, 7 + Position::RANDOM_VALUES));
        assert_eq!(Position::at(now, 7).moment().map(|at| at.timestamp_millis()), Some(now.timestamp_millis()));
        assert!(Position::at(now, 0).0 > 0 && Position::at(later, 0).0 < i64::MAX);
    }

    #[test]
    fn a_cursor_comes_back_and_nonsense_does_not() {
        assert_eq!(parse_cursor("123"), Some(123));
        for wrong in ["", "-1", "+1", "1.5", "abc", "99999999999999999999", "9999999999999999999"] {
            assert_eq!(parse_cursor(wrong), None, "{wrong}");
        }
    }
}
