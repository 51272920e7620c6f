//! Reading the account that acts, in the transaction of an operator's act.
//!
//! Invariant: of two operators who suspend each other or take each other's role at once, one succeeds.

use chrono::{DateTime, Utc};
use contract::AccountId;
use db::Tx;

use crate::error::Error;
use crate::model::Roles;
use crate::store;

/// Returns the roles of the account that acts. Fails if it was suspended or erased since the caller was checked. The
/// caller holds the account's lane.
pub(super) async fn acting_roles(tx: &Tx, by: AccountId, now: DateTime<Utc>) -> Result<Roles, Error> {
    let account = store::accounts::find_by_id(tx, by).await?.ok_or(Error::SessionEnded)?;
    account.standing.check_usable(now)?;
    Ok(account.roles)
}
