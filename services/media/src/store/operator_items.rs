//! Items as operators list them: those of a member in every list, also the trash, and those of all members that failed.
//!
//! Invariant: a page has every matching item between its beginning and the cursor that it returns as its end.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use contract::MediaId;
use db::{Error, FromQueryResult, Sql, Tx, Value, placeholders};

use super::items::{COLUMNS, first};
use super::query::{Query, position_condition};
use crate::model::cursor::{Cursor, Order};
use crate::model::library::Page;
use crate::model::operator_view::OperatorFilter;
use crate::model::{Item, State};

/// Returns a page of items, the newest first.
pub(crate) async fn list(
    sql: &impl Sql,
    filter: OperatorFilter,
    after: Option<&Cursor>,
    size: usize,
) -> Result<Page, Error> {
    let mut query = Query::default();
    let mut conditions = Vec::new();
    match filter {
        OperatorFilter::Member(owner, state) => {
            conditions.push(format!("owner = {}", query.bind(owner.to_string())));
            conditions.extend(state.map(|state| format!("state = {}", query.bind(state.as_str()))));
        }
        // The condition of the index `item_failed`, word by word.
        OperatorFilter::Failed => conditions.push(format!("state = '{}'", State::Failed.as_str())),
    }
    // Always, so that each list seeks in its index.
    let (at, id) = after.map_or_else(|| (end_of_time(), String::new()), |after| (after.at, after.id.clone()));
    let (at, id) = (query.bind(at), query.bind(id));
    conditions.push(position_condition(Order::Added, "<", &at, &id));
    let limit = query.bind(i64::try_from(size + 1).unwrap_or(i64::MAX));
    query.add(&format!(
        "select {COLUMNS}
           from item
          where {}
          order by created_at desc, id desc
          limit {limit}",
        conditions.join("\n            and ")
    ));
    let mut items = query.read(sql).await?;
    let has_more = items.len() > size;
    items.truncate(size);
    let next = items.last().filter(|_| has_more).map(|last| Cursor::of(last, Order::Added));
    Ok(Page { items, next })
}

/// Returns the last second of the year 9999, after every item: later years have more digits, and sort before it as
/// text.
fn end_of_time() -> DateTime<Utc> {
    DateTime::from_timestamp(253_402_300_799, 0).unwrap_or_default()
}

/// Returns how often an operator had each of these items converted again.
pub(crate) async fn find_retries(sql: &impl Sql, ids: &[&MediaId]) -> Result<HashMap<String, u32>, Error> {
    #[derive(FromQueryResult)]
    struct RetriesRow {
        id: String,
        retries: i64,
    }
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let values: Vec<Value> = ids.iter().map(|id| id.as_str().into()).collect();
    let text = format!(
        "select id, retries
           from item
          where id in {}",
        placeholders(1, ids.len())
    );
    let rows: Vec<RetriesRow> = sql.rows(&text, values).await?;
    Ok(rows.into_iter().map(|row| (row.id, u32::try_from(row.retries).unwrap_or(u32::MAX))).collect())
}

/// Sets an item that has failed back to the state before its conversion, and counts the retry.
pub(crate) async fn set_retried(tx: &Tx, id: &MediaId, now: DateTime<Utc>) -> Result<Option<Item>, Error> {
    let text = format!(
        "update item
            set state = 'received',
                percent = null,
                remaining_ms = null,
                failure_code = null,
                failure_detail = null,
                retries = retries + 1,
                updated_at = $2
          where id = $1
            and state = 'failed'
         returning {COLUMNS}"
    );
    first(tx.row(&text, vec![id.as_str().into(), now.into()]).await?)
}
