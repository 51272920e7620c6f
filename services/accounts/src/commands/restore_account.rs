//! Lifting a sanction before its end.
//!
//! Invariant: a moderator lifts only what a moderator may impose, and it is in the audit trail.

use contract::AccountId;
use contract::accounts::AccountState;
use db::Lane;
use http_server::operators::Actor;

use super::acting_account::acting_roles;
use super::change_standing::{change_standing, standing_act};
use super::record_act::{AUDIT_LANE, append};
use crate::error::Error;
use crate::model::{Account, CurrentSession, Standing, Target, check_authority};
use crate::state::Accounts;
use crate::store;

/// Makes an account active again, for a reason, and returns the account. Does nothing to one that is active.
pub(crate) async fn restore_account(
    accounts: &Accounts,
    current: &CurrentSession,
    actor: Actor,
    id: AccountId,
    reason: String,
) -> Result<Account, Error> {
    let (now, by) = (accounts.context.clock.now(), current.account.id);
    accounts
        .context
        .db
        .write(Lane::of(&id).and(&by).and(AUDIT_LANE), async move |tx| {
            let roles = acting_roles(tx, by, now).await?;
            let account = store::accounts::find_by_id(tx, id).await?.ok_or(Error::NoSuchAccount)?;
            if account.standing.state == AccountState::Active {
                return Ok(account);
            }
            let target = Target { id, roles: &account.roles };
            check_authority((by, &roles), target, account.standing.state, account.standing.until, now)?;
            store::sanctions::set_lifted(tx, id, Some(by), Some(&reason), now).await?;
            let standing = Standing::default();
            append(tx, standing_act(actor, "accounts.restored", &account, &standing, now).because(&reason)).await?;
            change_standing(tx, account, standing, now).await
        })
        .await
}
