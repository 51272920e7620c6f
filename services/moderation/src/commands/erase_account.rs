//! Removing everything about an erased account.
//!
//! Invariant: it ends only when no row names the account but the list of erased accounts, which keeps late events from
//! bringing it back.

use contract::AccountId;
use db::Lane;
use http_server::Idempotency;

use crate::error::Error;
use crate::state::Moderation;
use crate::store::erasure;

/// Rows of each table per transaction. Small, so that other writes never wait long.
const BATCH_ROWS: usize = 100;

/// Removes the cases, evidence, decisions, appeals and reports of an account, and its idempotency keys. Its decisions
/// about others stay without its name.
pub(crate) async fn erase_account(moderation: &Moderation, account: AccountId) -> Result<(), Error> {
    let (db, now) = (&moderation.context.db, moderation.context.clock.now());
    // In the lane of all: every write that has not seen the account's end is committed when this one runs.
    db.write(Lane::ALL, async move |tx| erasure::insert_erased(tx, account, now).await).await?;
    while db.write(Lane::of(&account), async move |tx| erasure::remove(tx, account, BATCH_ROWS).await).await? > 0 {}
    Ok(Idempotency::forget(db, account.0).await?)
}
