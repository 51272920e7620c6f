//! Scheduled jobs: rotate signing keys, remove idle sessions and expired networks, fill in the skeletons of handles.
//!
//! Invariant: all jobs can run at any time and any number of times, and change only what is due.

use db::schedule::Job;

use crate::commands;
use crate::state::Accounts;

/// Returns the jobs.
pub(crate) fn jobs(accounts: &Accounts) -> Vec<Job> {
    let (keys, sessions, skeletons) = (accounts.clone(), accounts.clone(), accounts.clone());
    vec![
        Job::every("accounts.keys", accounts.config.maintenance_interval(), move |run| {
            let accounts = keys.clone();
            async move { Ok(commands::rotate_signing_keys(&accounts, run).await?) }
        }),
        Job::every("accounts.sessions", accounts.config.maintenance_interval(), move |run| {
            let accounts = sessions.clone();
            async move { Ok(commands::remove_expired(&accounts, &run).await?) }
        }),
        Job::every("accounts.skeletons", accounts.config.maintenance_interval(), move |run| {
            let accounts = skeletons.clone();
            async move { Ok(commands::fill_skeletons(&accounts, &run).await?) }
        }),
    ]
}
