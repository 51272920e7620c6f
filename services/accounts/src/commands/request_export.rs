//! Asking for an export of the own data.
//!
//! Invariant: an account has at most one export that is being built, and asks for at most [`MAX_EXPORTS_PER_DAY`] in a
//! day. The event that builds it is recorded in the transaction of its row.

use base::Event;
use contract::AccountId;
use db::Lane;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::Error;
use crate::model::{CurrentSession, Export, ExportState, MAX_EXPORTS_PER_DAY, next_export_in};
use crate::recent_proof::require_recent_factor;
use crate::state::Accounts;
use crate::store;

/// `accounts.export_requested`: the archive of an export is to be built. Only this role reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ExportRequested {
    /// The account whose data it is.
    pub account: AccountId,
    /// The export.
    pub export: Uuid,
}

impl Event for ExportRequested {
    const SUBJECT: &'static str = "accounts.export_requested";
}

/// Asks for an export, and returns it; one that is being built is returned as it is. Needs a recent proof, by a second
/// factor if the account has one: everything about a member is in it.
pub(crate) async fn request_export(accounts: &Accounts, current: &CurrentSession) -> Result<Export, Error> {
    require_recent_factor(accounts, current).await?;
    let (account, now) = (current.account.id, accounts.context.clock.now());
    let id = accounts.context.random.uuid_v7(now);
    accounts
        .context
        .db
        .write(Lane::of(&account), async move |tx| {
            let newest = store::exports::list(tx, account, Uuid::max(), MAX_EXPORTS_PER_DAY).await?;
            if let Some(building) = newest.iter().find(|export| export.state == ExportState::Building) {
                return Ok(building.clone());
            }
            let asked_at: Vec<_> = newest.iter().map(|export| export.created_at).collect();
            if let Some(wait) = next_export_in(&asked_at, now) {
                return Err(Error::TooManyExports(wait.to_std().unwrap_or_default()));
            }
            if !store::exports::insert(tx, id, account, now).await? {
                return Err(Error::SessionEnded);
            }
            tx.publish(&ExportRequested { account, export: id }, now)?;
            store::exports::find(tx, id).await?.ok_or(Error::SessionEnded)
        })
        .await
}
