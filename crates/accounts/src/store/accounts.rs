//! Rows of accounts.
//!
//! Invariant: only [`Credentials`] and [`find_password`] return a password's hash.

use chrono::{DateTime, Utc};
use contract::{AccountId, MediaId};
use kit::db::{Error, FromQueryResult, Sql, Tx};
use uuid::Uuid;

use crate::model::{Account, CurrentSession, Patch, Roles, Session};

/// The columns of an [`Account`].
#[derive(FromQueryResult)]
pub(super) struct Row {
    id: Uuid,
    handle: String,
    email: String,
    display_name: String,
    bio: String,
    avatar: Option<String>,
    roles: String,
    created_at: DateTime<Utc>,
}

impl From<Row> for Account {
    fn from(row: Row) -> Self {
        Self {
            id: AccountId(row.id),
            handle: row.handle,
            email: row.email,
            display_name: row.display_name,
            bio: row.bio,
            avatar: row.avatar.and_then(|id| id.parse().ok()),
            roles: Roles::parse(&row.roles),
            created_at: row.created_at,
        }
    }
}

/// An account with its password's hash.
#[derive(Debug)]
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
    account: Row,
    password: String,
    request_key: Option<Vec<u8>>,
}

/// A login name: a handle or an e-mail address.
#[derive(Debug, Clone, Copy)]
pub(crate) enum LoginName<'a> {
    Handle(&'a str),
    Email(&'a str),
}

/// Returns the account with this login name and its password's hash.
pub(crate) async fn find_credentials(sql: &impl Sql, by: LoginName<'_>) -> Result<Option<Credentials>, Error> {
    let (column, value) = match by {
        LoginName::Handle(handle) => ("handle", handle),
        LoginName::Email(email) => ("email", email),
    };
    let text = format!(
        "select id, handle, email, display_name, bio, avatar, roles, created_at, password, request_key from account where {column} = $1"
    );
    let row: Option<CredentialsRow> = sql.row(&text, vec![value.into()]).await?;
    Ok(row.map(|row| Credentials { account: row.account.into(), password: row.password, request_key: row.request_key }))
}

/// Returns the account with this handle.
pub(crate) async fn find(sql: &impl Sql, handle: &str) -> Result<Option<Account>, Error> {
    let row: Option<Row> = sql
        .row(
            "select id, handle, email, display_name, bio, avatar, roles, created_at from account where handle = $1",
            vec![handle.into()],
        )
        .await?;
    Ok(row.map(Account::from))
}

/// Returns the account `id` and its session `session`, if both exist.
pub(crate) async fn find_current_session(
    sql: &impl Sql,
    id: AccountId,
    session: Uuid,
) -> Result<Option<CurrentSession>, Error> {
    #[derive(FromQueryResult)]
    struct CurrentSessionRow {
        #[sea_orm(nested)]
        account: Row,
        device: String,
        opened_at: DateTime<Utc>,
        last_seen_at: DateTime<Utc>,
    }
    let row: Option<CurrentSessionRow> = sql
        .row(
            "select a.id, a.handle, a.email, a.display_name, a.bio, a.avatar, a.roles, a.created_at, s.device, s.created_at as opened_at, s.last_seen_at \
             from session s join account a on a.id = s.account_id where s.id = $1 and a.id = $2",
            vec![session.into(), id.0.into()],
        )
        .await?;
    Ok(row.map(|row| CurrentSession {
        account: row.account.into(),
        session: Session { id: session, device: row.device, created_at: row.opened_at, last_seen_at: row.last_seen_at },
    }))
}

/// Inserts an account. Returns `false` if its handle or e-mail address is taken.
pub(crate) async fn insert(tx: &Tx, new: &Credentials) -> Result<bool, Error> {
    let account = &new.account;
    let inserted = tx
        .execute(
            "insert into account (id, handle, email, password, display_name, bio, avatar, roles, request_key, created_at) \
             values ($1, $2, $3, $4, $5, $6, null, $7, $8, $9) on conflict do nothing",
            vec![
                account.id.0.into(),
                account.handle.as_str().into(),
                account.email.as_str().into(),
                new.password.as_str().into(),
                account.display_name.as_str().into(),
                account.bio.as_str().into(),
                account.roles.to_text().into(),
                new.request_key.clone().into(),
                account.created_at.into(),
            ],
        )
        .await?;
    Ok(inserted == 1)
}

/// Changes to a profile. `None` and `Unchanged` leave a field as it is.
#[derive(Debug, Clone, Default)]
pub(crate) struct ProfilePatch {
    /// The new display name.
    pub display_name: Option<String>,
    /// The new bio.
    pub bio: Option<String>,
    /// The new avatar, or none.
    pub avatar: Patch<MediaId>,
}

/// Updates a profile. Returns the updated account, or `None` if it does not exist.
pub(crate) async fn update(tx: &Tx, id: AccountId, change: ProfilePatch) -> Result<Option<Account>, Error> {
    let (sets_avatar, avatar) = match change.avatar {
        Patch::Unchanged => (false, None),
        Patch::Null => (true, None),
        Patch::Set(id) => (true, Some(String::from(id))),
    };
    let row: Option<Row> = tx
        .row(
            "update account set display_name = coalesce($2, display_name), bio = coalesce($3, bio), avatar = case when $4 then $5 else avatar end \
             where id = $1 returning id, handle, email, display_name, bio, avatar, roles, created_at",
            vec![id.0.into(), change.display_name.into(), change.bio.into(), sets_avatar.into(), avatar.into()],
        )
        .await?;
    Ok(row.map(Account::from))
}

/// Removes a deleted photo from the profile of its owner.
pub(crate) async fn clear_avatar(tx: &Tx, owner: AccountId, media: &MediaId) -> Result<u64, Error> {
    tx.execute(
        "update account set avatar = null where avatar = $1 and id = $2",
        vec![media.as_str().into(), owner.0.into()],
    )
    .await
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

/// Replaces the password's hash if it is still `old`. Returns `false` if it is not.
pub(crate) async fn update_password(tx: &Tx, id: AccountId, old: &str, new: &str) -> Result<bool, Error> {
    let updated = tx
        .execute(
            "update account set password = $3 where id = $1 and password = $2",
            vec![id.0.into(), old.into(), new.into()],
        )
        .await?;
    Ok(updated == 1)
}

/// Replaces the roles. Returns `false` if there is no such account.
pub(crate) async fn update_roles(tx: &Tx, handle: &str, roles: &Roles) -> Result<bool, Error> {
    Ok(tx
        .execute("update account set roles = $2 where handle = $1", vec![handle.into(), roles.to_text().into()])
        .await?
        == 1)
}

/// Removes an account with its sessions and known networks. Returns `false` if it does not exist.
pub(crate) async fn remove(tx: &Tx, id: AccountId) -> Result<bool, Error> {
    tx.execute("delete from session where account_id = $1", vec![id.0.into()]).await?;
    super::known_networks::remove_all(tx, id).await?;
    Ok(tx.execute("delete from account where id = $1", vec![id.0.into()]).await? == 1)
}
