//! Converts values to SQL and back.
//!
//! Invariant: a value that cannot be parsed is an error that names it, never a guess.

use contract::{AccountId, ObjectKey};
use db::{Error, Value};

pub(super) fn text(value: impl Into<String>) -> Value {
    value.into().into()
}

pub(super) fn number(value: u64) -> Value {
    i64::try_from(value).unwrap_or(i64::MAX).into()
}

pub(super) fn key(text: &str) -> Result<ObjectKey, Error> {
    text.parse().map_err(|_| Error::Corrupt("an object's key"))
}

pub(super) fn json<T: serde::Serialize>(value: &T) -> Result<Value, Error> {
    Ok(serde_json::to_string(value).map_err(|_| Error::Corrupt("a value to store"))?.into())
}

pub(super) fn account(text: &str) -> Result<AccountId, Error> {
    text.parse().map(AccountId).map_err(|_| Error::Corrupt("a member's id"))
}
