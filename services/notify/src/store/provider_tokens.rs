//! Rows of provider tokens, encrypted.
//!
//! Invariant: a key has one token.

use chrono::{DateTime, Utc};
use db::{Error, FromQueryResult, Sql, Tx, Value};

use super::values::{from_micros, micros};

/// A token as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredToken {
    /// The encrypted token.
    pub token: Vec<u8>,
    /// When it was made.
    pub issued_at: DateTime<Utc>,
}

#[derive(FromQueryResult)]
struct TokenRow {
    token: Vec<u8>,
    issued_us: i64,
}

const FIND: &str = "
    select token, issued_us
      from provider_token
     where provider = $1
       and key_id = $2";

/// Returns the token of a key.
pub(crate) async fn find(sql: &impl Sql, provider: &str, key_id: &str) -> Result<Option<StoredToken>, Error> {
    let row: Option<TokenRow> = sql.row(FIND, vec![provider.into(), key_id.into()]).await?;
    let Some(row) = row else { return Ok(None) };
    let issued_at = from_micros(Some(row.issued_us), "the time of a provider token")?;
    Ok(issued_at.map(|issued_at| StoredToken { token: row.token, issued_at }))
}

const SET: &str = "
    insert into provider_token (provider, key_id, token, issued_us)
    values ($1, $2, $3, $4)
    on conflict (provider, key_id) do update
       set token = excluded.token,
           issued_us = excluded.issued_us";

/// Stores the token of a key.
pub(crate) async fn set(
    tx: &Tx,
    provider: &str,
    key_id: &str,
    token: Vec<u8>,
    issued_at: DateTime<Utc>,
) -> Result<(), Error> {
    let values: Vec<Value> = vec![provider.into(), key_id.into(), token.into(), micros(issued_at)];
    tx.execute(SET, values).await.map(drop)
}
