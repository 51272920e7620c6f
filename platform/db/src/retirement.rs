//! That a site is retired: another one has taken over, so this one starts nothing by itself any more.
//!
//! It is in every database of the site, so that it holds for every process of every role, also for one that starts
//! later. Invariant: once [`retire`] has returned, no run, mail or push of the database is claimed until [`undo`].

use chrono::{DateTime, Utc};
use sea_orm::FromQueryResult;

use super::{Db, Error, Lane, Sql};

/// Why and since when a site is retired.
#[derive(Debug, Clone, PartialEq, Eq, FromQueryResult)]
pub struct Retirement {
    /// The operator's words.
    pub reason: String,
    /// Since when.
    pub retired_at: DateTime<Utc>,
}

const FIND: &str = "
    select reason, retired_at
      from retirement
     where id = 1";

const RETIRE: &str = "
    insert into retirement (id, reason, retired_at)
    values (1, $1, $2)
        on conflict do nothing";

const UNDO: &str = "
    delete from retirement
     where id = 1";

const RUNNING: &str = "
    select count(*) as runs
      from schedule_run
     where finished_at is null
       and lease_until > $1";

#[derive(FromQueryResult)]
struct CountRow {
    runs: i64,
}

/// Returns the retirement of the site, if it is retired.
pub async fn find(sql: &impl Sql) -> Result<Option<Retirement>, Error> {
    sql.row(FIND, vec![]).await
}

/// Whether the site is retired. Asked in the transaction that claims work.
pub async fn is_retired(sql: &impl Sql) -> Result<bool, Error> {
    Ok(find(sql).await?.is_some())
}

/// Retires the site of the database. Returns `false` if it was retired already. It excludes every other write, so that
/// none that saw the site before is under way when it returns.
pub async fn retire(db: &Db, reason: &str, now: DateTime<Utc>) -> Result<bool, Error> {
    let reason = reason.to_owned();
    let changed: Result<u64, Error> =
        db.write(Lane::ALL, async move |tx| tx.execute(RETIRE, vec![reason.into(), now.into()]).await).await;
    Ok(changed? == 1)
}

/// Takes the retirement back. Returns `false` if the site was not retired.
pub async fn undo(db: &Db) -> Result<bool, Error> {
    let changed: Result<u64, Error> = db.write(Lane::ALL, async |tx| tx.execute(UNDO, vec![]).await).await;
    Ok(changed? == 1)
}

/// Returns how many timed runs go on that were claimed before.
pub async fn count_running(sql: &impl Sql, now: DateTime<Utc>) -> Result<u64, Error> {
    let row: Option<CountRow> = sql.row(RUNNING, vec![now.into()]).await?;
    Ok(row.map_or(0, |row| row.runs.unsigned_abs()))
}
