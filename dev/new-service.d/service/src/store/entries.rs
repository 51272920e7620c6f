//! Rows of entries.
//!
//! Invariant: a list is paged by key, and each of its pages is served by an index.

use chrono::{DateTime, Utc};
use contract::AccountId;
use db::{Error, FromQueryResult, Sql, Tx};
use uuid::Uuid;

use crate::model::Entry;

#[derive(FromQueryResult)]
struct Row {
    id: Uuid,
    owner: Uuid,
    text: String,
    created_at: DateTime<Utc>,
}

impl From<Row> for Entry {
    fn from(row: Row) -> Self {
        Self { id: row.id, owner: AccountId(row.owner), text: row.text, created_at: row.created_at }
    }
}

const INSERT: &str = "
    insert into entry (id, owner, text, created_at)
    values ($1, $2, $3, $4)";

/// Inserts an entry.
pub(crate) async fn insert(tx: &Tx, entry: &Entry) -> Result<(), Error> {
    let values = vec![entry.id.into(), entry.owner.0.into(), entry.text.as_str().into(), entry.created_at.into()];
    tx.execute(INSERT, values).await.map(drop)
}

const COUNT: &str = "
    select count(*) as entries
      from entry
     where owner = $1";

/// Returns the number of a member's entries.
pub(crate) async fn count(sql: &impl Sql, owner: AccountId) -> Result<u64, Error> {
    #[derive(FromQueryResult)]
    struct Count {
        entries: i64,
    }
    let row: Option<Count> = sql.row(COUNT, vec![owner.0.into()]).await?;
    Ok(row.map_or(0, |row| row.entries.unsigned_abs()))
}

const FIND: &str = "
    select id, owner, text, created_at
      from entry
     where id = $1
       and owner = $2";

/// Returns an entry of a member.
pub(crate) async fn find(sql: &impl Sql, owner: AccountId, id: Uuid) -> Result<Option<Entry>, Error> {
    let row: Option<Row> = sql.row(FIND, vec![id.into(), owner.0.into()]).await?;
    Ok(row.map(Entry::from))
}

const PAGE: &str = "
    select id, owner, text, created_at
      from entry
     where owner = $1
       and id < $2
     order by id desc
     limit $3";

/// Returns a member's entries below `before`, newest first.
pub(crate) async fn list(sql: &impl Sql, owner: AccountId, before: Uuid, limit: usize) -> Result<Vec<Entry>, Error> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows: Vec<Row> = sql.rows(PAGE, vec![owner.0.into(), before.into(), limit.into()]).await?;
    Ok(rows.into_iter().map(Entry::from).collect())
}

const REMOVE: &str = "
    delete from entry
     where id = $1
       and owner = $2";

/// Removes an entry of a member. Returns whether there was one.
pub(crate) async fn remove(tx: &Tx, owner: AccountId, id: Uuid) -> Result<bool, Error> {
    Ok(tx.execute(REMOVE, vec![id.into(), owner.0.into()]).await? == 1)
}

const REMOVE_OF_OWNER: &str = "
    delete from entry
     where id in (
           select id
             from entry
            where owner = $1
            order by id
            limit $2)";

/// Removes at most `limit` entries of a member, and returns how many.
pub(crate) async fn remove_of_owner(tx: &Tx, owner: AccountId, limit: u64) -> Result<u64, Error> {
    tx.execute(REMOVE_OF_OWNER, vec![owner.0.into(), limit.cast_signed().into()]).await
}

const REMOVE_OLD: &str = "
    delete from entry
     where id in (
           select id
             from entry
            where created_at < $1
            order by created_at
            limit $2)";

/// Removes at most `limit` entries that are older than `before`, and returns how many.
pub(crate) async fn remove_old(tx: &Tx, before: DateTime<Utc>, limit: u64) -> Result<u64, Error> {
    tx.execute(REMOVE_OLD, vec![before.into(), limit.cast_signed().into()]).await
}
