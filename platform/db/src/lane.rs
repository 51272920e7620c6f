//! The lanes of a database: which writes run one after the other.
//!
//! Owns the names of lanes and their lock numbers. Invariant: two writes that share a lane never run at the same time,
//! in all processes together; on PostgreSQL, writes that share none may.

use std::collections::BTreeSet;
use std::fmt::Display;

use sha2::{Digest as _, Sha256};

/// The lanes that a write needs.
///
/// Everything that a write reads and then relies on must be protected by a lane that every writer of it takes, by a
/// unique key, or by a condition in the statement that writes. A counter that two lanes change is changed by one
/// commutative statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lane(Kind);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    All,
    Keys(BTreeSet<i64>),
}

impl Lane {
    /// Excludes every other write of the service.
    pub const ALL: Self = Self(Kind::All);
    /// Excludes no other write than [`Lane::ALL`]: for statements that are right beside any other, such as inserts
    /// under random keys.
    pub const NONE: Self = Self(Kind::Keys(BTreeSet::new()));

    /// Returns the lane of a key, such as an account's id.
    pub fn of(key: &(impl Display + ?Sized)) -> Self {
        Self(Kind::Keys(BTreeSet::from([number("lane", key)])))
    }

    /// Returns the lanes of both: this one's, and that of another key.
    #[must_use]
    pub fn and(self, key: &(impl Display + ?Sized)) -> Self {
        match self.0 {
            Kind::All => self,
            Kind::Keys(mut keys) => {
                keys.insert(number("lane", key));
                Self(Kind::Keys(keys))
            }
        }
    }

    /// Returns the lanes of all keys. Without a key, the write excludes no other.
    pub fn of_each<K: Display>(keys: impl IntoIterator<Item = K>) -> Self {
        Self(Kind::Keys(keys.into_iter().map(|key| number("lane", &key)).collect()))
    }

    /// Returns the lanes' numbers, ascending; `None` for [`Lane::ALL`].
    pub(super) fn numbers(&self) -> Option<&BTreeSet<i64>> {
        match &self.0 {
            Kind::All => None,
            Kind::Keys(keys) => Some(keys),
        }
    }
}

/// Returns the number of the advisory lock for a name: PostgreSQL's have 64 bits, per database. Two names share a
/// number once in 2⁶⁴, and then their writes only wait for each other.
pub(super) fn number(kind: &str, name: &(impl Display + ?Sized)) -> i64 {
    let digest = Sha256::digest(format!("tutti {kind} {name}"));
    let mut first = [0; 8];
    first.iter_mut().zip(digest.iter()).for_each(|(to, from)| *to = *from);
    i64::from_be_bytes(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lane_is_its_key_and_all_stays_all() {
        assert_eq!(Lane::of("a"), Lane::of(&String::from("a")));
        assert_ne!(Lane::of("a"), Lane::of("b"));
        assert_eq!(Lane::of("a").and("b"), Lane::of("b").and("a"));
        assert_eq!(Lane::ALL.and("a"), Lane::ALL);
        assert_eq!(Lane::of_each(["b", "a", "b"]), Lane::of("a").and("b"));
    }
}
