//! The SQL of this role.
//!
//! Times are microseconds since 1970, or seconds in the rows of relations, so that a row is small. Invariant: a list of
//! posts for a reader has the condition of [`visible`] in its `where`, before its `limit`.

pub(crate) mod budgets;
pub(crate) mod comments;
pub(crate) mod counts;
pub(crate) mod drift;
pub(crate) mod erasure;
pub(crate) mod feed_entries;
pub(crate) mod feed_heads;
pub(crate) mod feed_owners;
pub(crate) mod feed_sources;
pub(crate) mod follows;
pub(crate) mod greetings;
pub(crate) mod marks;
pub(crate) mod merged_posts;
pub(crate) mod own_marks;
pub(crate) mod people;
pub(crate) mod personal_data;
pub(crate) mod post_media;
pub(crate) mod post_words;
pub(crate) mod posts;
#[cfg(test)]
mod query_plans;
pub(crate) mod reactions;
pub(crate) mod relations;
pub(crate) mod remains;
pub(crate) mod removals;
pub(crate) mod reports;
pub(crate) mod reposts;
pub(crate) mod rising;
pub(crate) mod saves;
pub(crate) mod songs;
pub(crate) mod talk_settings;
pub(crate) mod thread_parts;
pub(crate) mod threads;
pub(crate) mod topics;
pub(crate) mod verdicts;
pub(crate) mod visible;

use chrono::{DateTime, Utc};
use db::{Error, Value};

/// Returns a time as the databases store it.
fn micros(at: DateTime<Utc>) -> Value {
    at.timestamp_micros().into()
}

/// Returns a stored time.
fn from_micros(stored: i64, what: &'static str) -> Result<DateTime<Utc>, Error> {
    DateTime::from_timestamp_micros(stored).ok_or(Error::Corrupt(what))
}

/// Returns an optional stored time.
fn from_optional_micros(stored: Option<i64>, what: &'static str) -> Result<Option<DateTime<Utc>>, Error> {
    stored.map(|stored| from_micros(stored, what)).transpose()
}

/// Returns a limit as the databases take it.
fn bound(limit: usize) -> Value {
    i64::try_from(limit).unwrap_or(i64::MAX).into()
}

/// Returns the names of `count` parameters behind `values` others: `($2, $3)` for two behind one.
fn names_after(values: usize, count: usize) -> String {
    let names: Vec<String> = (1..=count).map(|at| format!("${}", values + at)).collect();
    format!("({})", names.join(", "))
}

/// Returns a stored count; a negative one means that the row is corrupt.
fn from_bigint<T: TryFrom<i64>>(stored: i64, what: &'static str) -> Result<T, Error> {
    T::try_from(stored).map_err(|_| Error::Corrupt(what))
}

/// Returns an optional stored count.
fn from_optional_bigint<T: TryFrom<i64>>(stored: Option<i64>, what: &'static str) -> Result<Option<T>, Error> {
    stored.map(|stored| from_bigint(stored, what)).transpose()
}
