//! Scheduled jobs: the removal of what is old, and the bound of what waits.
//!
//! Invariant: a job can run at any time and any number of times, and changes only what is due.

use chrono::TimeDelta;
use db::schedule::Job;

use crate::commands;
use crate::state::Webhooks;

/// Returns the jobs.
pub(crate) fn jobs(webhooks: &Webhooks) -> Vec<Job> {
    let (expired, waiting) = (webhooks.clone(), webhooks.clone());
    vec![
        Job::every("webhooks.expire", TimeDelta::hours(1), move |run| {
            let webhooks = expired.clone();
            async move { Ok(commands::remove_old(&webhooks, &run).await?) }
        }),
        Job::every("webhooks.backlog", TimeDelta::minutes(1), move |run| {
            let webhooks = waiting.clone();
            async move { Ok(commands::bound_waiting(&webhooks, &run).await?) }
        }),
    ]
}
