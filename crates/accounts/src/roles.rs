//! Giving and taking roles: for operators at the command line.
//!
//! Invariant: nobody gets a role over HTTP. What changes here is in the member's next access token, within 15 minutes.

use kit::db::Db;

use crate::error::Error;
use crate::model::{Role, Roles};
use crate::store;

/// Gives the account with this handle a role: `member`, `curator`, `moderator`, `viewer`, `developer` or `operator`.
/// Answers all its roles. [`Error::NoSuchAccount`] or [`Error::UnknownRole`] say what was wrong.
pub async fn grant(db: &Db, handle: &str, role: &str) -> Result<Vec<String>, Error> {
    change(db, handle, role, Roles::with).await
}

/// Takes a role away again; everybody stays a `member`. Answers the roles that are left.
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
