//! Rows of API keys of the team.
//!
//! Invariant: a key is stored as its hash only, and one that is removed is recorded as ended, so that its access tokens
//! are refused.

use chrono::{DateTime, Utc};
use contract::AccountId;
use db::{Error, FromQueryResult, Sql, Tx};
use uuid::Uuid;

use super::api_keys::{KeyRow, NewKey, StoredKey, StoredRow};
use super::ended_sessions;
use crate::model::{ApiKey, LAST_USE_INTERVAL, TeamKey};

const INSERT: &str = "
    insert into team_key (id, name, scopes, key_hash, request_key, created_by, created_at, expires_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8)";

/// Inserts a key that an operator made.
pub(crate) async fn insert(tx: &Tx, by: AccountId, new: &NewKey) -> Result<(), Error> {
    let NewKey { key, hash, request_key } = new;
    let values = vec![
        key.id.into(),
        key.name.as_str().into(),
        key.scopes.join(" ").into(),
        hash.as_str().into(),
        request_key.clone().into(),
        by.0.into(),
        key.created_at.into(),
        key.expires_at.into(),
    ];
    tx.execute(INSERT, values).await.map(drop)
}

#[derive(FromQueryResult)]
struct TeamRow {
    created_by: Uuid,
    #[sea_orm(nested)]
    key: KeyRow,
}

impl From<TeamRow> for TeamKey {
    fn from(row: TeamRow) -> Self {
        // An erased account has left the nil id.
        let created_by = Some(AccountId(row.created_by)).filter(|account| !account.0.is_nil());
        Self { key: row.key.into(), created_by }
    }
}

const LIST: &str = "
    select created_by, id, name, scopes, created_at, expires_at, last_used_at
      from team_key
     where id <= $1
     order by id desc
     limit $2";

/// Returns at most `limit` keys, newest first, those that have expired included.
pub(crate) async fn list(sql: &impl Sql, limit: usize) -> Result<Vec<TeamKey>, Error> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows: Vec<TeamRow> = sql.rows(LIST, vec![Uuid::max().into(), limit.into()]).await?;
    Ok(rows.into_iter().map(TeamKey::from).collect())
}

const FIND: &str = "
    select id, name, scopes, created_at, expires_at, last_used_at
      from team_key
     where key_hash = $1
       and expires_at > $2";

/// Returns the key with this hash, unless it has expired.
pub(crate) async fn find(sql: &impl Sql, hash: &str, now: DateTime<Utc>) -> Result<Option<ApiKey>, Error> {
    let row: Option<KeyRow> = sql.row(FIND, vec![hash.into(), now.into()]).await?;
    Ok(row.map(ApiKey::from))
}

const MADE: &str = "
    select key_hash, id, name, scopes, created_at, expires_at, last_used_at
      from team_key
     where created_by = $1
       and request_key = $2
       and created_at > $3";

/// Returns the key that a request of this operator with this `Idempotency-Key` made since a time.
pub(crate) async fn find_made(
    sql: &impl Sql,
    by: AccountId,
    request_key: &[u8],
    since: DateTime<Utc>,
) -> Result<Option<StoredKey>, Error> {
    let values = vec![by.0.into(), request_key.to_vec().into(), since.into()];
    let row: Option<StoredRow> = sql.row(MADE, values).await?;
    Ok(row.map(StoredKey::from))
}

const SET_USED: &str = "
    update team_key
       set last_used_at = $2
     where id = $1
       and (last_used_at is null or last_used_at <= $3)";

/// Records that a key is used, unless that was recorded a moment ago.
pub(crate) async fn set_used(tx: &Tx, id: Uuid, now: DateTime<Utc>) -> Result<(), Error> {
    tx.execute(SET_USED, vec![id.into(), now.into(), (now - LAST_USE_INTERVAL).into()]).await.map(drop)
}

const FORGET_MAKER: &str = "
    update team_key
       set created_by = $2,
           request_key = null
     where created_by = $1";

/// Removes an erased account from the keys that it made, which stay the team's.
pub(crate) async fn forget_maker(tx: &Tx, account: AccountId) -> Result<(), Error> {
    tx.execute(FORGET_MAKER, vec![account.0.into(), Uuid::nil().into()]).await.map(drop)
}

const REMOVE: &str = "
    delete from team_key
     where id = $1
 returning created_by, id, name, scopes, created_at, expires_at, last_used_at";

/// Removes a key, and returns it. Returns `None` if there is no such key.
pub(crate) async fn remove(tx: &Tx, id: Uuid, now: DateTime<Utc>) -> Result<Option<TeamKey>, Error> {
    let removed: Option<TeamRow> = tx.row(REMOVE, vec![id.into()]).await?;
    if removed.is_some() {
        ended_sessions::insert(tx, &[id], now).await?;
    }
    Ok(removed.map(TeamKey::from))
}
