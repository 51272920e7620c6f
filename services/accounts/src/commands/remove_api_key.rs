//! Revoking an API key.
//!
//! Invariant: a member revokes only their own keys, and every process refuses the tokens of a revoked key.

use db::Lane;
use uuid::Uuid;

use crate::error::Error;
use crate::model::CurrentSession;
use crate::state::Accounts;
use crate::store;

/// Revokes one of the caller's keys. Fails with [`Error::NoSuchApiKey`] if the caller has no such key.
pub(crate) async fn remove_api_key(accounts: &Accounts, current: &CurrentSession, id: Uuid) -> Result<(), Error> {
    let (account, now) = (current.account.id, accounts.context.clock.now());
    let removed = accounts
        .context
        .db
        .write(Lane::of(&account), async move |tx| store::api_keys::remove(tx, account, id, now).await)
        .await?;
    if removed { Ok(()) } else { Err(Error::NoSuchApiKey) }
}
