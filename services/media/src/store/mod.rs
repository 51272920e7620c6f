//! The only SQL of this service.
//!
//! Invariant: every write that adds, changes or removes an item or an album holds the lane of its owner, and writes the
//! usage row before the item's where it adds or removes one. So changes to the items and albums of one member happen
//! one after the other, on every engine.

pub(crate) mod album_items;
pub(crate) mod albums;
pub(crate) mod blocked_media;
pub(crate) mod captions;
pub(crate) mod due;
pub(crate) mod item_states;
pub(crate) mod items;
pub(crate) mod library;
pub(crate) mod listed_pictures;
pub(crate) mod night_shift;
pub(crate) mod objects;
pub(crate) mod operator_items;
pub(crate) mod personal_data;
pub(crate) mod pictures;
pub(crate) mod private_members;
mod query;
#[cfg(test)]
mod query_plans;
mod search;
pub(crate) mod search_index;
pub(crate) mod sensitivity;
pub(crate) mod share_links;
pub(crate) mod standings;
pub(crate) mod trash;
pub(crate) mod uploads;
pub(crate) mod usage;
pub(crate) mod withheld;

pub(crate) use objects::OBJECT_COLUMNS;

use db::{Error, Value};

/// Returns a count as the databases store it.
fn to_bigint(number: u64) -> Value {
    i64::try_from(number).unwrap_or(i64::MAX).into()
}

/// Returns an optional count as the databases store it.
fn to_optional_bigint(number: Option<u64>) -> Value {
    number.map(|number| i64::try_from(number).unwrap_or(i64::MAX)).into()
}

/// Returns a stored count; a negative one means that the row is corrupt.
fn from_bigint<T: TryFrom<i64>>(stored: i64, what: &'static str) -> Result<T, Error> {
    T::try_from(stored).map_err(|_| Error::Corrupt(what))
}

/// Returns an optional stored count.
fn from_optional_bigint<T: TryFrom<i64>>(stored: Option<i64>, what: &'static str) -> Result<Option<T>, Error> {
    stored.map(|stored| from_bigint(stored, what)).transpose()
}
