//! That a database was restored from a backup, and when.
//!
//! Invariant: each restore has another epoch than every one before, also if it is of a point from before them.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::FromQueryResult;

use super::{Error, Sql, Tx};

/// Records a restore of a recovery point. Where this machine's clock is behind the one of an earlier restore, the epoch
/// is the next after that one.
pub async fn record(tx: &Tx, point: &str, now: DateTime<Utc>) -> Result<(), Error> {
    let before: Option<Row> = tx.row(NEWEST, vec![]).await?;
    let at = before.map_or(now, |before| now.max(before.restored_at + TimeDelta::milliseconds(1)));
    let text = "insert into restored (restored_at, point) values ($1, $2) on conflict do nothing";
    tx.execute(text, vec![at.into(), point.into()]).await.map(drop)
}

#[derive(FromQueryResult)]
struct Row {
    restored_at: DateTime<Utc>,
}

const NEWEST: &str = "
    select restored_at
      from restored
     order by restored_at desc
     limit 1";

/// Returns the epoch: when the database was restored last, in milliseconds since 1970; 0 if it never was. What a client
/// has cached of an earlier epoch may be of a time that did not happen.
pub async fn epoch(sql: &impl Sql) -> Result<i64, Error> {
    let row: Option<Row> = sql.row(NEWEST, vec![]).await?;
    Ok(row.map_or(0, |row| row.restored_at.timestamp_millis()))
}
