//! Rows of sessions that have ended, for longer than a request with one of their tokens may come.
//!
//! Invariant: a session that is here registers no device any more.

use chrono::{DateTime, Utc};
use db::{Error, FromQueryResult, Sql, Tx};
use uuid::Uuid;

use super::values::{bound, micros};

const INSERT: &str = "
    insert into ended_session (session, ended_us)
    values ($1, $2)
    on conflict do nothing";

/// Remembers that a session has ended.
pub(crate) async fn insert(tx: &Tx, session: Uuid, now: DateTime<Utc>) -> Result<(), Error> {
    tx.execute(INSERT, vec![session.into(), micros(now)]).await.map(drop)
}

const FIND: &str = "
    select session
      from ended_session
     where session = $1";

/// Whether a session has ended.
pub(crate) async fn contains(sql: &impl Sql, session: Uuid) -> Result<bool, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        session: Uuid,
    }
    let row: Option<Row> = sql.row(FIND, vec![session.into()]).await?;
    Ok(row.is_some_and(|row| row.session == session))
}

const REMOVE: &str = "
    delete from ended_session
     where session in (
           select session
             from ended_session
            where ended_us < $1
            order by ended_us
            limit $2)";

/// Forgets sessions that ended before a time. Returns how many.
pub(crate) async fn remove(tx: &Tx, before: DateTime<Utc>, limit: usize) -> Result<u64, Error> {
    tx.execute(REMOVE, vec![micros(before), bound(limit)]).await
}
