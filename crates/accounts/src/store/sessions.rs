//! Rows of sessions and of their refresh tokens.
//!
//! Invariant: a session is inserted only if the verified password is still the account's.

use chrono::{DateTime, TimeDelta, Utc};
use contract::AccountId;
use kit::db::{Error, FromQueryResult, Sql, Tx};
use uuid::Uuid;

use crate::model::{Account, Session};
use crate::tokens::{REUSE_GRACE, RefreshToken};

/// A session to be inserted.
#[derive(Debug, Clone)]
pub(crate) struct NewSession {
    /// The session's id.
    pub id: Uuid,
    /// Its account.
    pub account: AccountId,
    /// The hash that the password was verified against.
    pub password: String,
    /// The name of the device.
    pub device: String,
    /// The hash of the `Idempotency-Key` of its sign-in.
    pub request_key: Option<Vec<u8>>,
    /// The key that derives the successors of its tokens.
    pub chain_key: Vec<u8>,
    /// Its first refresh token.
    pub token: RefreshToken,
    /// The current time.
    pub at: DateTime<Utc>,
}

/// Inserts a session. Returns `false` if the account no longer exists or has another password by now.
pub(crate) async fn insert(tx: &Tx, new: &NewSession) -> Result<bool, Error> {
    let inserted = tx
        .execute(
            "insert into session (id, account_id, device, request_key, family, chain_key, current_token, created_at, last_seen_at) \
             select $1, id, $2, $3, $4, $5, $6, $7, $7 from account where id = $8 and password = $9",
            vec![
                new.id.into(),
                new.device.as_str().into(),
                new.request_key.clone().into(),
                new.token.family_hash().into(),
                new.chain_key.clone().into(),
                new.token.secret_hash().into(),
                new.at.into(),
                new.account.0.into(),
                new.password.as_str().into(),
            ],
        )
        .await?;
    Ok(inserted == 1)
}

/// Removes the session that the same request opened within the last day.
pub(crate) async fn remove_by_request_key(
    tx: &Tx,
    account: AccountId,
    request_key: &[u8],
    now: DateTime<Utc>,
) -> Result<u64, Error> {
    tx.execute(
        "delete from session where account_id = $1 and request_key = $2 and created_at > $3",
        vec![account.0.into(), request_key.to_vec().into(), (now - TimeDelta::days(1)).into()],
    )
    .await
}

/// Removes the sessions of an account that were unused for longest, until `max_sessions` are left.
pub(crate) async fn remove_excess(tx: &Tx, account: AccountId, max_sessions: u32) -> Result<u64, Error> {
    tx.execute(
        "delete from session where account_id = $1 and id not in (select id from session where account_id = $1 order by last_seen_at desc, id desc limit $2)",
        vec![account.0.into(), i64::from(max_sessions).into()],
    )
    .await
}

/// A session that was found by a token of its family.
#[derive(Debug)]
pub(crate) struct Family {
    /// The session's id.
    pub session: Uuid,
    /// The key that derives the successors of its tokens.
    pub chain_key: Vec<u8>,
    /// When its token was last used.
    pub last_seen_at: DateTime<Utc>,
    /// Its account.
    pub account: Account,
}

/// Returns the session of a token's family.
pub(crate) async fn find_family(sql: &impl Sql, token: &RefreshToken) -> Result<Option<Family>, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        session: Uuid,
        chain_key: Vec<u8>,
        last_seen_at: DateTime<Utc>,
        #[sea_orm(nested)]
        account: super::accounts::Row,
    }
    let row: Option<Row> = sql
        .row(
            "select s.id as session, s.chain_key, s.last_seen_at, a.id, a.handle, a.email, a.display_name, a.bio, a.avatar, a.roles, a.created_at \
             from session s join account a on a.id = s.account_id where s.family = $1",
            vec![token.family_hash().into()],
        )
        .await?;
    Ok(row.map(|row| Family {
        session: row.session,
        chain_key: row.chain_key,
        last_seen_at: row.last_seen_at,
        account: row.account.into(),
    }))
}

/// The result of presenting a refresh token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rotation {
    /// It was the current token, and its successor is current now.
    Rotated,
    /// It was replaced within [`REUSE_GRACE`], and its successor was never used: the response was lost.
    Repeated,
    /// It was used before. The session has been removed.
    Reused,
    /// The session has ended meanwhile.
    Gone,
}

/// Replaces `token` by `next` if it is the current one, and otherwise determines why it is not.
pub(crate) async fn rotate(
    tx: &Tx,
    session: Uuid,
    token: &RefreshToken,
    next: &RefreshToken,
    now: DateTime<Utc>,
) -> Result<Rotation, Error> {
    #[derive(FromQueryResult)]
    struct Tokens {
        previous_token: Option<Vec<u8>>,
        rotated_at: Option<DateTime<Utc>>,
    }
    let rotated = tx
        .execute(
            "update session set previous_token = current_token, current_token = $3, rotated_at = $4, last_seen_at = $4 where id = $1 and current_token = $2",
            vec![session.into(), token.secret_hash().into(), next.secret_hash().into(), now.into()],
        )
        .await?;
    if rotated == 1 {
        return Ok(Rotation::Rotated);
    }
    let tokens: Option<Tokens> =
        tx.row("select previous_token, rotated_at from session where id = $1", vec![session.into()]).await?;
    let Some(tokens) = tokens else { return Ok(Rotation::Gone) };
    let is_within_grace = tokens.previous_token == Some(token.secret_hash())
        && tokens.rotated_at.is_some_and(|at| now - at <= REUSE_GRACE);
    if is_within_grace {
        return Ok(Rotation::Repeated);
    }
    tx.execute("delete from session where id = $1", vec![session.into()]).await?;
    Ok(Rotation::Reused)
}

/// Returns a page of an account's sessions, newest first, without those that were idle since `idle_since`.
pub(crate) async fn list(
    sql: &impl Sql,
    account: AccountId,
    idle_since: DateTime<Utc>,
    before: Uuid,
    limit: usize,
) -> Result<Vec<Session>, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        id: Uuid,
        device: String,
        created_at: DateTime<Utc>,
        last_seen_at: DateTime<Utc>,
    }
    let rows: Vec<Row> = sql
        .rows(
            "select id, device, created_at, last_seen_at from session where account_id = $1 and id < $2 and last_seen_at > $3 order by id desc limit $4",
            vec![account.0.into(), before.into(), idle_since.into(), i64::try_from(limit).unwrap_or(i64::MAX).into()],
        )
        .await?;
    Ok(rows
        .into_iter()
        .map(|row| Session {
            id: row.id,
            device: row.device,
            created_at: row.created_at,
            last_seen_at: row.last_seen_at,
        })
        .collect())
}

/// Removes a session of an account. Returns `false` if the account has no such session.
pub(crate) async fn remove(tx: &Tx, account: AccountId, session: Uuid) -> Result<bool, Error> {
    Ok(tx
        .execute("delete from session where id = $1 and account_id = $2", vec![session.into(), account.0.into()])
        .await?
        == 1)
}

/// Removes the session of a token's family, if there is one.
pub(crate) async fn remove_family(tx: &Tx, token: &RefreshToken) -> Result<u64, Error> {
    tx.execute("delete from session where family = $1", vec![token.family_hash().into()]).await
}

/// Removes all sessions of an account.
pub(crate) async fn remove_all(tx: &Tx, account: AccountId) -> Result<u64, Error> {
    tx.execute("delete from session where account_id = $1", vec![account.0.into()]).await
}

/// Removes all sessions of an account but one.
pub(crate) async fn remove_others(tx: &Tx, account: AccountId, keep: Uuid) -> Result<u64, Error> {
    tx.execute("delete from session where account_id = $1 and id <> $2", vec![account.0.into(), keep.into()]).await
}

/// Removes at most `limit` sessions that were not used since `idle_since`. Returns how many.
pub(crate) async fn remove_idle(tx: &Tx, idle_since: DateTime<Utc>, limit: u64) -> Result<u64, Error> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    tx.execute(
        "delete from session where id in (select id from session where last_seen_at <= $1 limit $2)",
        vec![idle_since.into(), limit.into()],
    )
    .await
}
