//! The standing of accounts, and the history of how it came about.
//!
//! Invariant: an account has at most one sanction that is not lifted, and it is the one that its standing shows.

use chrono::{DateTime, Utc};
use contract::AccountId;
use db::{Error, FromQueryResult, Sql, Tx};
use uuid::Uuid;

use crate::model::{Sanction, Standing};

#[derive(FromQueryResult)]
struct VersionRow {
    standing_version: i64,
}

const SET_STANDING: &str = "
    update account
       set state = $2,
           state_reason = $3,
           state_until = $4,
           standing_version = standing_version + 1
     where id = $1
 returning standing_version";

/// Replaces the standing of an account. Returns its version.
pub(crate) async fn set_standing(tx: &Tx, id: AccountId, standing: &Standing) -> Result<u64, Error> {
    let values =
        vec![id.0.into(), standing.state.as_str().into(), standing.reason.clone().into(), standing.until.into()];
    let row: Option<VersionRow> = tx.row(SET_STANDING, values).await?;
    Ok(row.map_or(0, |row| row.standing_version.unsigned_abs()))
}

const RAISE_VERSION: &str = "
    update account
       set standing_version = standing_version + 1
     where id = $1
 returning standing_version";

/// Raises the version of an account's tokens, and returns it.
pub(super) async fn raise_version(tx: &Tx, id: AccountId) -> Result<u64, Error> {
    let row: Option<VersionRow> = tx.row(RAISE_VERSION, vec![id.0.into()]).await?;
    Ok(row.map_or(0, |row| row.standing_version.unsigned_abs()))
}

const INSERT: &str = "
    insert into sanction (id, account_id, state, reason, ends_at, imposed_by, imposed_at)
    values ($1, $2, $3, $4, $5, $6, $7)";

/// Records a sanction that the account `by` imposes.
pub(crate) async fn insert(
    tx: &Tx,
    sanction_id: Uuid,
    account: AccountId,
    by: AccountId,
    sanction: &Sanction,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let values = vec![
        sanction_id.into(),
        account.0.into(),
        sanction.state.as_str().into(),
        sanction.reason.as_str().into(),
        sanction.until.into(),
        by.0.into(),
        now.into(),
    ];
    tx.execute(INSERT, values).await.map(drop)
}

const INSERT_LIFTED: &str = "
    insert into sanction (id, account_id, state, reason, ends_at, imposed_by, imposed_at, lifted_by, lifted_at,
           lift_reason)
    values ($1, $2, $3, $4, $5, $6, $7, $6, $7, $4)";

/// Records a sanction that has ended before it could be imposed; the account `by` has ended it.
pub(crate) async fn insert_lifted(
    tx: &Tx,
    sanction_id: Uuid,
    account: AccountId,
    by: AccountId,
    sanction: &Sanction,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let values = vec![
        sanction_id.into(),
        account.0.into(),
        sanction.state.as_str().into(),
        sanction.reason.as_str().into(),
        sanction.until.into(),
        by.0.into(),
        now.into(),
    ];
    tx.execute(INSERT_LIFTED, values).await.map(drop)
}

#[derive(FromQueryResult)]
struct IdRow {
    id: Uuid,
}

/// Whether there is a sanction with this id, whether or not it was lifted.
pub(crate) async fn exists(sql: &impl Sql, id: Uuid) -> Result<bool, Error> {
    let row: Option<IdRow> = sql.row("select id from sanction where id = $1", vec![id.into()]).await?;
    Ok(row.is_some_and(|row| row.id == id))
}

/// Whether a sanction was not lifted.
pub(crate) async fn is_in_force(sql: &impl Sql, id: Uuid) -> Result<bool, Error> {
    let text = "select id from sanction where id = $1 and lifted_at is null";
    let row: Option<IdRow> = sql.row(text, vec![id.into()]).await?;
    Ok(row.is_some_and(|row| row.id == id))
}

const SET_LIFTED: &str = "
    update sanction
       set lifted_by = $2,
           lifted_at = $3,
           lift_reason = $4
     where account_id = $1
       and lifted_at is null";

/// Records that the sanction of an account ends: by the account `by` with a reason, or by itself.
pub(crate) async fn set_lifted(
    tx: &Tx,
    account: AccountId,
    by: Option<AccountId>,
    reason: Option<&str>,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let values = vec![account.0.into(), by.map(|by| by.0).into(), now.into(), reason.map(str::to_owned).into()];
    tx.execute(SET_LIFTED, values).await.map(drop)
}

const LIST_ENDED: &str = "
    select id
      from account
     where state_until is not null
       and state_until <= $1
     order by state_until
     limit $2";

/// Returns some accounts whose standing has ended by itself.
pub(crate) async fn list_ended(sql: &impl Sql, now: DateTime<Utc>, limit: i64) -> Result<Vec<AccountId>, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        id: Uuid,
    }
    let rows: Vec<Row> = sql.rows(LIST_ENDED, vec![now.into(), limit.into()]).await?;
    Ok(rows.into_iter().map(|row| AccountId(row.id)).collect())
}

/// A sanction of the history.
#[derive(Debug, Clone, FromQueryResult)]
pub(crate) struct SanctionRow {
    /// Its id.
    pub id: Uuid,
    /// The state that it gave the account.
    pub state: String,
    /// The reason, which the member reads.
    pub reason: String,
    /// When it was to end by itself.
    pub ends_at: Option<DateTime<Utc>>,
    /// The account that imposed it.
    pub imposed_by: Uuid,
    /// When it was imposed.
    pub imposed_at: DateTime<Utc>,
    /// The account that lifted it; `None` while it lasts, and if it ended by itself.
    pub lifted_by: Option<Uuid>,
    /// When it was lifted or replaced, or ended.
    pub lifted_at: Option<DateTime<Utc>>,
    /// Why it was lifted.
    pub lift_reason: Option<String>,
}

const LIST: &str = "
    select id, state, reason, ends_at, imposed_by, imposed_at, lifted_by, lifted_at, lift_reason
      from sanction
     where account_id = $1
       and id < $2
     order by id desc
     limit $3";

/// Returns a page of the sanctions of an account, newest first.
pub(crate) async fn list(
    sql: &impl Sql,
    account: AccountId,
    before: Uuid,
    limit: usize,
) -> Result<Vec<SanctionRow>, Error> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    sql.rows(LIST, vec![account.0.into(), before.into(), limit.into()]).await
}
