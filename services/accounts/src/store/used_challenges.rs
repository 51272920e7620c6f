//! Rows of challenges of proofs of work that were used.
//!
//! Invariant: of all uses of a challenge, one inserts its row. A row is of no more use once the challenge has expired.

use chrono::{DateTime, Utc};
use db::{Error, Sql as _, Tx};

const INSERT: &str = "
    insert into used_challenge
           (id, expires_at)
    values ($1, $2)
        on conflict (id) do nothing";

/// Records that a challenge, named by its hash, is used. Returns `false` if it was used before.
pub(crate) async fn insert(tx: &Tx, id: &[u8], expires_at: DateTime<Utc>) -> Result<bool, Error> {
    Ok(tx.execute(INSERT, vec![id.to_vec().into(), expires_at.into()]).await? == 1)
}

const REMOVE_EXPIRED: &str = "
    delete from used_challenge
     where id in (
           select id
             from used_challenge
            where expires_at <= $1
            limit $2)";

/// Removes at most `limit` challenges that have expired. Returns how many.
pub(crate) async fn remove_expired(tx: &Tx, now: DateTime<Utc>, limit: u64) -> Result<u64, Error> {
    tx.execute(REMOVE_EXPIRED, vec![now.into(), i64::try_from(limit).unwrap_or(i64::MAX).into()]).await
}
