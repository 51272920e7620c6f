//! Following what moderation has decided about an account, and the end of that by an appeal.
//!
//! A sanction has the id of its decision, so an event that arrives twice imposes it once. The operator's act is in the
//! audit trail already: moderation has recorded it with the decision. Invariant: a moderator imposes here what they may
//! impose by themselves, and an appeal that is known first keeps its decision from being followed.

use chrono::{DateTime, Utc};
use contract::accounts::{AccountState, SanctionRefused};
use contract::moderation::{Decided, Overturned};
use db::{Lane, Tx};

use super::acting_account::acting_roles;
use super::change_standing::change_standing;
use crate::error::Error;
use crate::model::{Account, Sanction, Standing, Target, check_authority};
use crate::state::Accounts;
use crate::store;

/// The reason in the history of a sanction that an appeal has ended.
const OVERTURNED: &str = "undone by an appeal";

/// Gives an account the state of a decision. Publishes why if the moderator may not decide so; does nothing to an
/// account that is gone, and if the state has ended meanwhile.
pub(crate) async fn follow_decision(accounts: &Accounts, decided: Decided) -> Result<(), Error> {
    let now = accounts.context.clock.now();
    let Some(state) = decided.action.account_state() else { return Ok(()) };
    if decided.until.is_some_and(|until| until <= now) {
        return Ok(());
    }
    accounts
        .context
        .db
        .write(Lane::of(&decided.owner).and(&decided.by), async move |tx| {
            if store::sanctions::exists(tx, decided.id).await? {
                return Ok(());
            }
            let Some(account) = store::accounts::find_by_id(tx, decided.owner).await? else { return Ok(()) };
            match check(tx, &account, &decided, state, now).await {
                Ok(sanction) => impose(tx, account, &decided, sanction, now).await,
                Err(Error::Db(error)) => Err(error.into()),
                Err(refused) => {
                    let refused = SanctionRefused { decision: decided.id, why: refused.to_string() };
                    Ok(tx.publish(&refused, now)?)
                }
            }
        })
        .await
}

/// Returns the sanction of a decision, if its moderator may impose it.
async fn check(
    tx: &Tx,
    account: &Account,
    decided: &Decided,
    state: AccountState,
    now: DateTime<Utc>,
) -> Result<Sanction, Error> {
    let roles = acting_roles(tx, decided.by, now).await?;
    let target = Target { id: account.id, roles: &account.roles };
    // Both what is imposed and what it replaces must be within the role.
    check_authority((decided.by, &roles), target, state, decided.until, decided.at)?;
    if account.standing.state_at(now) != AccountState::Active {
        check_authority((decided.by, &roles), target, account.standing.state, account.standing.until, now)?;
    }
    Sanction::parse(state, &decided.statement, decided.until, now)
}

async fn impose(
    tx: &Tx,
    account: Account,
    decided: &Decided,
    sanction: Sanction,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    store::sanctions::set_lifted(tx, account.id, Some(decided.by), Some("replaced"), now).await?;
    store::sanctions::insert(tx, decided.id, account.id, decided.by, &sanction, now).await?;
    let Sanction { state, reason, until } = sanction;
    change_standing(tx, account, Standing { state, reason: Some(reason), until, version: 0 }, now).await.map(drop)
}

/// Ends the sanction of a decision that an appeal has undone. Another one that has replaced it stays.
pub(crate) async fn follow_appeal(accounts: &Accounts, overturned: Overturned) -> Result<(), Error> {
    let now = accounts.context.clock.now();
    let Some(state) = overturned.action.account_state() else { return Ok(()) };
    accounts
        .context
        .db
        .write(Lane::of(&overturned.owner), async move |tx| {
            let (id, owner, by) = (overturned.id, overturned.owner, overturned.by);
            let Some(account) = store::accounts::find_by_id(tx, owner).await? else { return Ok(()) };
            if !store::sanctions::exists(tx, id).await? {
                // The decision is still on its way: it will find that it has ended.
                let sanction = Sanction { state, reason: OVERTURNED.to_owned(), until: None };
                return Ok(store::sanctions::insert_lifted(tx, id, owner, by, &sanction, now).await?);
            }
            if !store::sanctions::is_in_force(tx, id).await? {
                return Ok(());
            }
            store::sanctions::set_lifted(tx, owner, Some(by), Some(OVERTURNED), now).await?;
            change_standing(tx, account, Standing::default(), now).await.map(drop)
        })
        .await
}
