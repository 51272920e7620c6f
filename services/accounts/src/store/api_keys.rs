//! Rows of API keys.
//!
//! Invariant: a key is stored as its hash only, and one that is removed is recorded as ended, so that its access tokens
//! are refused.

use chrono::{DateTime, Utc};
use contract::AccountId;
use db::{Error, FromQueryResult, Sql, Tx};
use uuid::Uuid;

use super::ended_sessions;
use crate::model::{ApiKey, LAST_USE_INTERVAL};

const INSERT: &str = "
    insert into api_key (id, account_id, name, scopes, key_hash, created_at, expires_at)
    values ($1, $2, $3, $4, $5, $6, $7)";

/// Inserts a key.
pub(crate) async fn insert(tx: &Tx, account: AccountId, key: &ApiKey, hash: &str) -> Result<(), Error> {
    let values = vec![
        key.id.into(),
        account.0.into(),
        key.name.as_str().into(),
        key.scopes.join(" ").into(),
        hash.into(),
        key.created_at.into(),
        key.expires_at.into(),
    ];
    tx.execute(INSERT, values).await.map(drop)
}

#[derive(FromQueryResult)]
struct Row {
    id: Uuid,
    name: String,
    scopes: String,
    created_at: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
    last_used_at: Option<DateTime<Utc>>,
}

impl From<Row> for ApiKey {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            name: row.name,
            scopes: row.scopes.split_whitespace().map(str::to_owned).collect(),
            created_at: row.created_at,
            expires_at: row.expires_at,
            last_used_at: row.last_used_at,
        }
    }
}

const LIST: &str = "
    select id, name, scopes, created_at, expires_at, last_used_at
      from api_key
     where account_id = $1
     order by id desc
     limit $2";

/// Returns at most `limit` keys of an account, newest first, those that have expired included.
pub(crate) async fn list(sql: &impl Sql, account: AccountId, limit: usize) -> Result<Vec<ApiKey>, Error> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows: Vec<Row> = sql.rows(LIST, vec![account.0.into(), limit.into()]).await?;
    Ok(rows.into_iter().map(ApiKey::from).collect())
}

/// A key that was found by its hash.
#[derive(Debug)]
pub(crate) struct FoundKey {
    /// The account that it acts for.
    pub account: AccountId,
    /// The key.
    pub key: ApiKey,
}

const FIND: &str = "
    select account_id, id, name, scopes, created_at, expires_at, last_used_at
      from api_key
     where key_hash = $1
       and (expires_at is null or expires_at > $2)";

/// Returns the key with this hash, unless it has expired.
pub(crate) async fn find(sql: &impl Sql, hash: &str, now: DateTime<Utc>) -> Result<Option<FoundKey>, Error> {
    #[derive(FromQueryResult)]
    struct Found {
        account_id: Uuid,
        #[sea_orm(nested)]
        key: Row,
    }
    let row: Option<Found> = sql.row(FIND, vec![hash.into(), now.into()]).await?;
    Ok(row.map(|row| FoundKey { account: AccountId(row.account_id), key: row.key.into() }))
}

const SET_USED: &str = "
    update api_key
       set last_used_at = $2
     where id = $1
       and (last_used_at is null or last_used_at <= $3)";

/// Records that a key is used, unless that was recorded a moment ago.
pub(crate) async fn set_used(tx: &Tx, id: Uuid, now: DateTime<Utc>) -> Result<(), Error> {
    tx.execute(SET_USED, vec![id.into(), now.into(), (now - LAST_USE_INTERVAL).into()]).await.map(drop)
}

#[derive(FromQueryResult)]
struct IdRow {
    id: Uuid,
}

/// Removes a key of an account. Returns `false` if the account has no such key.
pub(crate) async fn remove(tx: &Tx, account: AccountId, id: Uuid, now: DateTime<Utc>) -> Result<bool, Error> {
    let text = "delete from api_key where id = $1 and account_id = $2 returning id";
    let removed: Vec<IdRow> = tx.rows(text, vec![id.into(), account.0.into()]).await?;
    end(tx, &removed, now).await?;
    Ok(!removed.is_empty())
}

/// Removes all keys of an account.
pub(crate) async fn remove_all(tx: &Tx, account: AccountId, now: DateTime<Utc>) -> Result<(), Error> {
    let text = "delete from api_key where account_id = $1 returning id";
    let removed: Vec<IdRow> = tx.rows(text, vec![account.0.into()]).await?;
    end(tx, &removed, now).await
}

async fn end(tx: &Tx, removed: &[IdRow], now: DateTime<Utc>) -> Result<(), Error> {
    let ids: Vec<Uuid> = removed.iter().map(|row| row.id).collect();
    ended_sessions::insert(tx, &ids, now).await
}
