//! Digests of files that moderators have refused for everyone.
//!
//! Invariant: a digest has a row for each decision that refuses it, so the end of one decision leaves those of others.

use chrono::{DateTime, Utc};
use db::{Error, FromQueryResult, Sql, Tx};
use uuid::Uuid;

/// In place of a digest: the decision was undone, whether or not it has arrived.
const UNDONE: &str = "";

#[derive(FromQueryResult)]
struct Row {
    sha256: String,
}

const FIND: &str = "
    select sha256
      from blocked_media
     where sha256 = $1
     limit 1";

/// Whether files with this SHA-256 (in hexadecimal digits) are refused.
pub(crate) async fn is_blocked(sql: &impl Sql, sha256: &str) -> Result<bool, Error> {
    let row: Option<Row> = sql.row(FIND, vec![sha256.into()]).await?;
    Ok(row.is_some_and(|row| row.sha256 == sha256))
}

const FIND_DECISION: &str = "
    select decision
      from blocked_media
     where sha256 = $1
     limit 1";

/// Returns a decision that refuses files with this SHA-256, if there is one.
pub(crate) async fn find_decision(sql: &impl Sql, sha256: &str) -> Result<Option<Uuid>, Error> {
    #[derive(FromQueryResult)]
    struct Decision {
        decision: Uuid,
    }
    let row: Option<Decision> = sql.row(FIND_DECISION, vec![sha256.into()]).await?;
    Ok(row.map(|row| row.decision))
}

const FIND_UNDONE: &str = "
    select sha256
      from blocked_media
     where sha256 = $1
       and decision = $2";

/// Whether a decision was undone.
pub(crate) async fn is_undone(sql: &impl Sql, decision: Uuid) -> Result<bool, Error> {
    let row: Option<Row> = sql.row(FIND_UNDONE, vec![UNDONE.into(), decision.into()]).await?;
    Ok(row.is_some_and(|row| row.sha256 == UNDONE))
}

const INSERT: &str = "
    insert into blocked_media (sha256, decision, blocked_at)
    values ($1, $2, $3)
    on conflict do nothing";

/// Refuses files with this SHA-256 from now on.
pub(crate) async fn insert(tx: &Tx, sha256: &str, decision: Uuid, now: DateTime<Utc>) -> Result<(), Error> {
    tx.execute(INSERT, vec![sha256.into(), decision.into(), now.into()]).await.map(drop)
}

const REMOVE: &str = "
    delete from blocked_media
     where decision = $1
       and sha256 <> $2";

/// Accepts again what a decision has refused, and remembers that it was undone.
pub(crate) async fn undo(tx: &Tx, decision: Uuid, now: DateTime<Utc>) -> Result<(), Error> {
    tx.execute(REMOVE, vec![decision.into(), UNDONE.into()]).await?;
    insert(tx, UNDONE, decision, now).await
}
