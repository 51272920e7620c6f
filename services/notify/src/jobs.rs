//! Scheduled jobs: the removal of what is old, and the comparison of counts with notices.
//!
//! Invariant: a job can run at any time and any number of times, and changes only what is due.

use chrono::TimeDelta;
use db::schedule::Job;

use crate::commands;
use crate::state::Notify;

/// Returns the jobs.
pub(crate) fn jobs(notify: &Notify) -> Vec<Job> {
    let (old, counts, pushes) = (notify.clone(), notify.clone(), notify.clone());
    vec![
        Job::every("notify.old", TimeDelta::hours(1), move |run| {
            let notify = old.clone();
            async move { Ok(commands::remove_old(&notify, &run).await?) }
        }),
        Job::every("notify.pushes", TimeDelta::minutes(1), move |run| {
            let notify = pushes.clone();
            async move { Ok(commands::expire_pushes(&notify, &run).await?) }
        }),
        Job::every("notify.counts", TimeDelta::days(1), move |_| {
            let notify = counts.clone();
            async move { Ok(commands::check_counts(&notify).await?) }
        }),
    ]
}
