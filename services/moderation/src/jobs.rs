//! Scheduled jobs: the removal of old cases.
//!
//! Invariant: a job can run at any time and any number of times, and changes only what is due.

use chrono::TimeDelta;
use db::schedule::Job;

use crate::commands;
use crate::state::Moderation;

/// Returns the jobs.
pub(crate) fn jobs(moderation: &Moderation) -> Vec<Job> {
    let moderation = moderation.clone();
    vec![Job::every("moderation.old", TimeDelta::hours(1), move |run| {
        let moderation = moderation.clone();
        async move { Ok(commands::remove_old(&moderation, &run).await?) }
    })]
}
