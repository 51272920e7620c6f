//! How values are bound and read back.
//!
//! Invariant: what is bound here is read back as it was.

use chrono::{DateTime, Utc};
use db::{Error, Value};

/// Returns a time as the databases store it.
pub(super) fn micros(at: DateTime<Utc>) -> Value {
    at.timestamp_micros().into()
}

/// Returns an optional stored time.
pub(super) fn from_micros(stored: Option<i64>, what: &'static str) -> Result<Option<DateTime<Utc>>, Error> {
    let read = |stored| DateTime::from_timestamp_micros(stored).ok_or(Error::Corrupt(what));
    stored.map(read).transpose()
}

/// Returns a limit as the databases take it.
pub(super) fn bound(limit: usize) -> Value {
    i64::try_from(limit).unwrap_or(i64::MAX).into()
}

/// Returns the names of `count` parameters behind `values` others: `($2, $3)` for two behind one.
pub(super) fn names_after(values: usize, count: usize) -> String {
    let names: Vec<String> = (1..=count).map(|at| format!("${}", values + at)).collect();
    format!("({})", names.join(", "))
}
