//! Items that are withheld: only their owner sees them, because they are like a picture that may not be shared.
//!
//! Invariant: while an item is withheld, its visibility is private and the earlier one is kept, so every list of what
//! others see leaves it out.

use chrono::{DateTime, Utc};
use contract::MediaId;
use contract::media::Visibility;
use db::{Error, Sql, Tx};
use uuid::Uuid;

use super::items::{COLUMNS, Row, first};
use super::to_bigint;
use crate::model::Item;

/// Withholds an item. Returns `None` if it is withheld already, or is gone; or is exempt, unless the decision of a
/// moderator names it, which has no entry.
pub(crate) async fn set_withheld(
    tx: &Tx,
    id: &MediaId,
    verdict: Uuid,
    entry: Option<Uuid>,
    now: DateTime<Utc>,
) -> Result<Option<Item>, Error> {
    let text = format!(
        "update item
            set withheld_by = $2,
                withheld_entry = $3,
                withheld_at = $4,
                withheld_visibility = visibility,
                visibility = 'private',
                is_exempt = false,
                version = version + 1,
                indexed_version = case when indexed_version = version then version + 1 else indexed_version end,
                updated_at = $4
          where id = $1
            and withheld_by is null
            and (not is_exempt or $5)
         returning {COLUMNS}"
    );
    let values = vec![id.as_str().into(), verdict.into(), entry.into(), now.into(), entry.is_none().into()];
    first(tx.row(&text, values).await?)
}

/// Shows an item again, with this visibility. `is_exempt` says that it is compared no more.
pub(crate) async fn set_released(
    tx: &Tx,
    id: &MediaId,
    visibility: Visibility,
    is_exempt: bool,
    now: DateTime<Utc>,
) -> Result<Option<Item>, Error> {
    let text = format!(
        "update item
            set withheld_by = null,
                withheld_entry = null,
                withheld_at = null,
                withheld_visibility = null,
                visibility = $2,
                is_exempt = $3,
                version = version + 1,
                indexed_version = case when indexed_version = version then version + 1 else indexed_version end,
                updated_at = $4
          where id = $1
            and withheld_by is not null
         returning {COLUMNS}"
    );
    let values = vec![id.as_str().into(), visibility.as_str().into(), is_exempt.into(), now.into()];
    first(tx.row(&text, values).await?)
}

const SET_DECISION: &str = "
    update item
       set withheld_by = $3
     where id = $1
       and withheld_by = $2";

/// Has another decision withhold an item that this one withholds, and be the one that its owner appeals.
pub(crate) async fn set_decision(tx: &Tx, id: &MediaId, decision: Uuid, other: Uuid) -> Result<(), Error> {
    tx.execute(SET_DECISION, vec![id.as_str().into(), decision.into(), other.into()]).await.map(drop)
}

const FORGET_VISIBILITY: &str = "
    update item
       set withheld_visibility = 'private'
     where id = $1
       and withheld_by is not null";

/// Has an item that is withheld be private once it is released.
pub(crate) async fn forget_visibility(tx: &Tx, id: &MediaId) -> Result<(), Error> {
    tx.execute(FORGET_VISIBILITY, vec![id.as_str().into()]).await.map(drop)
}

const SET_ENTRY: &str = "
    update item
       set withheld_entry = $2
     where id = $1
       and withheld_by is not null";

/// Sets the entry that a withheld item is like; `None` once a moderator has decided about it, so that it stays withheld
/// whatever becomes of the list.
pub(crate) async fn set_entry(tx: &Tx, id: &MediaId, entry: Option<Uuid>) -> Result<(), Error> {
    tx.execute(SET_ENTRY, vec![id.as_str().into(), entry.into()]).await.map(drop)
}

/// Returns items that a verdict or a decision withholds.
pub(crate) async fn list_by_verdict(sql: &impl Sql, verdict: Uuid, limit: usize) -> Result<Vec<Item>, Error> {
    let text = format!(
        "select {COLUMNS}
           from item
          where withheld_by = $1
          limit $2"
    );
    let rows: Vec<Row> = sql.rows(&text, vec![verdict.into(), to_bigint(limit as u64)]).await?;
    rows.into_iter().map(Item::try_from).collect()
}

/// Returns items that are like an entry that the list has no more.
pub(crate) async fn list_unlisted(sql: &impl Sql, limit: usize) -> Result<Vec<Item>, Error> {
    let text = format!(
        "select {COLUMNS}
           from item
          where withheld_entry > $2
            and not exists (
                select 1
                  from listed_picture
                 where listed_picture.id = item.withheld_entry)
          limit $1"
    );
    // After the smallest id, so that the index is searched and not scanned.
    let rows: Vec<Row> = sql.rows(&text, vec![to_bigint(limit as u64), Uuid::nil().into()]).await?;
    rows.into_iter().map(Item::try_from).collect()
}
