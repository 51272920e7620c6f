//! Scheduled jobs: rotate signing keys, remove idle sessions and expired networks, fill in the skeletons of handles,
//! end suspensions, remove exports whose time is over.
//!
//! Invariant: each job can run at any time and any number of times, and change only what is due.

use chrono::TimeDelta;
use db::schedule::Job;

use crate::commands;
use crate::state::Accounts;

/// How often suspensions that have ended are lifted. Their end counts by the time alone; this tells the other roles.
const STANDING_INTERVAL: TimeDelta = TimeDelta::minutes(1);
/// How often exports whose time is over are removed. None can be downloaded after its time.
const EXPORTS_INTERVAL: TimeDelta = TimeDelta::minutes(10);

/// Returns the jobs.
pub(crate) fn jobs(accounts: &Accounts) -> Vec<Job> {
    let (keys, sessions, skeletons) = (accounts.clone(), accounts.clone(), accounts.clone());
    let (standing, exports) = (accounts.clone(), accounts.clone());
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
        Job::every("accounts.standing", STANDING_INTERVAL, move |run| {
            let accounts = standing.clone();
            async move { Ok(commands::lift_ended_sanctions(&accounts, &run).await?) }
        }),
        Job::every("accounts.exports", EXPORTS_INTERVAL, move |run| {
            let accounts = exports.clone();
            async move { Ok(commands::sweep_exports(&accounts, &run).await?) }
        }),
    ]
}
