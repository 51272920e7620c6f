//! Rows of sessions that have ended, for as long as access tokens of theirs may be valid by their times.
//!
//! Invariant: a session's row and its row here change in one transaction, in which those of an account are announced.

use chrono::{DateTime, Utc};
use contract::AccountId;
use contract::accounts::SessionsEnded;
use db::{Error, FromQueryResult, Sql, Tx, placeholders};
use http_server::auth::EndedSession;
use uuid::Uuid;

/// Rows per statement.
const BATCH_ROWS: usize = 500;

/// Records that these sessions ended at `now`.
pub(super) async fn insert(tx: &Tx, sessions: &[Uuid], now: DateTime<Utc>) -> Result<(), Error> {
    for batch in sessions.chunks(BATCH_ROWS) {
        let values = batch.iter().flat_map(|id| [(*id).into(), now.into()]).collect();
        let rows = placeholders(batch.len(), 2);
        tx.execute(&format!("insert into ended_session (id, ended_at) values {rows} on conflict do nothing"), values)
            .await?;
    }
    Ok(())
}

/// Records that these sessions of an account ended at `now`, and announces it.
pub(super) async fn end(tx: &Tx, account: AccountId, sessions: Vec<Uuid>, now: DateTime<Utc>) -> Result<(), Error> {
    insert(tx, &sessions, now).await?;
    announce(tx, account, sessions, now)
}

/// Announces that these sessions of an account have ended.
pub(super) fn announce(tx: &Tx, account: AccountId, sessions: Vec<Uuid>, now: DateTime<Utc>) -> Result<(), Error> {
    if sessions.is_empty() {
        return Ok(());
    }
    tx.publish(&SessionsEnded { account, sessions, at: now }, now)
}

const LIST: &str = "
    select id, ended_at
      from ended_session
     where ended_at >= $1
     order by ended_at desc
     limit $2";

/// Returns at most `limit` sessions that ended since a time, newest first.
pub(crate) async fn list(sql: &impl Sql, since: DateTime<Utc>, limit: usize) -> Result<Vec<EndedSession>, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        id: Uuid,
        ended_at: DateTime<Utc>,
    }
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows: Vec<Row> = sql.rows(LIST, vec![since.into(), limit.into()]).await?;
    Ok(rows.into_iter().map(|row| EndedSession { id: row.id, at: row.ended_at.timestamp() }).collect())
}

const REMOVE: &str = "
    delete from ended_session
     where id in (
           select id
             from ended_session
            where ended_at < $1
            limit $2)";

/// Removes at most `limit` sessions that ended before a time. Returns how many.
pub(crate) async fn remove(tx: &Tx, before: DateTime<Utc>, limit: u64) -> Result<u64, Error> {
    tx.execute(REMOVE, vec![before.into(), i64::try_from(limit).unwrap_or(i64::MAX).into()]).await
}
