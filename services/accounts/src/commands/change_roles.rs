//! Assigning and revoking roles. There is no HTTP operation and no command of the binary for it yet.
//!
//! Invariant: no role is assigned over HTTP. A new role is in the member's next access token, within 15 minutes. After
//! a role was revoked, every process refuses the tokens that have it within seconds, and accepts their successors.

use chrono::{DateTime, Utc};
use db::{Db, Lane};

use crate::error::Error;
use crate::model::{Role, Roles};
use crate::store;

/// Adds a role to the account with this handle: `member`, `curator`, `moderator`, `viewer`, `developer` or
/// `operator`. Returns all its roles. Fails with [`Error::NoSuchAccount`] or [`Error::UnknownRole`].
pub async fn assign(db: &Db, handle: &str, role: &str) -> Result<Vec<String>, Error> {
    change(db, handle, role, Roles::with, None).await
}

/// Revokes a role at the time `now`. `member` can't be revoked. Returns the remaining roles.
pub async fn revoke(db: &Db, handle: &str, role: &str, now: DateTime<Utc>) -> Result<Vec<String>, Error> {
    change(db, handle, role, Roles::without, Some(now)).await
}

/// Changes the roles. With `revoked_at`, tokens with the roles from before are refused.
async fn change(
    db: &Db,
    handle: &str,
    role: &str,
    apply: fn(Roles, Role) -> Roles,
    revoked_at: Option<DateTime<Utc>>,
) -> Result<Vec<String>, Error> {
    let role = Role::from_name(role).ok_or_else(|| Error::UnknownRole(role.to_owned()))?;
    let handle = handle.trim().to_ascii_lowercase();
    let id = store::accounts::find(db.read(), &handle).await?.ok_or(Error::NoSuchAccount)?.id;
    db.write(Lane::of(&id), async move |tx| {
        // The roles as they are now. Since the lookup, the account may have been erased and its handle taken by
        // another.
        let account = store::accounts::find(tx, &handle).await?.filter(|account| account.id == id);
        let before = account.ok_or(Error::NoSuchAccount)?.roles;
        let roles = apply(before.clone(), role);
        store::accounts::update_roles(tx, id, &roles).await?;
        if let Some(now) = revoked_at.filter(|_| roles != before) {
            store::account_rules::refuse_older_tokens(tx, id, now).await?;
        }
        Ok::<_, Error>(roles.names())
    })
    .await
}
