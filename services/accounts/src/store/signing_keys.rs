//! Rows of signing keys.
//!
//! A reader of the database can sign tokens, so its folder is readable by the server's user only. Invariant: a key's
//! row never changes.

use chrono::{DateTime, Utc};
use db::{Error, FromQueryResult, Sql, Tx};

/// A key as it is stored.
#[derive(Clone, FromQueryResult)]
pub(crate) struct Row {
    /// The key's id in tokens.
    pub kid: String,
    /// The 32 bytes of the private key.
    pub seed: Vec<u8>,
    /// When the key begins to sign.
    pub signs_from: DateTime<Utc>,
}

const ALL: &str = "
    select kid, seed, signs_from
      from signing_key
     order by signs_from, kid";

/// Returns all keys, in the order in which they sign.
pub(crate) async fn list(sql: &impl Sql) -> Result<Vec<Row>, Error> {
    sql.rows(ALL, vec![]).await
}

const INSERT: &str = "
    insert into signing_key (kid, seed, created_at, signs_from)
    values ($1, $2, $3, $4)";

/// Inserts a key.
pub(crate) async fn insert(tx: &Tx, row: &Row, now: DateTime<Utc>) -> Result<u64, Error> {
    let values = vec![row.kid.as_str().into(), row.seed.clone().into(), now.into(), row.signs_from.into()];
    tx.execute(INSERT, values).await
}

/// Removes a key, so that it is published no more. A process that has fetched it keeps it until it restarts.
pub(crate) async fn remove(tx: &Tx, kid: &str) -> Result<u64, Error> {
    tx.execute("delete from signing_key where kid = $1", vec![kid.into()]).await
}
