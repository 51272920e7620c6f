//! The rows that are too old.
//!
//! Invariant: each statement deletes a bounded number of rows, found by an index. Places whose change is gone are shown
//! as changes of which nothing is seen, so a sequence stays without a gap.

use chrono::{DateTime, Utc};
use db::{Error, FromQueryResult, Sql as _, Tx, Value};
use uuid::Uuid;

use super::erasure::remove_messages;
use super::values::{bound, names_after};

const OLD_MESSAGES: &str = "
    select id
      from chat_message
     where created_at < $1
     order by created_at
     limit $2";

/// Removes at most `limit` messages that are older than `before`. Returns how many.
pub(crate) async fn remove_old_messages(tx: &Tx, before: DateTime<Utc>, limit: usize) -> Result<usize, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        id: Uuid,
    }
    let rows: Vec<Row> = tx.rows(OLD_MESSAGES, vec![before.into(), bound(limit)]).await?;
    let ids: Vec<Uuid> = rows.into_iter().map(|row| row.id).collect();
    remove_messages(tx, &ids).await?;
    Ok(ids.len())
}

const EMPTY: &str = "
    select id
      from conversation
     where last_seq = 0
       and created_at < $1
     order by created_at
     limit $2";

/// Removes at most `limit` conversations that were begun before a time and in which nothing has happened: they cost
/// their beginner nothing. Returns how many.
pub(crate) async fn remove_empty(tx: &Tx, before: DateTime<Utc>, limit: usize) -> Result<usize, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        id: Uuid,
    }
    let rows: Vec<Row> = tx.rows(EMPTY, vec![before.into(), bound(limit)]).await?;
    if rows.is_empty() {
        return Ok(0);
    }
    let names = names_after(0, rows.len());
    for (table, column) in [("conversation_member", "conversation"), ("conversation", "id")] {
        let values = rows.iter().map(|row| Value::from(row.id)).collect();
        tx.execute(&format!("delete from {table} where {column} in {names}"), values).await?;
    }
    Ok(rows.len())
}

const OLD_CHANGES: &str = "
    delete from chat_change
     where (conversation, seq) in (
           select conversation, seq
             from chat_change
            where at < $1
            order by at
            limit $2)";

/// Removes at most `limit` changes that are older than `before`. Returns how many.
pub(crate) async fn remove_old_changes(tx: &Tx, before: DateTime<Utc>, limit: usize) -> Result<usize, Error> {
    Ok(usize::try_from(tx.execute(OLD_CHANGES, vec![before.into(), bound(limit)]).await?).unwrap_or(limit))
}

const OLD_SEEN: &str = "
    delete from chat_last_seen
     where account in (
           select account
             from chat_last_seen
            where seen_at < $1
            order by seen_at
            limit $2)";

/// Forgets at most `limit` times at which members were online last, before a time. Returns how many.
pub(crate) async fn remove_old_seen(tx: &Tx, before: DateTime<Utc>, limit: usize) -> Result<usize, Error> {
    Ok(usize::try_from(tx.execute(OLD_SEEN, vec![before.into(), bound(limit)]).await?).unwrap_or(limit))
}

const OLD_ERASED: &str = "
    delete from erased_account
     where account in (
           select account
             from erased_account
            where erased_at < $1
            limit $2)";

/// Forgets at most `limit` accounts that were erased before a time.
pub(crate) async fn remove_old_erased(tx: &Tx, before: DateTime<Utc>, limit: usize) -> Result<(), Error> {
    tx.execute(OLD_ERASED, vec![before.into(), bound(limit)]).await.map(drop)
}
