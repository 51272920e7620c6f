//! Storing the attempts to sign in that failed.
//!
//! Invariant: an attempt is stored at most once, and only for an account that exists.

use std::time::Duration;

use db::Lane;

use crate::error::Error;
use crate::state::Accounts;
use crate::store;

/// How often a process stores its failed attempts.
const INTERVAL: Duration = Duration::from_secs(10);
/// Rows per transaction.
const BATCH_ROWS: usize = 100;

/// Stores the failed attempts that wait in this process.
pub(crate) async fn store_failed_sign_ins(accounts: &Accounts) -> Result<(), Error> {
    let now = accounts.context.clock.now();
    for batch in accounts.failed_sign_ins.take().chunks(BATCH_ROWS) {
        let rows: Vec<_> = batch.iter().map(|failed| (accounts.context.random.uuid_v7(now), failed.clone())).collect();
        let lane = Lane::of_each(rows.iter().map(|(_, failed)| failed.account));
        accounts
            .context
            .db
            .write(lane, async move |tx| {
                for (id, failed) in &rows {
                    store::sign_ins::add_failures(tx, *id, failed).await?;
                }
                Ok::<_, db::Error>(())
            })
            .await?;
    }
    Ok(())
}

/// Stores failed attempts again and again, until the process stops.
pub(crate) fn keep_storing_failed_sign_ins(accounts: &Accounts) {
    let accounts = accounts.clone();
    accounts.context.tasks.clone().spawn(async move {
        loop {
            let goes_on = accounts.context.tasks.sleep(INTERVAL).await;
            if let Err(error) = store_failed_sign_ins(&accounts).await {
                tracing::warn!(%error, "failed attempts to sign in could not be stored");
            }
            if !goes_on {
                return;
            }
        }
    });
}
