//! Giving accounts roles, and taking roles from them.
//!
//! A new role is in the member's next access token, within 15 minutes. Who loses a role loses the sessions at the
//! operators' listener at once, and every process refuses the tokens that have the role within seconds, and accepts
//! their successors. Invariant: a change and its entry in the audit trail are one transaction, in which the member who
//! makes it is an operator, and an account that is given a role has a second factor.

use chrono::{DateTime, Utc};
use contract::AccountId;
use db::{Db, Lane};
use http_server::operators::{Act, Actor};
use serde_json::json;

use super::acting_account::acting_roles;
use super::record_act::{AUDIT_LANE, append};
use crate::error::Error;
use crate::model::{Account, Role, Roles, RolesChange};
use crate::store;

/// Adds a role to the account with this handle: `member`, `curator`, `moderator`, `viewer`, `developer` or
/// `operator`. Returns all its roles. Fails with [`Error::NoSuchAccount`] or [`Error::UnknownRole`], and with
/// [`Error::RoleNeedsFactor`] for an account without a second factor.
pub async fn assign(
    db: &Db,
    handle: &str,
    role: &str,
    actor: Actor,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<Vec<String>, Error> {
    let change = RolesChange::parse(&[role.to_owned()], &[])?;
    change_by_handle(db, handle, change, actor, reason, now).await
}

/// Revokes a role. `member` can't be revoked. Returns the remaining roles.
pub async fn revoke(
    db: &Db,
    handle: &str,
    role: &str,
    actor: Actor,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<Vec<String>, Error> {
    let change = RolesChange::parse(&[], &[role.to_owned()])?;
    change_by_handle(db, handle, change, actor, reason, now).await
}

async fn change_by_handle(
    db: &Db,
    handle: &str,
    change: RolesChange,
    actor: Actor,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<Vec<String>, Error> {
    let handle = handle.trim().to_ascii_lowercase();
    let id = store::accounts::find(db.read(), &handle).await?.ok_or(Error::NoSuchAccount)?.id;
    Ok(change_roles(db, id, change, actor, reason, now).await?.roles.names())
}

/// Changes the roles of an account, and returns it. Does nothing, and records nothing, if it has these roles already.
pub(crate) async fn change_roles(
    db: &Db,
    id: AccountId,
    change: RolesChange,
    actor: Actor,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<Account, Error> {
    change.check(actor.account == Some(id.0))?;
    let (reason, by) = (reason.to_owned(), actor.account.map(AccountId));
    let lane = Lane::of(&id).and(AUDIT_LANE);
    let lane = by.iter().fold(lane, Lane::and);
    db.write(lane, async move |tx| {
        // A command on the machine has no account.
        if let Some(by) = by
            && !acting_roles(tx, by, now).await?.has(Role::Operator)
        {
            return Err(Error::BeyondRole("This needs the role operator."));
        }
        let account = store::accounts::find_by_id(tx, id).await?.ok_or(Error::NoSuchAccount)?;
        let roles = change.apply(account.roles.clone());
        if roles == account.roles {
            return Ok(account);
        }
        // A role that stays, or is taken, needs none: there are accounts from before this rule.
        if !account.roles.include(&roles) && store::factors::list(tx, id).await?.is_empty() {
            return Err(Error::RoleNeedsFactor);
        }
        store::accounts::update_roles(tx, id, &roles).await?;
        if !roles.include(&account.roles) {
            store::account_rules::refuse_older_tokens(tx, id, now).await?;
            store::sessions::remove_operators(tx, id, now).await?;
        }
        append(tx, act(&account, &roles, actor, now).because(&reason)).await?;
        Ok::<_, Error>(Account { roles, ..account })
    })
    .await
}

fn act(account: &Account, roles: &Roles, actor: Actor, now: DateTime<Utc>) -> Act {
    let (before, after) = (json!({ "roles": account.roles.names() }), json!({ "roles": roles.names() }));
    Act::new(actor, "accounts.roles_changed", now).on("account", account.id).change(before, after)
}
