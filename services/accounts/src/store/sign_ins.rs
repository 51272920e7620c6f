//! Rows of sign-ins and of attempts that failed, for the member's own list.
//!
//! Invariant: an account has at most [`MAX_PER_OUTCOME`] sign-ins and as many rows of failed attempts, so that guesses
//! push no sign-in out; each row is removed after [`EXPIRES_AFTER`], and with its account.

use chrono::{DateTime, TimeDelta, Utc};
use contract::AccountId;
use db::{Error, FromQueryResult, Sql, Tx};
use uuid::Uuid;

use crate::model::{FailedSignIns, Familiarity, SignIn, Whereabouts};

/// The most rows of an account with one outcome. The newest ones are kept.
const MAX_PER_OUTCOME: i64 = 200;
/// How long a row is kept.
const EXPIRES_AFTER: TimeDelta = TimeDelta::days(90);
/// How long failed attempts from one place are added to one row.
const FAILURES_WINDOW: TimeDelta = TimeDelta::hours(1);

const FAMILIARITY: &str = "
    select count(*) as sign_ins,
           coalesce(sum(case when device = $2 and network = $3 then 1 else 0 end), 0) as same
      from sign_in
     where account_id = $1
       and succeeded";

/// Compares a sign-in with the earlier ones of its account.
pub(crate) async fn familiarity(sql: &impl Sql, account: AccountId, from: &Whereabouts) -> Result<Familiarity, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        sign_ins: i64,
        same: i64,
    }
    let values = vec![account.0.into(), from.device.as_str().into(), from.network.as_str().into()];
    let row: Option<Row> = sql.row(FAMILIARITY, values).await?;
    Ok(row.map_or(Familiarity { sign_ins: 0, same: 0 }, |row| Familiarity { sign_ins: row.sign_ins, same: row.same }))
}

const INSERT: &str = "
    insert into sign_in
           (id, account_id, device, network, succeeded, attempts, last_at)
    select $2, id, $3, $4, $5, $6, $7
      from account
     where id = $1";

const REMOVE_EXCESS: &str = "
    delete from sign_in
     where account_id = $1
       and succeeded = $2
       and id not in (
           select id
             from sign_in
            where account_id = $1
              and succeeded = $2
            order by id desc
            limit $3)";

async fn insert_row(tx: &Tx, id: Uuid, row: &FailedSignIns, succeeded: bool) -> Result<(), Error> {
    let account = row.account.0;
    let values = vec![
        account.into(),
        id.into(),
        row.from.device.as_str().into(),
        row.from.network.as_str().into(),
        succeeded.into(),
        row.attempts.into(),
        row.last_at.into(),
    ];
    tx.execute(INSERT, values).await?;
    tx.execute(REMOVE_EXCESS, vec![account.into(), succeeded.into(), MAX_PER_OUTCOME.into()]).await?;
    Ok(())
}

/// Inserts a sign-in, if the account exists.
pub(crate) async fn insert(
    tx: &Tx,
    id: Uuid,
    account: AccountId,
    from: &Whereabouts,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    insert_row(tx, id, &FailedSignIns { account, from: from.clone(), attempts: 1, last_at: now }, true).await
}

const ADD_FAILURES: &str = "
    update sign_in
       set attempts = attempts + $4,
           last_at = $5
     where account_id = $1
       and device = $2
       and network = $3
       and not succeeded
       and last_at > $6";

/// Adds failed attempts to the row of their place, or inserts one under `id`.
pub(crate) async fn add_failures(tx: &Tx, id: Uuid, failed: &FailedSignIns) -> Result<(), Error> {
    let values = vec![
        failed.account.0.into(),
        failed.from.device.as_str().into(),
        failed.from.network.as_str().into(),
        failed.attempts.into(),
        failed.last_at.into(),
        (failed.last_at - FAILURES_WINDOW).into(),
    ];
    if tx.execute(ADD_FAILURES, values).await? == 0 {
        insert_row(tx, id, failed, false).await?;
    }
    Ok(())
}

const PAGE: &str = "
    select id, device, network, succeeded, attempts, last_at
      from sign_in
     where account_id = $1
       and id < $2
       and last_at > $3
     order by id desc
     limit $4";

/// Returns a page of an account's sign-ins and failed attempts, newest first.
pub(crate) async fn list(
    sql: &impl Sql,
    account: AccountId,
    before: Uuid,
    limit: usize,
    now: DateTime<Utc>,
) -> Result<Vec<SignIn>, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        id: Uuid,
        device: String,
        network: String,
        succeeded: bool,
        attempts: i64,
        last_at: DateTime<Utc>,
    }
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let values = vec![account.0.into(), before.into(), (now - EXPIRES_AFTER).into(), limit.into()];
    let rows: Vec<Row> = sql.rows(PAGE, values).await?;
    let sign_ins = rows.into_iter().map(|row| SignIn {
        id: row.id,
        device: row.device,
        network: row.network,
        succeeded: row.succeeded,
        attempts: row.attempts,
        last_at: row.last_at,
    });
    Ok(sign_ins.collect())
}

/// Removes all rows of an account.
pub(crate) async fn remove_all(tx: &Tx, account: AccountId) -> Result<(), Error> {
    tx.execute("delete from sign_in where account_id = $1", vec![account.0.into()]).await.map(drop)
}

const REMOVE_EXPIRED: &str = "
    delete from sign_in
     where id in (
           select id
             from sign_in
            where last_at <= $1
            limit $2)";

/// Removes at most `limit` rows that have expired. Returns how many.
pub(crate) async fn remove_expired(tx: &Tx, now: DateTime<Utc>, limit: u64) -> Result<u64, Error> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    tx.execute(REMOVE_EXPIRED, vec![(now - EXPIRES_AFTER).into(), limit.into()]).await
}
