//! Scheduled jobs: the removal of expired entries.
//!
//! Invariant: a job can run at any time and any number of times, and changes only what is due.

use chrono::TimeDelta;
use db::schedule::Job;

use crate::commands;
use crate::state::NewService;

/// Returns the jobs.
pub(crate) fn jobs(newservice: &NewService) -> Vec<Job> {
    let newservice = newservice.clone();
    vec![Job::every("newservice.expire", TimeDelta::hours(1), move |run| {
        let newservice = newservice.clone();
        async move { Ok(commands::remove_expired(&newservice, &run).await?) }
    })]
}
