//! Scheduled jobs: the removal of old rows.
//!
//! Invariant: a job can run at any time and any number of times, and changes only what is due.

use chrono::TimeDelta;
use db::schedule::Job;

use crate::commands;
use crate::state::Chat;

/// Returns the jobs.
pub(crate) fn jobs(chat: &Chat) -> Vec<Job> {
    let chat = chat.clone();
    vec![Job::every("chat.expire", TimeDelta::hours(1), move |run| {
        let chat = chat.clone();
        async move { Ok(commands::remove_expired(&chat, &run).await?) }
    })]
}
