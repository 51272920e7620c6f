//! Reads of accounts, sessions and sign-ins.
//!
//! Invariant: a member's sessions and sign-ins are read only with the member's own [`CurrentSession`].

use contract::AccountId;
use uuid::Uuid;

use crate::commands;
use crate::error::Error;
use crate::model::{Account, CurrentSession, Session, SignIn};
use crate::state::Accounts;
use crate::store;
use crate::store::sanctions::SanctionRow;

/// Returns the account and session of a verified token, or [`Error::SessionEnded`], or [`Error::Suspended`].
pub(crate) async fn current_session(
    accounts: &Accounts,
    account: AccountId,
    session: Uuid,
) -> Result<CurrentSession, Error> {
    let current = store::accounts::find_current_session(accounts.context.db.read(), account, session).await?;
    let current = current.ok_or(Error::SessionEnded)?;
    current.account.standing.check_usable(accounts.context.clock.now())?;
    Ok(current)
}

/// Returns the account with this handle, in any case, or with this id, or [`Error::NoSuchAccount`]. No handle is as
/// long as an id. A suspended account is not found.
pub(crate) async fn account_by_handle_or_id(accounts: &Accounts, name: &str) -> Result<Account, Error> {
    let sql = accounts.context.db.read();
    let account = match Uuid::parse_str(name) {
        Ok(id) => store::accounts::find_by_id(sql, AccountId(id)).await?,
        Err(_) => store::accounts::find(sql, &name.to_ascii_lowercase()).await?,
    };
    let now = accounts.context.clock.now();
    account.filter(|account| !account.standing.is_denied(now)).ok_or(Error::NoSuchAccount)
}

/// Returns a page of the caller's sessions, newest first, and the cursor of the next page.
pub(crate) async fn sessions_page(
    accounts: &Accounts,
    current: &CurrentSession,
    before: Option<Uuid>,
    limit: usize,
) -> Result<(Vec<Session>, Option<Uuid>), Error> {
    let (sql, before) = (accounts.context.db.read(), before.unwrap_or(Uuid::max()));
    let idle_since = accounts.context.clock.now() - accounts.config.session_idle_timeout();
    let mut sessions = store::sessions::list(sql, current.account.id, idle_since, before, limit + 1).await?;
    let has_more = sessions.len() > limit;
    sessions.truncate(limit);
    let next = sessions.last().filter(|_| has_more).map(|session| session.id);
    Ok((sessions, next))
}

/// Returns a page of the sign-ins to the caller's account, newest first, and the cursor of the next page. The attempts
/// that this process has not stored yet are stored first.
pub(crate) async fn sign_ins_page(
    accounts: &Accounts,
    current: &CurrentSession,
    before: Option<Uuid>,
    limit: usize,
) -> Result<(Vec<SignIn>, Option<Uuid>), Error> {
    commands::store_failed_sign_ins(accounts).await?;
    let (sql, now) = (accounts.context.db.read(), accounts.context.clock.now());
    let before = before.unwrap_or(Uuid::max());
    let mut sign_ins = store::sign_ins::list(sql, current.account.id, before, limit + 1, now).await?;
    let has_more = sign_ins.len() > limit;
    sign_ins.truncate(limit);
    let next = sign_ins.last().filter(|_| has_more).map(|sign_in| sign_in.id);
    Ok((sign_ins, next))
}

/// Returns a page of the sanctions of an account, newest first, and the cursor of the next page.
pub(crate) async fn sanctions_page(
    accounts: &Accounts,
    account: AccountId,
    before: Option<Uuid>,
    limit: usize,
) -> Result<(Vec<SanctionRow>, Option<Uuid>), Error> {
    let (sql, before) = (accounts.context.db.read(), before.unwrap_or(Uuid::max()));
    store::accounts::find_by_id(sql, account).await?.ok_or(Error::NoSuchAccount)?;
    let mut rows = store::sanctions::list(sql, account, before, limit + 1).await?;
    let has_more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| has_more).map(|row| row.id);
    Ok((rows, next))
}
