//! The search index: for each term, the items that have it, newest first.
//!
//! Invariant: every hit is checked against its item, so a row of an item that was removed or changed finds nothing.

use chrono::{DateTime, Utc};
use contract::MediaId;
use db::{Error, Sql, Tx, Value};

use crate::model::Item;
use crate::model::search_terms::{MAX_TERMS, Term, terms_of};

/// The numbers of terms in one statement: few of them, so that the engines can reuse prepared statements.
const STATEMENT_SIZES: [usize; 6] = [8, 16, 32, 64, 128, MAX_TERMS];

/// Returns the time of an item as the index stores it.
pub(super) fn to_micros(at: DateTime<Utc>) -> i64 {
    at.timestamp_micros()
}

/// Returns the values of a statement for these terms. The last one repeats where there are too few.
fn values(id: &MediaId, at: DateTime<Utc>, terms: &[Term]) -> Option<Vec<Value>> {
    let last = *terms.last()?;
    let size = STATEMENT_SIZES.into_iter().find(|size| *size >= terms.len()).unwrap_or(terms.len());
    let filled = terms.iter().copied().chain(std::iter::repeat(last)).take(size).map(Value::from);
    let head: [Value; 2] = [to_micros(at).into(), id.as_str().into()];
    Some(head.into_iter().chain(filled).collect())
}

/// Inserts the terms of an item; existing rows stay.
pub(crate) async fn insert(tx: &Tx, item: &Item) -> Result<(), Error> {
    let Some(values) = values(&item.id, item.created_at, &terms_of(item)) else { return Ok(()) };
    let rows: Vec<String> = (3..=values.len()).map(|index| format!("(${index}, $1, $2)")).collect();
    let text = format!(
        "insert into item_term (term, created_us, item)
         values {}
         on conflict do nothing",
        rows.join(", ")
    );
    tx.execute(&text, values).await.map(drop)
}

/// Removes the terms of `old` that `new` does not have.
pub(crate) async fn remove(tx: &Tx, old: &Item, new: Option<&Item>) -> Result<(), Error> {
    let retained = new.map(terms_of).unwrap_or_default();
    let removed: Vec<Term> = terms_of(old).into_iter().filter(|term| !retained.contains(term)).collect();
    let Some(values) = values(&old.id, old.created_at, &removed) else { return Ok(()) };
    let placeholders: Vec<String> = (3..=values.len()).map(|index| format!("${index}")).collect();
    let text = format!(
        "delete from item_term
          where term in ({})
            and created_us = $1
            and item = $2",
        placeholders.join(", ")
    );
    tx.execute(&text, values).await.map(drop)
}

const SET_INDEXED: &str = "
    update item
       set indexed_version = $2
     where id = $1
       and version = $2";

/// Marks the terms of an item as indexed in this version. Returns `false` if the item has changed or was removed
/// meanwhile.
pub(crate) async fn set_indexed(tx: &Tx, item: &Item) -> Result<bool, Error> {
    let version = i64::try_from(item.version).unwrap_or(i64::MAX);
    let values = vec![item.id.as_str().into(), version.into()];
    Ok(tx.execute(SET_INDEXED, values).await? == 1)
}
