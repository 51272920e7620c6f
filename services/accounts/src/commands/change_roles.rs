//! Assigning and revoking roles. There is no HTTP operation and no command of the binary for it yet.
//!
//! Invariant: no role is assigned over HTTP. A change is in the member's next access token, within 15 minutes.

use db::{Db, Lane};

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
    let id = store::accounts::find(db.read(), &handle).await?.ok_or(Error::NoSuchAccount)?.id;
    db.write(Lane::of(&id), async move |tx| {
        // The roles as they are now. Since the lookup, the account may have been erased and its handle taken by
        // another.
        let account = store::accounts::find(tx, &handle).await?.filter(|account| account.id == id);
        let roles = apply(account.ok_or(Error::NoSuchAccount)?.roles, role);
        store::accounts::update_roles(tx, id, &roles).await?;
        Ok::<_, Error>(roles.names())
    })
    .await
}
