//! Restoring accounts whose sanction has ended by itself.
//!
//! The end counts everywhere by the time alone; this makes it visible in the rows and tells the other roles. Invariant:
//! it can run at any time and any number of times, and changes only accounts whose end has passed.

use contract::AccountId;
use db::Lane;
use db::schedule::Run;

use super::change_standing::change_standing;
use crate::error::Error;
use crate::model::Standing;
use crate::state::Accounts;
use crate::store;

/// Accounts that are listed at once.
const BATCH: i64 = 100;

/// Makes every account active again whose sanction has ended.
pub(crate) async fn lift_ended_sanctions(accounts: &Accounts, run: &Run) -> Result<(), Error> {
    loop {
        let now = accounts.context.clock.now();
        let ended = store::sanctions::list_ended(accounts.context.db.read(), now, BATCH).await?;
        let is_last = ended.len() < BATCH as usize;
        for id in ended {
            lift(accounts, run.clone(), id).await?;
        }
        if is_last {
            return Ok(());
        }
    }
}

async fn lift(accounts: &Accounts, run: Run, id: AccountId) -> Result<(), Error> {
    let now = accounts.context.clock.now();
    accounts
        .context
        .db
        .write(Lane::of(&id), async move |tx| {
            run.fence(tx).await?;
            let account = store::accounts::find_by_id(tx, id).await?;
            // It may have been erased, or suspended for longer, since it was listed.
            let has_ended = |until| until <= now;
            let Some(account) = account.filter(|account| account.standing.until.is_some_and(has_ended)) else {
                return Ok(());
            };
            store::sanctions::set_lifted(tx, id, None, None, now).await?;
            change_standing(tx, account, Standing::default(), now).await.map(drop)
        })
        .await
}
