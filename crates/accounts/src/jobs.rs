//! Timed work: turning signing keys over, ending sessions that nobody uses.
//!
//! Invariant: both can run at any time, any number of times, and change only what is due.

use kit::schedule::{Job, Run};

use crate::accounts::Accounts;
use crate::error::Error;
use crate::store;

/// Rows per transaction, so that a sweep never keeps anybody waiting.
const BATCH: u64 = 500;

/// The jobs.
pub(crate) fn jobs(accounts: &Accounts) -> Vec<Job> {
    let (keys, sessions) = (accounts.clone(), accounts.clone());
    vec![
        Job::every("accounts.keys", accounts.config.upkeep(), move |run| {
            let accounts = keys.clone();
            async move { Ok(accounts.keys.look_after(run).await?) }
        }),
        Job::every("accounts.sessions", accounts.config.upkeep(), move |run| {
            let accounts = sessions.clone();
            async move { Ok(sweep(&accounts, run).await?) }
        }),
    ]
}

async fn sweep(accounts: &Accounts, run: Run) -> Result<(), Error> {
    let now = accounts.context.clock.now();
    let since = now - accounts.config.idle();
    loop {
        let run = run.clone();
        let (ended, forgotten) = accounts
            .context
            .db
            .write(move |tx| {
                Box::pin(async move {
                    run.fence(tx).await?;
                    let ended = store::sessions::remove_idle(tx, since, BATCH).await?;
                    Ok::<_, kit::db::Error>((ended, store::networks::remove_old(tx, now, BATCH).await?))
                })
            })
            .await?;
        if ended < BATCH && forgotten < BATCH {
            return Ok(());
        }
    }
}
