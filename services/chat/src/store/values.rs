//! How values are bound and read back.
//!
//! Invariant: what is bound here is read back as it was.

use db::{Error, Value};

/// Returns a limit as the databases take it.
pub(super) fn bound(limit: usize) -> Value {
    i64::try_from(limit).unwrap_or(i64::MAX).into()
}

/// Returns the names of `count` parameters behind `values` others: `($2, $3)` for two behind one.
pub(super) fn names_after(values: usize, count: usize) -> String {
    let names: Vec<String> = (1..=count).map(|at| format!("${}", values + at)).collect();
    format!("({})", names.join(", "))
}

/// Returns an optional stored count.
pub(super) fn from_optional_bigint<T: TryFrom<i64>>(
    stored: Option<i64>,
    what: &'static str,
) -> Result<Option<T>, Error> {
    stored.map(|stored| T::try_from(stored).map_err(|_| Error::Corrupt(what))).transpose()
}
