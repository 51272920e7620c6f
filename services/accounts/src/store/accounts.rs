//! Rows of accounts.
//!
//! Invariant: only [`Credentials`] and [`find_password`] return a password's hash.

use chrono::{DateTime, Utc};
use contract::{AccountId, MediaId};
use db::{Error, FromQueryResult, Sql, Tx};
use uuid::Uuid;

use super::account_row::AccountRow;
use crate::model::{
    Account, Authentication, Country, CurrentSession, Locale, Patch, ProfileKind, ProfilePatch, Roles, Session,
    TimeZone, skeleton,
};

/// An account with its password's hash.
#[derive(Debug, Clone)]
pub(crate) struct Credentials {
    /// The account.
    pub account: Account,
    /// The hash of its password, a PHC string.
    pub password: String,
    /// The hash of the `Idempotency-Key` of its sign-up.
    pub request_key: Option<Vec<u8>>,
}

#[derive(FromQueryResult)]
struct CredentialsRow {
    #[sea_orm(nested)]
    account: AccountRow,
    password: String,
    request_key: Option<Vec<u8>>,
}

impl From<CredentialsRow> for Credentials {
    fn from(row: CredentialsRow) -> Self {
        Self { account: row.account.into(), password: row.password, request_key: row.request_key }
    }
}

/// A login name: a handle or an e-mail address.
#[derive(Debug, Clone, Copy)]
pub(crate) enum LoginName<'a> {
    Handle(&'a str),
    Email(&'a str),
}

impl<'a> LoginName<'a> {
    /// Returns what a lower-case login is: only addresses have an `@`.
    pub(crate) fn of(login: &'a str) -> Self {
        if login.contains('@') { Self::Email(login) } else { Self::Handle(login) }
    }
}

const CREDENTIALS_BY_HANDLE: &str = "
    select id, handle, coalesce(mail_address, email) as email, email_confirmed_at,
           display_name, bio, avatar, roles, created_at,
           locale, time_zone, country, kind, place, links, is_private,
           state, state_reason, state_until, standing_version,
           password, request_key
      from account
     where handle = $1";

const CREDENTIALS_BY_EMAIL: &str = "
    select id, handle, coalesce(mail_address, email) as email, email_confirmed_at,
           display_name, bio, avatar, roles, created_at,
           locale, time_zone, country, kind, place, links, is_private,
           state, state_reason, state_until, standing_version,
           password, request_key
      from account
     where mail_address = $1
        or (mail_address is null and email = $1)
     order by email_confirmed_at is null, created_at, id
     limit $2";

/// Returns the account with this login name and its password's hash. An address is that of the account that has
/// confirmed it, or else of the oldest one that has it.
pub(crate) async fn find_credentials(sql: &impl Sql, by: LoginName<'_>) -> Result<Option<Credentials>, Error> {
    match by {
        LoginName::Handle(handle) => {
            let row: Option<CredentialsRow> = sql.row(CREDENTIALS_BY_HANDLE, vec![handle.into()]).await?;
            Ok(row.map(Credentials::from))
        }
        LoginName::Email(email) => Ok(list_credentials(sql, email, 1).await?.pop()),
    }
}

/// Returns at most `limit` accounts that have an address: the one that has confirmed it, then the others by age, the
/// oldest first.
pub(crate) async fn list_credentials(sql: &impl Sql, email: &str, limit: usize) -> Result<Vec<Credentials>, Error> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows: Vec<CredentialsRow> = sql.rows(CREDENTIALS_BY_EMAIL, vec![email.into(), limit.into()]).await?;
    Ok(rows.into_iter().map(Credentials::from).collect())
}

const BY_HANDLE: &str = "
    select id, handle, coalesce(mail_address, email) as email, email_confirmed_at,
           display_name, bio, avatar, roles, created_at,
           locale, time_zone, country, kind, place, links, is_private,
           state, state_reason, state_until, standing_version
      from account
     where handle = $1";

/// Returns the account with this handle.
pub(crate) async fn find(sql: &impl Sql, handle: &str) -> Result<Option<Account>, Error> {
    let row: Option<AccountRow> = sql.row(BY_HANDLE, vec![handle.into()]).await?;
    Ok(row.map(Account::from))
}

const BY_ID: &str = "
    select id, handle, coalesce(mail_address, email) as email, email_confirmed_at,
           display_name, bio, avatar, roles, created_at,
           locale, time_zone, country, kind, place, links, is_private,
           state, state_reason, state_until, standing_version
      from account
     where id = $1";

/// Returns the account with this id.
pub(crate) async fn find_by_id(sql: &impl Sql, id: AccountId) -> Result<Option<Account>, Error> {
    let row: Option<AccountRow> = sql.row(BY_ID, vec![id.0.into()]).await?;
    Ok(row.map(Account::from))
}

const CURRENT_SESSION: &str = "
    select a.id, a.handle, coalesce(a.mail_address, a.email) as email, a.email_confirmed_at,
           a.display_name, a.bio, a.avatar, a.roles, a.created_at,
           a.locale, a.time_zone, a.country, a.kind, a.place, a.links, a.is_private,
           a.state, a.state_reason, a.state_until, a.standing_version,
           s.device, s.created_at as opened_at, s.last_seen_at, s.operators,
           s.methods, coalesce(s.proven_at, s.created_at) as proven_at, s.factor_proven_at
      from session s
      join account a on a.id = s.account_id
     where s.id = $1
       and a.id = $2";

/// Returns the account `id` and its session `session`, if both exist.
pub(crate) async fn find_current_session(
    sql: &impl Sql,
    id: AccountId,
    session: Uuid,
) -> Result<Option<CurrentSession>, Error> {
    #[derive(FromQueryResult)]
    struct CurrentSessionRow {
        #[sea_orm(nested)]
        account: AccountRow,
        device: String,
        opened_at: DateTime<Utc>,
        last_seen_at: DateTime<Utc>,
        operators: bool,
        methods: String,
        proven_at: DateTime<Utc>,
        factor_proven_at: Option<DateTime<Utc>>,
    }
    let row: Option<CurrentSessionRow> = sql.row(CURRENT_SESSION, vec![session.into(), id.0.into()]).await?;
    Ok(row.map(|row| CurrentSession {
        account: row.account.into(),
        authentication: Authentication::parse(&row.methods, row.proven_at, row.factor_proven_at),
        session: Session {
            id: session,
            device: row.device,
            created_at: row.opened_at,
            last_seen_at: row.last_seen_at,
            operators: row.operators,
        },
    }))
}

const INSERT: &str = "
    insert into account (
        id, handle, email, mail_address, password, display_name, bio, avatar, roles, request_key, created_at,
        handle_skeleton, locale, time_zone, country
    )
    values ($1, $2, $14, $3, $4, $5, $6, null, $7, $8, $9, $10, $11, $12, $13)
    on conflict do nothing";

/// Inserts an account, whose address is not confirmed. Returns `false` if its handle or one that looks like it is
/// taken.
pub(crate) async fn insert(tx: &Tx, new: &Credentials) -> Result<bool, Error> {
    let account = &new.account;
    let values = vec![
        account.id.0.into(),
        account.handle.as_str().into(),
        account.email.as_str().into(),
        new.password.as_str().into(),
        account.display_name.as_str().into(),
        account.bio.as_str().into(),
        account.roles.to_text().into(),
        new.request_key.clone().into(),
        account.created_at.into(),
        skeleton(&account.handle).into(),
        account.region.locale.as_str().into(),
        account.region.time_zone.as_str().into(),
        account.region.country.map(Country::as_str).into(),
        // The former column of addresses is unique (see `super::addresses`).
        account.id.to_string().into(),
    ];
    Ok(tx.execute(INSERT, values).await? == 1)
}

const UPDATE: &str = "
    update account
       set display_name = coalesce($2, display_name),
           bio = coalesce($3, bio),
           avatar = case when $4 then $5 else avatar end,
           locale = coalesce($6, locale),
           time_zone = coalesce($7, time_zone),
           country = case when $8 then $9 else country end,
           kind = coalesce($10, kind),
           place = case when $11 then $12 else place end,
           links = coalesce($13, links),
           is_private = coalesce($14, is_private)
     where id = $1
 returning id, handle, coalesce(mail_address, email) as email, email_confirmed_at,
           display_name, bio, avatar, roles, created_at,
           locale, time_zone, country, kind, place, links, is_private,
           state, state_reason, state_until, standing_version";

/// Updates a profile. Returns the updated account, or `None` if it does not exist.
pub(crate) async fn update(tx: &Tx, id: AccountId, patch: &ProfilePatch) -> Result<Option<Account>, Error> {
    let (sets_avatar, avatar) = to_column(&patch.avatar, MediaId::as_str);
    let (sets_country, country) = to_column(&patch.country, |country| country.as_str());
    let (sets_place, place) = to_column(&patch.place, |place| place.0.as_str());
    let links = patch.links.as_ref().map(serde_json::to_string).transpose();
    let values = vec![
        id.0.into(),
        patch.display_name.clone().into(),
        patch.bio.clone().into(),
        sets_avatar.into(),
        avatar.into(),
        patch.locale.as_ref().map(Locale::as_str).into(),
        patch.time_zone.map(TimeZone::as_str).into(),
        sets_country.into(),
        country.into(),
        patch.kind.map(ProfileKind::as_str).into(),
        sets_place.into(),
        place.into(),
        links.map_err(|_| Error::Corrupt("links"))?.into(),
        patch.is_private.into(),
    ];
    let row: Option<AccountRow> = tx.row(UPDATE, values).await?;
    Ok(row.map(Account::from))
}

/// Returns whether a field changes, and the text that it then has.
fn to_column<T>(patch: &Patch<T>, text: impl FnOnce(&T) -> &str) -> (bool, Option<String>) {
    match patch {
        Patch::Unchanged => (false, None),
        Patch::Null => (true, None),
        Patch::Set(value) => (true, Some(text(value).to_owned())),
    }
}

/// Returns the account whose avatar is this photo.
pub(crate) async fn find_by_avatar(sql: &impl Sql, media: &MediaId) -> Result<Option<AccountId>, Error> {
    #[derive(FromQueryResult)]
    struct IdRow {
        id: Uuid,
    }
    let row: Option<IdRow> = sql.row("select id from account where avatar = $1", vec![media.as_str().into()]).await?;
    Ok(row.map(|row| AccountId(row.id)))
}

const CLEAR_AVATAR: &str = "
    update account
       set avatar = null
     where avatar = $1
       and id = $2";

/// Removes a photo from the profile of its owner. Returns how many profiles changed.
pub(crate) async fn clear_avatar(tx: &Tx, owner: AccountId, media: &MediaId) -> Result<u64, Error> {
    tx.execute(CLEAR_AVATAR, vec![media.as_str().into(), owner.0.into()]).await
}

/// Returns the hash of the account's password.
pub(crate) async fn find_password(sql: &impl Sql, id: AccountId) -> Result<Option<String>, Error> {
    #[derive(FromQueryResult)]
    struct PasswordRow {
        password: String,
    }
    let row: Option<PasswordRow> = sql.row("select password from account where id = $1", vec![id.0.into()]).await?;
    Ok(row.map(|row| row.password))
}

const UPDATE_PASSWORD: &str = "
    update account
       set password = $3
     where id = $1
       and password = $2";

/// Replaces the password's hash if it is still `old`. Returns `false` if it is not.
pub(crate) async fn update_password(tx: &Tx, id: AccountId, old: &str, new: &str) -> Result<bool, Error> {
    Ok(tx.execute(UPDATE_PASSWORD, vec![id.0.into(), old.into(), new.into()]).await? == 1)
}

/// Replaces the password's hash. Returns `false` if there is no such account.
pub(crate) async fn reset_password(tx: &Tx, id: AccountId, new: &str) -> Result<bool, Error> {
    let text = "update account set password = $2 where id = $1";
    Ok(tx.execute(text, vec![id.0.into(), new.into()]).await? == 1)
}

/// Replaces the roles. Returns `false` if there is no such account.
pub(crate) async fn update_roles(tx: &Tx, id: AccountId, roles: &Roles) -> Result<bool, Error> {
    let text = "update account set roles = $2 where id = $1";
    Ok(tx.execute(text, vec![id.0.into(), roles.to_text().into()]).await? == 1)
}

/// Removes an account with its sessions, API keys, known networks, mailed codes, sign-ins, second factors and exports.
/// Returns `false` if it does not exist.
pub(crate) async fn remove(tx: &Tx, id: AccountId, now: DateTime<Utc>) -> Result<bool, Error> {
    super::sessions::remove_all(tx, id, now).await?;
    super::known_networks::remove_all(tx, id).await?;
    super::mailed_codes::remove_all(tx, id).await?;
    super::sign_ins::remove_all(tx, id).await?;
    super::api_keys::remove_all(tx, id, now).await?;
    super::factors::remove_all(tx, id).await?;
    super::recovery_codes::remove_all(tx, id).await?;
    super::passkey_challenges::remove_all(tx, id).await?;
    super::exports::remove_all(tx, id, now).await?;
    Ok(tx.execute("delete from account where id = $1", vec![id.0.into()]).await? == 1)
}
