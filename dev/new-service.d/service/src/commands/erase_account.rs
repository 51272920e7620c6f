//! Removing everything about an erased account.
//!
//! Invariant: it ends only when no entry of the account is left.

use contract::AccountId;
use db::Lane;
use http_server::Idempotency;

use crate::error::Error;
use crate::state::NewService;
use crate::store;

/// Rows per transaction. Small, so that other writes never wait long.
const BATCH_ROWS: u64 = 500;

/// Removes all entries of an account, in batches, and its idempotency keys.
pub(crate) async fn erase_account(newservice: &NewService, account: AccountId) -> Result<(), Error> {
    let db = &newservice.context.db;
    loop {
        let removed = db
            .write(Lane::of(&account), async move |tx| {
                Ok::<_, Error>(store::entries::remove_of_owner(tx, account, BATCH_ROWS).await?)
            })
            .await?;
        if removed < BATCH_ROWS {
            break;
        }
    }
    Idempotency::forget(db, account.0).await?;
    Ok(())
}
