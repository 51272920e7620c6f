//! Filling in the skeletons of handles that an earlier release stored without.
//!
//! Two accounts whose handles look alike both stay: the older one gets the skeleton, and the other one gets it if the
//! older one is erased. Invariant: it can run at any time and any number of times, and changes only what is due.

use contract::AccountId;
use db::Lane;
use db::schedule::Run;
use uuid::Uuid;

use crate::error::Error;
use crate::state::Accounts;
use crate::store;

/// Accounts per transaction. Small, so that sign-ups never wait long.
const BATCH_ROWS: usize = 100;

/// Fills in the skeletons of all accounts that have none, in batches.
pub(crate) async fn fill_skeletons(accounts: &Accounts, run: &Run) -> Result<(), Error> {
    let mut after = AccountId(Uuid::nil());
    loop {
        let batch = store::handle_skeletons::list_unfilled(accounts.context.db.read(), after, BATCH_ROWS).await?;
        let Some(last) = batch.last() else { return Ok(()) };
        after = last.id;
        let run = run.clone();
        // The lanes of sign-ups that want one of these handles, and of the profiles whose rows change.
        let lane = Lane::of_each(batch.iter().flat_map(|account| [account.skeleton.clone(), account.id.to_string()]));
        accounts
            .context
            .db
            .write(lane, async move |tx| {
                run.fence(tx).await?;
                for account in &batch {
                    store::handle_skeletons::fill(tx, account).await?;
                }
                Ok::<_, db::Error>(())
            })
            .await?;
    }
}
