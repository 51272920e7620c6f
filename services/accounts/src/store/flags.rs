//! Rows of flags: those that an operator has changed. A flag without a row is on. There are a few, so the list reads
//! the whole table.
//!
//! Invariant: a row changes in the transaction that records the operator's act.

use chrono::{DateTime, Utc};
use db::{Error, FromQueryResult, Sql, Tx};

/// The state of a flag that was changed.
#[derive(Debug, Clone, FromQueryResult)]
pub(crate) struct FlagRow {
    /// Its name, perhaps of a flag of another release.
    pub name: String,
    /// Whether it is on.
    pub is_on: bool,
    /// When it was changed.
    pub changed_at: DateTime<Utc>,
    /// The handle of the operator who changed it; empty if that account is erased.
    pub changed_by: String,
}

const LIST: &str = "
    select name, is_on, changed_at, changed_by
      from flag
     order by name
     limit $1";

/// Returns the flags that were ever changed, at most `limit`.
pub(crate) async fn list(sql: &impl Sql, limit: usize) -> Result<Vec<FlagRow>, Error> {
    sql.rows(LIST, vec![i64::try_from(limit).unwrap_or(i64::MAX).into()]).await
}

const FIND: &str = "
    select name, is_on, changed_at, changed_by
      from flag
     where name = $1";

/// Returns a flag if it was ever changed.
pub(crate) async fn find(sql: &impl Sql, name: &str) -> Result<Option<FlagRow>, Error> {
    sql.row(FIND, vec![name.into()]).await
}

const SET: &str = "
    insert into flag (name, is_on, changed_at, changed_by)
    values ($1, $2, $3, $4)
    on conflict (name) do update
       set is_on = excluded.is_on,
           changed_at = excluded.changed_at,
           changed_by = excluded.changed_by";

/// Sets a flag.
pub(crate) async fn set(tx: &Tx, row: &FlagRow) -> Result<(), Error> {
    let FlagRow { name, is_on, changed_at, changed_by } = row;
    let values = vec![name.as_str().into(), (*is_on).into(), (*changed_at).into(), changed_by.as_str().into()];
    tx.execute(SET, values).await.map(drop)
}

const FORGET_OPERATOR: &str = "
    update flag
       set changed_by = ''
     where changed_by = $1";

/// Removes the handle of an erased account from the flags that it changed. There are a few flags, so this reads the
/// whole table.
pub(crate) async fn forget_operator(tx: &Tx, handle: &str) -> Result<(), Error> {
    tx.execute(FORGET_OPERATOR, vec![handle.into()]).await.map(drop)
}
