//! Rows of sessions and of their refresh tokens.
//!
//! Invariant: a session is inserted only if the verified password is still the account's, and one that is removed while
//! its access tokens may be valid is recorded as ended; the end of each is announced.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use contract::AccountId;
use db::{Error, FromQueryResult, Sql, Tx, Value};
use uuid::Uuid;

use super::ended_sessions;
use crate::model::{Account, Authentication, ReplacedToken, Session};
use crate::tokens::RefreshToken;

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
    /// What its member has proven.
    pub authentication: Authentication,
    /// Whether it is opened at the operators' listener.
    pub operators: bool,
    /// The current time.
    pub at: DateTime<Utc>,
}

const INSERT: &str = "
    insert into session
           (id, account_id, device, request_key, family, chain_key, current_token, created_at, last_seen_at,
            operators, methods, proven_at, factor_proven_at)
    select $1, id, $2, $3, $4, $5, $6, $7, $7,
           $10, $11, $12, $13
      from account
     where id = $8
       and password = $9";

/// Inserts a session. Returns `false` if the account no longer exists or has another password by now.
pub(crate) async fn insert(tx: &Tx, new: &NewSession) -> Result<bool, Error> {
    let values = vec![
        new.id.into(),
        new.device.as_str().into(),
        new.request_key.clone().into(),
        new.token.family_hash().into(),
        new.chain_key.clone().into(),
        new.token.secret_hash().into(),
        new.at.into(),
        new.account.0.into(),
        new.password.as_str().into(),
        new.operators.into(),
        new.authentication.to_text().into(),
        new.authentication.at.into(),
        new.authentication.factor_at.into(),
    ];
    Ok(tx.execute(INSERT, values).await? == 1)
}

const PROVE: &str = "
    update session
       set methods = $3,
           proven_at = $4,
           factor_proven_at = $5
     where id = $1
       and account_id = $2";

/// Records what the member of a session has proven. Returns `false` if the session has ended.
pub(crate) async fn prove(
    tx: &Tx,
    account: AccountId,
    session: Uuid,
    authentication: &Authentication,
) -> Result<bool, Error> {
    let values = vec![
        session.into(),
        account.0.into(),
        authentication.to_text().into(),
        authentication.at.into(),
        authentication.factor_at.into(),
    ];
    Ok(tx.execute(PROVE, values).await? == 1)
}

const REMOVE_BY_REQUEST_KEY: &str = "
    delete from session
     where account_id = $1
       and request_key = $2
       and created_at > $3
 returning id";

/// Removes the session that the same request opened within the last day.
pub(crate) async fn remove_by_request_key(
    tx: &Tx,
    account: AccountId,
    request_key: &[u8],
    now: DateTime<Utc>,
) -> Result<u64, Error> {
    let values = vec![account.0.into(), request_key.to_vec().into(), (now - TimeDelta::days(1)).into()];
    end(tx, account, REMOVE_BY_REQUEST_KEY, values, now).await
}

/// Runs a statement that returns the ids of the sessions of an account that it removes, records them as ended and
/// announces it. Returns how many.
async fn end(tx: &Tx, account: AccountId, text: &str, values: Vec<Value>, now: DateTime<Utc>) -> Result<u64, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        id: Uuid,
    }
    let rows: Vec<Row> = tx.rows(text, values).await?;
    let ids: Vec<Uuid> = rows.into_iter().map(|row| row.id).collect();
    let count = ids.len() as u64;
    ended_sessions::end(tx, account, ids, now).await?;
    Ok(count)
}

const REMOVE_EXCESS: &str = "
    delete from session
     where account_id = $1
       and id not in (
           select id
             from session
            where account_id = $1
            order by last_seen_at desc, id desc
            limit $2)
 returning id";

/// Removes the sessions of an account that were unused for longest, until `max_sessions` are left.
pub(crate) async fn remove_excess(
    tx: &Tx,
    account: AccountId,
    max_sessions: u32,
    now: DateTime<Utc>,
) -> Result<u64, Error> {
    end(tx, account, REMOVE_EXCESS, vec![account.0.into(), i64::from(max_sessions).into()], now).await
}

/// A session that was found by a token of its family.
#[derive(Debug)]
pub(crate) struct Family {
    /// The session's id.
    pub session: Uuid,
    /// The key that derives the successors of its tokens.
    pub chain_key: Vec<u8>,
    /// When the member signed in.
    pub opened_at: DateTime<Utc>,
    /// When its token was last used.
    pub last_seen_at: DateTime<Utc>,
    /// Whether it was opened at the operators' listener.
    pub operators: bool,
    /// What its member has proven, and when.
    pub authentication: Authentication,
    /// Its account.
    pub account: Account,
}

const FAMILY: &str = "
    select s.id as session, s.chain_key, s.created_at as opened_at, s.last_seen_at, s.operators,
           s.methods, coalesce(s.proven_at, s.created_at) as proven_at, s.factor_proven_at,
           a.id, a.handle, coalesce(a.mail_address, a.email) as email, a.email_confirmed_at,
           a.display_name, a.bio, a.avatar, a.roles, a.created_at,
           a.locale, a.time_zone, a.country, a.kind, a.place, a.links, a.is_private,
           a.state, a.state_reason, a.state_until, a.standing_version
      from session s
      join account a on a.id = s.account_id
     where s.family = $1";

/// Returns the session of a token's family.
pub(crate) async fn find_family(sql: &impl Sql, token: &RefreshToken) -> Result<Option<Family>, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        session: Uuid,
        chain_key: Vec<u8>,
        opened_at: DateTime<Utc>,
        last_seen_at: DateTime<Utc>,
        operators: bool,
        methods: String,
        proven_at: DateTime<Utc>,
        factor_proven_at: Option<DateTime<Utc>>,
        #[sea_orm(nested)]
        account: super::account_row::AccountRow,
    }
    let row: Option<Row> = sql.row(FAMILY, vec![token.family_hash().into()]).await?;
    Ok(row.map(|row| Family {
        session: row.session,
        chain_key: row.chain_key,
        opened_at: row.opened_at,
        last_seen_at: row.last_seen_at,
        operators: row.operators,
        authentication: Authentication::parse(&row.methods, row.proven_at, row.factor_proven_at),
        account: row.account.into(),
    }))
}

const REPLACE_TOKEN: &str = "
    update session
       set previous_token = current_token,
           current_token = $3,
           rotated_at = $4,
           last_seen_at = $4
     where id = $1
       and current_token = $2";

/// Replaces `token` by `next` if it is the session's current token. Returns whether it was.
pub(crate) async fn replace_token(
    tx: &Tx,
    session: Uuid,
    token: &RefreshToken,
    next: &RefreshToken,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    let values = vec![session.into(), token.secret_hash().into(), next.secret_hash().into(), now.into()];
    Ok(tx.execute(REPLACE_TOKEN, values).await? == 1)
}

const REPLACED_TOKEN: &str = "
    select previous_token, rotated_at
      from session
     where id = $1";

/// Returns the token that a session's current token replaced; `None` if there is no such session.
pub(crate) async fn find_replaced_token(sql: &impl Sql, session: Uuid) -> Result<Option<ReplacedToken>, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        previous_token: Option<Vec<u8>>,
        rotated_at: Option<DateTime<Utc>>,
    }
    let row: Option<Row> = sql.row(REPLACED_TOKEN, vec![session.into()]).await?;
    Ok(row.map(|row| ReplacedToken { hash: row.previous_token, at: row.rotated_at }))
}

const PAGE: &str = "
    select id, device, created_at, last_seen_at, operators
      from session
     where account_id = $1
       and id < $2
       and last_seen_at > $3
     order by id desc
     limit $4";

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
        operators: bool,
    }
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows: Vec<Row> = sql.rows(PAGE, vec![account.0.into(), before.into(), idle_since.into(), limit.into()]).await?;
    let sessions = rows.into_iter().map(|row| Session {
        id: row.id,
        device: row.device,
        created_at: row.created_at,
        last_seen_at: row.last_seen_at,
        operators: row.operators,
    });
    Ok(sessions.collect())
}

/// Removes a session of an account. Returns `false` if the account has no such session.
pub(crate) async fn remove(tx: &Tx, account: AccountId, session: Uuid, now: DateTime<Utc>) -> Result<bool, Error> {
    let text = "delete from session where id = $1 and account_id = $2 returning id";
    Ok(end(tx, account, text, vec![session.into(), account.0.into()], now).await? == 1)
}

/// Removes all sessions of an account.
pub(crate) async fn remove_all(tx: &Tx, account: AccountId, now: DateTime<Utc>) -> Result<u64, Error> {
    end(tx, account, "delete from session where account_id = $1 returning id", vec![account.0.into()], now).await
}

/// Removes all sessions of an account but one.
pub(crate) async fn remove_others(tx: &Tx, account: AccountId, keep: Uuid, now: DateTime<Utc>) -> Result<u64, Error> {
    let text = "delete from session where account_id = $1 and id <> $2 returning id";
    end(tx, account, text, vec![account.0.into(), keep.into()], now).await
}

/// Removes the sessions of an account that were opened at the operators' listener.
pub(crate) async fn remove_operators(tx: &Tx, account: AccountId, now: DateTime<Utc>) -> Result<u64, Error> {
    end(
        tx,
        account,
        "delete from session where account_id = $1 and operators returning id",
        vec![account.0.into()],
        now,
    )
    .await
}

const REMOVE_IDLE: &str = "
    delete from session
     where id in (
           select id
             from session
            where last_seen_at <= $1
            limit $2)
 returning id, account_id";

/// Removes at most `limit` sessions that were not used since `idle_since`. Returns how many.
pub(crate) async fn remove_idle(
    tx: &Tx,
    idle_since: DateTime<Utc>,
    limit: u64,
    now: DateTime<Utc>,
) -> Result<u64, Error> {
    end_idle(tx, REMOVE_IDLE, idle_since, limit, now).await
}

/// Runs a statement that removes sessions of any accounts whose tokens have ended, and announces it. Returns how many.
async fn end_idle(
    tx: &Tx,
    text: &str,
    idle_since: DateTime<Utc>,
    limit: u64,
    now: DateTime<Utc>,
) -> Result<u64, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        id: Uuid,
        account_id: Uuid,
    }
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows: Vec<Row> = tx.rows(text, vec![idle_since.into(), limit.into()]).await?;
    let count = rows.len() as u64;
    let mut by_account: BTreeMap<AccountId, Vec<Uuid>> = BTreeMap::new();
    for row in rows {
        by_account.entry(AccountId(row.account_id)).or_default().push(row.id);
    }
    for (account, sessions) in by_account {
        ended_sessions::announce(tx, account, sessions, now)?;
    }
    Ok(count)
}

const REMOVE_IDLE_OPERATORS: &str = "
    delete from session
     where id in (
           select id
             from session
            where operators
              and last_seen_at <= $1
            limit $2)
 returning id, account_id";

/// Removes at most `limit` sessions of the operators' listener that were not used since `idle_since`. Returns how many.
pub(crate) async fn remove_idle_operators(
    tx: &Tx,
    idle_since: DateTime<Utc>,
    limit: u64,
    now: DateTime<Utc>,
) -> Result<u64, Error> {
    end_idle(tx, REMOVE_IDLE_OPERATORS, idle_since, limit, now).await
}
