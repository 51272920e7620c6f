//! Removing what is stored about an erased account.
//!
//! Invariant: it ends only when no delivery of an event about the account is left, but the one that tells of the
//! erasure, and none is recorded afterwards.

use contract::AccountId;
use db::Lane;

use super::remove_old::BATCH_ROWS;
use crate::error::Error;
use crate::state::Webhooks;
use crate::store;
use crate::store::deliveries::Doomed;

/// Removes the account from the webhooks that it made, and the deliveries of events about it, in batches.
pub(crate) async fn erase_account(webhooks: &Webhooks, account: AccountId) -> Result<(), Error> {
    let (db, now) = (&webhooks.context.db, webhooks.context.clock.now());
    db.write(Lane::ALL, async move |tx| {
        store::erased_accounts::insert(tx, account, now).await?;
        store::webhooks::clear_maker(tx, account).await
    })
    .await?;
    while db
        .write(Lane::ALL, async move |tx| store::deliveries::delete(tx, Doomed::OfAccount(account), BATCH_ROWS).await)
        .await?
        > 0
    {}
    Ok(())
}
