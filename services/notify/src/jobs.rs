//! Scheduled jobs: mails and reminders that are due, the removal of what is old, of pushes too and of what devices show
//! of notices that are gone, and the comparison of counts with notices.
//!
//! Invariant: a job can run at any time and any number of times, and changes only what is due.

use chrono::TimeDelta;
use db::schedule::Job;

use crate::commands;
use crate::state::Notify;

/// Returns the jobs.
pub(crate) fn jobs(notify: &Notify) -> Vec<Job> {
    let [old, counts, mails, reminders, pushes, shown] = [(); 6].map(|()| notify.clone());
    vec![
        Job::every("notify.old", TimeDelta::hours(1), move |run| {
            let notify = old.clone();
            async move { Ok(commands::remove_old(&notify, &run).await?) }
        }),
        Job::every("notify.pushes", TimeDelta::minutes(1), move |run| {
            let notify = pushes.clone();
            async move { Ok(commands::expire_pushes(&notify, &run).await?) }
        }),
        Job::every("notify.shown", TimeDelta::hours(1), move |_| {
            let notify = shown.clone();
            async move { Ok(commands::withdraw_left(&notify).await?) }
        }),
        Job::every("notify.mails", TimeDelta::minutes(1), move |run| {
            let notify = mails.clone();
            async move { Ok(commands::send_mails(&notify, &run).await?) }
        }),
        Job::every("notify.reminders", TimeDelta::minutes(1), move |run| {
            let notify = reminders.clone();
            async move { Ok(commands::fire_reminders(&notify, &run).await?) }
        }),
        Job::every("notify.counts", TimeDelta::days(1), move |_| {
            let notify = counts.clone();
            async move { Ok(commands::check_counts(&notify).await?) }
        }),
    ]
}
