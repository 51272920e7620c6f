//! The index of what items are found by: for each term, the items that have it, newest first.
//!
//! Invariant: a row of an item that is gone or has changed finds nothing, as every hit is looked at again.

use chrono::{DateTime, Utc};
use contract::MediaId;
use kit::db::{Error, Sql, Tx, Value};

use crate::model::Item;
use crate::model::search_terms::{MAX_TERMS, Term, terms_of};

/// How many terms one statement has: few sizes, so that the engines know the statements again.
const STATEMENT_SIZES: [usize; 6] = [8, 16, 32, 64, 128, MAX_TERMS];

/// An item's time as the index keeps it.
pub(super) fn to_micros(at: DateTime<Utc>) -> i64 {
    at.timestamp_micros()
}

/// The values of a statement for these terms; the last one stands several times where there are too few.
fn values(id: &MediaId, at: DateTime<Utc>, terms: &[Term]) -> Option<Vec<Value>> {
    let last = *terms.last()?;
    let size = STATEMENT_SIZES.into_iter().find(|size| *size >= terms.len()).unwrap_or(terms.len());
    let filled = terms.iter().copied().chain(std::iter::repeat(last)).take(size).map(Value::from);
    let head: [Value; 2] = [to_micros(at).into(), id.as_str().into()];
    Some(head.into_iter().chain(filled).collect())
}

/// Adds an item's terms; those that are there stay.
pub(crate) async fn insert(tx: &Tx, item: &Item) -> Result<(), Error> {
    let Some(values) = values(&item.id, item.created_at, &terms_of(item)) else { return Ok(()) };
    let rows: Vec<String> = (3..=values.len()).map(|place| format!("(${place}, $1, $2)")).collect();
    let text = format!("insert into item_term (term, created_us, item) values {} on conflict do nothing", rows.join(", "));
    tx.execute(&text, values).await.map(drop)
}

/// Takes away what `old` was found by and `new` is not.
pub(crate) async fn remove(tx: &Tx, old: &Item, new: Option<&Item>) -> Result<(), Error> {
    let kept = new.map(terms_of).unwrap_or_default();
    let removed: Vec<Term> = terms_of(old).into_iter().filter(|term| !kept.contains(term)).collect();
    let Some(values) = values(&old.id, old.created_at, &removed) else { return Ok(()) };
    let placeholders: Vec<String> = (3..=values.len()).map(|place| format!("${place}")).collect();
    let text = format!("delete from item_term where term in ({}) and created_us = $1 and item = $2", placeholders.join(", "));
    tx.execute(&text, values).await.map(drop)
}

/// Notes that an item's terms are in the index, as it is in this version; `false` if it has changed or gone meanwhile.
pub(crate) async fn set_indexed(tx: &Tx, item: &Item) -> Result<bool, Error> {
    let version = i64::try_from(item.version).unwrap_or(i64::MAX);
    let values = vec![item.id.as_str().into(), version.into()];
    Ok(tx.execute("update item set indexed_version = $2 where id = $1 and version = $2", values).await? == 1)
}
