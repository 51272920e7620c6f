//! Removing everything about an erased account.
//!
//! Invariant: it ends only when no row of the account is left but its id in the list of erased accounts, which keeps
//! late events from bringing it back. Counts of other members are right after every step.

use contract::AccountId;
use db::Lane;
use http_server::Idempotency;

use super::withdraw::withdraw;
use crate::error::Error;
use crate::history::Withdrawn;
use crate::state::Notify;
use crate::store::{erasure, people};

/// Rows of each table per transaction. Small, so that other writes never wait long.
const BATCH_ROWS: usize = 100;

/// Removes an account's rows, what it was told, what others were told of it, its mails, and its idempotency keys.
pub(crate) async fn erase_account(notify: &Notify, account: AccountId) -> Result<(), Error> {
    let (db, now) = (&notify.context.db, notify.context.clock.now());
    // In the lane of all: every write that has not seen the account's end is committed when this one runs.
    db.write(Lane::ALL, async move |tx| people::insert_erased(tx, account, now).await).await?;
    while db.write(Lane::of(&account), async move |tx| erasure::remove(tx, account, BATCH_ROWS).await).await? > 0 {}
    db.write(Lane::of(&account), async move |tx| mail::forget_account(tx, &account.to_string(), now).await).await?;
    withdraw(notify, &Withdrawn::OfActor(account)).await?;
    withdraw(notify, &Withdrawn::OfMember(account)).await?;
    Ok(Idempotency::forget(db, account.0).await?)
}
