//! The only SQL of this role.
//!
//! Invariant: the usage row is written first in every transaction that adds or removes an item, so what happens to one
//! member's items happens one after the other, on every engine.

pub(crate) mod items;
pub(crate) mod library;
pub(crate) mod objects;
#[cfg(test)]
mod query_plans;
pub(crate) mod search_index;
pub(crate) mod uploads;
pub(crate) mod usage;

pub(crate) use objects::OBJECT_COLUMNS;

use kit::db::{Error, Value};

/// A count as the databases keep it.
fn to_bigint(number: u64) -> Value {
    i64::try_from(number).unwrap_or(i64::MAX).into()
}

/// An optional count.
fn to_optional_bigint(number: Option<u64>) -> Value {
    number.map(|number| i64::try_from(number).unwrap_or(i64::MAX)).into()
}

/// The way back; a negative count is a corrupt row.
fn from_bigint<T: TryFrom<i64>>(stored: i64, what: &'static str) -> Result<T, Error> {
    T::try_from(stored).map_err(|_| Error::Corrupt(what))
}

/// The way back of something optional.
fn from_optional_bigint<T: TryFrom<i64>>(stored: Option<i64>, what: &'static str) -> Result<Option<T>, Error> {
    stored.map(|stored| from_bigint(stored, what)).transpose()
}
