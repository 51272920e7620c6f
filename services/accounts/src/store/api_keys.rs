//! Rows of API keys.
//!
//! Invariant: a key is stored as its hash only, and one that is removed is recorded as ended, so that its access tokens
//! are refused; the end of each is announced, also of one that expires.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use contract::AccountId;
use db::{Error, FromQueryResult, Sql, Tx};
use uuid::Uuid;

use super::ended_sessions;
use crate::model::{ApiKey, LAST_USE_INTERVAL};

/// A key to be stored.
#[derive(Debug, Clone)]
pub(crate) struct NewKey {
    /// The key.
    pub key: ApiKey,
    /// The hash of its secret.
    pub hash: String,
    /// The hash of the `Idempotency-Key` of the request that makes it.
    pub request_key: Option<Vec<u8>>,
}

/// A key with the hash of its secret.
#[derive(Debug)]
pub(crate) struct StoredKey {
    /// The key.
    pub key: ApiKey,
    /// The hash.
    pub hash: String,
}

const INSERT: &str = "
    insert into api_key (id, account_id, name, scopes, key_hash, request_key, created_at, expires_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8)";

/// Inserts a key of an account.
pub(crate) async fn insert(tx: &Tx, account: AccountId, new: &NewKey) -> Result<(), Error> {
    let NewKey { key, hash, request_key } = new;
    let values = vec![
        key.id.into(),
        account.0.into(),
        key.name.as_str().into(),
        key.scopes.join(" ").into(),
        hash.as_str().into(),
        request_key.clone().into(),
        key.created_at.into(),
        key.expires_at.into(),
    ];
    tx.execute(INSERT, values).await.map(drop)
}

/// The columns of a key.
#[derive(FromQueryResult)]
pub(super) struct KeyRow {
    id: Uuid,
    name: String,
    scopes: String,
    created_at: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
    last_used_at: Option<DateTime<Utc>>,
}

impl From<KeyRow> for ApiKey {
    fn from(row: KeyRow) -> Self {
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
    let rows: Vec<KeyRow> = sql.rows(LIST, vec![account.0.into(), limit.into()]).await?;
    Ok(rows.into_iter().map(ApiKey::from).collect())
}

/// The columns of a key, with the hash of its secret.
#[derive(FromQueryResult)]
pub(super) struct StoredRow {
    key_hash: String,
    #[sea_orm(nested)]
    key: KeyRow,
}

impl From<StoredRow> for StoredKey {
    fn from(row: StoredRow) -> Self {
        Self { key: row.key.into(), hash: row.key_hash }
    }
}

const MADE: &str = "
    select key_hash, id, name, scopes, created_at, expires_at, last_used_at
      from api_key
     where account_id = $1
       and request_key = $2
       and created_at > $3";

/// Returns the key of an account that a request with this `Idempotency-Key` made since a time.
pub(crate) async fn find_made(
    sql: &impl Sql,
    account: AccountId,
    request_key: &[u8],
    since: DateTime<Utc>,
) -> Result<Option<StoredKey>, Error> {
    let values = vec![account.0.into(), request_key.to_vec().into(), since.into()];
    let row: Option<StoredRow> = sql.row(MADE, values).await?;
    Ok(row.map(StoredKey::from))
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
        key: KeyRow,
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
    end(tx, account, &removed, now).await?;
    Ok(!removed.is_empty())
}

/// Removes all keys of an account.
pub(crate) async fn remove_all(tx: &Tx, account: AccountId, now: DateTime<Utc>) -> Result<(), Error> {
    let text = "delete from api_key where account_id = $1 returning id";
    let removed: Vec<IdRow> = tx.rows(text, vec![account.0.into()]).await?;
    end(tx, account, &removed, now).await
}

const END_EXPIRED: &str = "
    update api_key
       set ended_at = $1
     where id in (
           select id
             from api_key
            where expires_at <= $1
              and ended_at is null
            order by expires_at
            limit $2)
 returning id, account_id";

/// Announces the end of at most `limit` keys that have expired, each once. They stay in the list of their account, and
/// their tokens have ended with them. Returns how many there were.
pub(crate) async fn end_expired(tx: &Tx, now: DateTime<Utc>, limit: u64) -> Result<u64, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        id: Uuid,
        account_id: Uuid,
    }
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows: Vec<Row> = tx.rows(END_EXPIRED, vec![now.into(), limit.into()]).await?;
    let count = rows.len() as u64;
    let mut by_account: BTreeMap<AccountId, Vec<Uuid>> = BTreeMap::new();
    for row in rows {
        by_account.entry(AccountId(row.account_id)).or_default().push(row.id);
    }
    for (account, keys) in by_account {
        ended_sessions::announce(tx, account, keys, now)?;
    }
    Ok(count)
}

async fn end(tx: &Tx, account: AccountId, removed: &[IdRow], now: DateTime<Utc>) -> Result<(), Error> {
    let ids: Vec<Uuid> = removed.iter().map(|row| row.id).collect();
    ended_sessions::end(tx, account, ids, now).await
}
