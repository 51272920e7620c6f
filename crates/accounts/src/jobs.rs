//! Scheduled jobs: rotate signing keys, remove idle sessions and expired networks.
//!
//! Invariant: both jobs can run at any time and any number of times, and change only what is due.

use kit::schedule::{Job, Run};

use crate::accounts::Accounts;
use crate::error::Error;
use crate::store;

/// Rows per transaction. Small, so that other writes never wait long.
const BATCH_ROWS: u64 = 500;

/// Returns the jobs.
pub(crate) fn jobs(accounts: &Accounts) -> Vec<Job> {
    let (keys, sessions) = (accounts.clone(), accounts.clone());
    vec![
        Job::every("accounts.keys", accounts.config.maintenance_interval(), move |run| {
            let accounts = keys.clone();
            async move { Ok(accounts.signing_keys.rotate(run).await?) }
        }),
        Job::every("accounts.sessions", accounts.config.maintenance_interval(), move |run| {
            let accounts = sessions.clone();
            async move { Ok(cleanup(&accounts, run).await?) }
        }),
    ]
}

async fn cleanup(accounts: &Accounts, run: Run) -> Result<(), Error> {
    let now = accounts.context.clock.now();
    let idle_since = now - accounts.config.session_idle_timeout();
    loop {
        let run = run.clone();
        let (ended_sessions, removed_networks) = accounts
            .context
            .db
            .write(move |tx| {
                Box::pin(async move {
                    run.fence(tx).await?;
                    let ended_sessions = store::sessions::remove_idle(tx, idle_since, BATCH_ROWS).await?;
                    Ok::<_, kit::db::Error>((
                        ended_sessions,
                        store::known_networks::remove_expired(tx, now, BATCH_ROWS).await?,
                    ))
                })
            })
            .await?;
        if ended_sessions < BATCH_ROWS && removed_networks < BATCH_ROWS {
            return Ok(());
        }
    }
}
