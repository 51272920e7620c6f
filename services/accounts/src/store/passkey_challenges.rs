//! Rows of challenges that passkeys are asked to sign.
//!
//! Invariant: a challenge is removed by its first response, whatever becomes of that. An account has at most
//! [`MAX_PER_ACCOUNT`] of them, and clients that are not signed in have at most [`MAX_ANONYMOUS`] together; the newest
//! stay, so that a flood keeps nobody from getting one.

use chrono::{DateTime, Utc};
use contract::AccountId;
use db::{Error, FromQueryResult, Sql as _, Tx};
use uuid::Uuid;

/// The most challenges of an account; the newest are kept.
const MAX_PER_ACCOUNT: i64 = 20;
/// The most challenges of clients that are not signed in; the newest are kept. They last five minutes.
const MAX_ANONYMOUS: i64 = 20_000;

/// A challenge to be inserted.
#[derive(Clone)]
pub(crate) struct NewChallenge {
    /// The hash of the challenge.
    pub id: Vec<u8>,
    /// The account whose passkeys may respond; `None` for the passkeys of every account.
    pub account: Option<AccountId>,
    /// What the verification needs.
    pub state: String,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
}

const INSERT: &str = "
    insert into passkey_challenge
           (id, account_id, state, expires_at)
    values ($1, $2, $3, $4)";

const REMOVE_EXCESS: &str = "
    delete from passkey_challenge
     where account_id = $1
       and id not in (
           select id
             from passkey_challenge
            where account_id = $1
            order by expires_at desc, id
            limit $2)";

const COUNT_ANONYMOUS: &str = "
    select count(*) as waiting
      from passkey_challenge
     where account_id is null";

const REMOVE_EXPIRED_ANONYMOUS: &str = "
    delete from passkey_challenge
     where account_id is null
       and expires_at <= $1";

const REMOVE_OLDEST_ANONYMOUS: &str = "
    delete from passkey_challenge
     where id in (
           select id
             from passkey_challenge
            where account_id is null
            order by expires_at
            limit $1)";

/// Inserts a challenge, and removes the oldest that are too many.
pub(crate) async fn insert(tx: &Tx, new: &NewChallenge, now: DateTime<Utc>) -> Result<(), Error> {
    #[derive(FromQueryResult)]
    struct Row {
        waiting: i64,
    }
    if new.account.is_none() {
        tx.execute(REMOVE_EXPIRED_ANONYMOUS, vec![now.into()]).await?;
        let row: Option<Row> = tx.row(COUNT_ANONYMOUS, vec![]).await?;
        let excess = row.map_or(0, |row| row.waiting + 1 - MAX_ANONYMOUS);
        if excess > 0 {
            tx.execute(REMOVE_OLDEST_ANONYMOUS, vec![excess.into()]).await?;
        }
    }
    let account: Option<Uuid> = new.account.map(|account| account.0);
    let values = vec![new.id.clone().into(), account.into(), new.state.as_str().into(), new.expires_at.into()];
    tx.execute(INSERT, values).await?;
    if let Some(account) = account {
        tx.execute(REMOVE_EXCESS, vec![account.into(), MAX_PER_ACCOUNT.into()]).await?;
    }
    Ok(())
}

const TAKE_OF_ACCOUNT: &str = "
    delete from passkey_challenge
     where id = $1
       and account_id = $2
 returning state, expires_at";

const TAKE_ANONYMOUS: &str = "
    delete from passkey_challenge
     where id = $1
       and account_id is null
 returning state, expires_at";

/// Removes a challenge and returns its state; `None` if there is none for this account, or it has expired.
pub(crate) async fn take(
    tx: &Tx,
    id: &[u8],
    account: Option<AccountId>,
    now: DateTime<Utc>,
) -> Result<Option<String>, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        state: String,
        expires_at: DateTime<Utc>,
    }
    let row: Option<Row> = match account {
        Some(account) => tx.row(TAKE_OF_ACCOUNT, vec![id.to_vec().into(), account.0.into()]).await?,
        None => tx.row(TAKE_ANONYMOUS, vec![id.to_vec().into()]).await?,
    };
    Ok(row.filter(|row| row.expires_at > now).map(|row| row.state))
}

/// Removes all challenges of an account.
pub(crate) async fn remove_all(tx: &Tx, account: AccountId) -> Result<(), Error> {
    tx.execute("delete from passkey_challenge where account_id = $1", vec![account.0.into()]).await.map(drop)
}

const REMOVE_EXPIRED: &str = "
    delete from passkey_challenge
     where id in (
           select id
             from passkey_challenge
            where expires_at <= $1
            limit $2)";

/// Removes at most `limit` challenges that have expired. Returns how many.
pub(crate) async fn remove_expired(tx: &Tx, now: DateTime<Utc>, limit: u64) -> Result<u64, Error> {
    tx.execute(REMOVE_EXPIRED, vec![now.into(), i64::try_from(limit).unwrap_or(i64::MAX).into()]).await
}
