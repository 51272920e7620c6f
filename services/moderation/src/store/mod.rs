//! The SQL of this role.
//!
//! Times are microseconds since 1970. Invariant: a row of a case changes only in the lane of its thing.

pub(crate) mod cases;
pub(crate) mod counts;
pub(crate) mod decisions;
pub(crate) mod erasure;
#[cfg(test)]
mod query_plans;
pub(crate) mod reports;

use chrono::{DateTime, Utc};
use db::{Error, Value};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Returns a time as the databases store it.
fn micros(at: DateTime<Utc>) -> Value {
    at.timestamp_micros().into()
}

/// Returns an optional time as the databases store it.
fn optional_micros(at: Option<DateTime<Utc>>) -> Value {
    at.map(|at| at.timestamp_micros()).into()
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

/// Returns a value as JSON text.
fn json(value: &impl Serialize, what: &'static str) -> Result<Value, Error> {
    serde_json::to_string(value).map(Value::from).map_err(|_| Error::Corrupt(what))
}

/// Returns the value of a JSON text.
fn from_json<T: DeserializeOwned>(text: &str, what: &'static str) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|_| Error::Corrupt(what))
}
