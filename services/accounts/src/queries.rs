//! Reads of accounts, sessions, sign-ins, sanctions, exports, flags and the audit trail.
//!
//! Invariant: a member's sessions and sign-ins are read only with the member's own [`CurrentSession`]; operators read
//! sessions too.

use contract::AccountId;
use contract::accounts::{AccountState, FoundAccount, Mailbox};
use service::FlagsState;
use uuid::Uuid;

use crate::commands;
use crate::error::Error;
use crate::model::{
    Account, AuditEntry, AuditFilter, CurrentSession, Export, Factor, Session, SignIn, normalize_login,
};
use crate::recent_proof::require_recent_factor;
use crate::state::Accounts;
use crate::store;
use crate::store::account_pages::AccountsFilter;
use crate::store::accounts::LoginName;
use crate::store::flags::FlagRow;
use crate::store::sanctions::SanctionRow;

/// The most sessions that operators see of an account.
const MAX_SHOWN_SESSIONS: usize = 100;
/// The most flags that are read: there are a few, also with those of other releases.
const MAX_FLAGS: usize = 1_000;

/// Returns the account and session of a verified token, or [`Error::SessionEnded`], or [`Error::Suspended`].
pub(crate) async fn current_session(
    accounts: &Accounts,
    account: AccountId,
    session: Uuid,
) -> Result<CurrentSession, Error> {
    let current = current_session_of_any(accounts, account, session).await?;
    current.account.standing.check_usable(accounts.context.clock.now())?;
    Ok(current)
}

/// Returns the account, suspended or not, and session of a verified token for appeals, or [`Error::SessionEnded`].
pub(crate) async fn current_session_of_any(
    accounts: &Accounts,
    account: AccountId,
    session: Uuid,
) -> Result<CurrentSession, Error> {
    let current = store::accounts::find_current_session(accounts.context.db.read(), account, session).await?;
    current.ok_or(Error::SessionEnded)
}

/// Returns the account with this handle, in any case, or with this id, or [`Error::NoSuchAccount`]. No handle is as
/// long as an id.
pub(crate) async fn account_by_handle_or_id(accounts: &Accounts, name: &str) -> Result<Account, Error> {
    // No handle has it, and PostgreSQL refuses it in a query.
    if name.contains('\0') {
        return Err(Error::NoSuchAccount);
    }
    let sql = accounts.context.db.read();
    let account = match Uuid::parse_str(name) {
        Ok(id) => store::accounts::find_by_id(sql, AccountId(id)).await?,
        Err(_) => store::accounts::find(sql, &name.to_ascii_lowercase()).await?,
    };
    account.ok_or(Error::NoSuchAccount)
}

/// Returns where mails to an account go; `None` if its address is not confirmed, or it is suspended.
pub(crate) async fn mailbox(accounts: &Accounts, id: AccountId) -> Result<Option<Mailbox>, Error> {
    let now = accounts.context.clock.now();
    let found = store::accounts::find_by_id(accounts.context.db.read(), id).await?;
    let is_mailable = |account: &Account| account.email_confirmed_at.is_some() && !account.standing.is_denied(now);
    Ok(found.filter(is_mailable).map(|account| Mailbox {
        account: account.id,
        locale: account.region.locale.as_str().to_owned(),
        time_zone: account.region.time_zone.as_str().to_owned(),
        email: account.email,
        handle: account.handle,
    }))
}

/// Returns what other roles may know of the account with this handle or id.
pub(crate) async fn found_account(accounts: &Accounts, name: &str) -> Result<FoundAccount, Error> {
    let sql = accounts.context.db.read();
    let id = account_by_handle_or_id(accounts, name).await?.id;
    // The time before the rest: a change that is made in between has a later one.
    let changed_at = store::profile_changes::find_last(sql, id).await?;
    let account = store::accounts::find_by_id(sql, id).await?.ok_or(Error::NoSuchAccount)?;
    let at = changed_at.unwrap_or(account.created_at);
    Ok(FoundAccount { profile: account.profile(at), standing: account.standing.changed(account.id) })
}

/// Returns the account with this handle or id for others than operators: a suspended account is not found.
pub(crate) async fn shown_account(accounts: &Accounts, name: &str) -> Result<Account, Error> {
    let (account, now) = (account_by_handle_or_id(accounts, name).await?, accounts.context.clock.now());
    if account.standing.is_denied(now) { Err(Error::NoSuchAccount) } else { Ok(account) }
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

/// Returns the caller's second factors, oldest first, and the number of unused recovery codes.
pub(crate) async fn factors(accounts: &Accounts, current: &CurrentSession) -> Result<(Vec<Factor>, i64), Error> {
    let (sql, account) = (accounts.context.db.read(), current.account.id);
    Ok((store::factors::list(sql, account).await?, store::recovery_codes::count(sql, account).await?))
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

/// Returns a page of accounts, by handle, and the cursor of the next page: those whose handles begin with `text`, or
/// the one with this e-mail address or id; with a state, only those that have it now. An address is that of the account
/// that has confirmed it, or else of the oldest one that has it.
pub(crate) async fn search_accounts(
    accounts: &Accounts,
    text: &str,
    state: Option<AccountState>,
    after: &str,
    limit: usize,
) -> Result<(Vec<Account>, Option<String>), Error> {
    let (sql, now) = (accounts.context.db.read(), accounts.context.clock.now());
    let text = normalize_login(text);
    // No text of the database has it, and PostgreSQL refuses it.
    if [text.as_str(), after].iter().any(|text| text.contains('\0')) {
        return Ok((Vec::new(), None));
    }
    let fits = |account: &Account| state.is_none_or(|state| account.standing.state_at(now) == state);
    if let Ok(id) = Uuid::parse_str(&text) {
        let found = store::accounts::find_by_id(sql, AccountId(id)).await?;
        return Ok((found.into_iter().filter(fits).collect(), None));
    }
    if text.contains('@') {
        let found = store::accounts::find_credentials(sql, LoginName::Email(&text)).await?;
        return Ok((found.into_iter().map(|found| found.account).filter(fits).collect(), None));
    }
    let filter = AccountsFilter { prefix: &text, state: state.map(|state| (state, now)) };
    let mut found = store::account_pages::list(sql, filter, after, limit + 1).await?;
    let has_more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| has_more).map(|account| account.handle.clone());
    Ok((found, next))
}

/// Returns the newest sessions of an account, for operators.
pub(crate) async fn newest_sessions(accounts: &Accounts, account: AccountId) -> Result<Vec<Session>, Error> {
    let idle_since = accounts.context.clock.now() - accounts.config.session_idle_timeout();
    let sql = accounts.context.db.read();
    Ok(store::sessions::list(sql, account, idle_since, Uuid::max(), MAX_SHOWN_SESSIONS).await?)
}

/// Returns a page of the audit trail before a number, newest first, and the cursor of the next page.
pub(crate) async fn audit_page(
    accounts: &Accounts,
    filter: &AuditFilter,
    before: Option<i64>,
    limit: usize,
) -> Result<(Vec<AuditEntry>, Option<i64>), Error> {
    let sql = accounts.context.db.read();
    if filter.texts().any(|text| text.contains('\0')) {
        return Ok((Vec::new(), None));
    }
    let mut entries = store::audit::list(sql, filter, before.unwrap_or(i64::MAX), limit + 1).await?;
    let has_more = entries.len() > limit;
    entries.truncate(limit);
    let next = entries.last().filter(|_| has_more).map(|entry| entry.number);
    Ok((entries, next))
}

/// Returns the flags that were ever changed.
pub(crate) async fn changed_flags(accounts: &Accounts) -> Result<Vec<FlagRow>, Error> {
    Ok(store::flags::list(accounts.context.db.read(), MAX_FLAGS).await?)
}

/// Returns which flags are off, and the epoch, as every process asks for them.
pub(crate) async fn flags_state(accounts: &Accounts) -> Result<FlagsState, Error> {
    let off = changed_flags(accounts).await?.into_iter().filter(|row| !row.is_on).map(|row| row.name);
    Ok(FlagsState { off: off.collect(), epoch: db::restored::epoch(accounts.context.db.read()).await? })
}

/// Returns the newest exports of the caller's account.
pub(crate) async fn newest_exports(
    accounts: &Accounts,
    current: &CurrentSession,
    limit: usize,
) -> Result<Vec<Export>, Error> {
    Ok(store::exports::list(accounts.context.db.read(), current.account.id, Uuid::max(), limit).await?)
}

/// Returns an export of the caller's account, or [`Error::NoSuchExport`]. While its archive can be downloaded this
/// needs a recent proof, by a second factor if the account has one: the caller gets the archive, or a URL of it.
pub(crate) async fn export_of(accounts: &Accounts, current: &CurrentSession, id: &str) -> Result<Export, Error> {
    let id = id.parse().map_err(|_| Error::NoSuchExport)?;
    let found = store::exports::find(accounts.context.db.read(), id).await?;
    let export = found.filter(|export| export.account == current.account.id).ok_or(Error::NoSuchExport)?;
    if export.archive_at(accounts.context.clock.now()).is_some() {
        require_recent_factor(accounts, current).await?;
    }
    Ok(export)
}

/// Returns an export whose signature was verified, unless its account may not be used any more.
pub(crate) async fn signed_export(accounts: &Accounts, id: Uuid) -> Result<Export, Error> {
    let (sql, now) = (accounts.context.db.read(), accounts.context.clock.now());
    let export = store::exports::find(sql, id).await?.ok_or(Error::NoSuchExport)?;
    let account = store::accounts::find_by_id(sql, export.account).await?.ok_or(Error::NoSuchExport)?;
    if account.standing.is_denied(now) { Err(Error::NoSuchExport) } else { Ok(export) }
}
