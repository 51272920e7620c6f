//! Limiting, suspending and banning an account.
//!
//! Invariant: the caller has the role for the decision in the transaction that records it, in the audit trail too, and
//! that tells moderation of it, so that the member can appeal it.

use contract::AccountId;
use contract::accounts::{AccountState, SanctionImposed};
use db::Lane;
use http_server::operators::Actor;

use super::acting_account::acting_roles;
use super::change_standing::{change_standing, standing_act};
use super::record_act::{AUDIT_LANE, append};
use crate::error::Error;
use crate::model::{Account, CurrentSession, Sanction, Standing, Target, check_authority};
use crate::state::Accounts;
use crate::store;

/// Gives an account the state of a sanction, and returns the account. A sanction that is in force already changes
/// nothing; another one is replaced.
pub(crate) async fn suspend_account(
    accounts: &Accounts,
    current: &CurrentSession,
    actor: Actor,
    id: AccountId,
    sanction: Sanction,
) -> Result<Account, Error> {
    let (now, by) = (accounts.context.clock.now(), current.account.id);
    let sanction_id = accounts.context.random.uuid_v7(now);
    accounts
        .context
        .db
        .write(Lane::of(&id).and(&by).and(AUDIT_LANE), async move |tx| {
            let roles = acting_roles(tx, by, now).await?;
            let account = store::accounts::find_by_id(tx, id).await?.ok_or(Error::NoSuchAccount)?;
            let target = Target { id, roles: &account.roles };
            // Both what is imposed and what it replaces must be within the role.
            check_authority((by, &roles), target, sanction.state, sanction.until, now)?;
            if account.standing.state_at(now) != AccountState::Active {
                check_authority((by, &roles), target, account.standing.state, account.standing.until, now)?;
            }
            if sanction.is_in_force(&account.standing) {
                return Ok(account);
            }
            store::sanctions::set_lifted(tx, id, Some(by), Some("replaced"), now).await?;
            store::sanctions::insert(tx, sanction_id, id, by, &sanction, now).await?;
            let Sanction { state, reason, until } = sanction;
            let standing = Standing { state, reason: Some(reason.clone()), until, version: 0 };
            let act = standing_act(actor, "accounts.suspended", &account, &standing, now).because(&reason);
            append(tx, act).await?;
            tx.publish(
                &SanctionImposed { id: sanction_id, account: id, state, statement: reason, until, by, at: now },
                now,
            )?;
            change_standing(tx, account, standing, now).await
        })
        .await
}
