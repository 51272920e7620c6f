//! Grants and revokes roles. There is no HTTP operation and no command for it yet.
//!
//! Invariant: no role is granted over HTTP. A change is in the member's next access token, within 15 minutes.

use kit::db::Db;

use crate::error::Error;
use crate::model::{Role, Roles};
use crate::store;

/// Adds a role to the account with this handle: `member`, `curator`, `moderator`, `viewer`, `developer` or
/// `operator`. Returns all its roles. Fails with [`Error::NoSuchAccount`] or [`Error::UnknownRole`].
pub async fn assign(db: &Db, handle: &str, role: &str) -> Result<Vec<String>, Error> {
    change(db, handle, role, Roles::with).await
}

/// Revokes a role. `member` can't be revoked. Returns the remaining roles.
pub async fn revoke(db: &Db, handle: &str, role: &str) -> Result<Vec<String>, Error> {
    change(db, handle, role, Roles::without).await
}

async fn change(db: &Db, handle: &str, role: &str, apply: fn(Roles, Role) -> Roles) -> Result<Vec<String>, Error> {
    let role = Role::from_name(role).ok_or_else(|| Error::UnknownRole(role.to_owned()))?;
    let handle = handle.trim().to_ascii_lowercase();
    db.write(move |tx| {
        Box::pin(async move {
            let account = store::accounts::find(tx, &handle).await?.ok_or(Error::NoSuchAccount)?;
            let roles = apply(account.roles, role);
            store::accounts::update_roles(tx, &handle, &roles).await?;
            Ok(roles.names())
        })
    })
    .await
}
