//! Scheduled jobs: the removal of expired stories, of what is left on removed posts, of old rows and of old entries of
//! feeds; posts that wait for their media; the order of the rising posts.
//!
//! Invariant: a job can run at any time and any number of times, and changes only what is due.

use chrono::TimeDelta;
use db::schedule::Job;

use crate::commands;
use crate::state::Social;

/// Returns the jobs.
pub(crate) fn jobs(social: &Social) -> Vec<Job> {
    let [stories, remains, rows, waiting, feeds, rising] = [(); 6].map(|()| social.clone());
    vec![
        Job::every("social.stories", TimeDelta::minutes(1), move |run| {
            let social = stories.clone();
            async move { Ok(commands::remove_expired_posts(&social, &run).await?) }
        }),
        Job::every("social.remains", TimeDelta::minutes(1), move |_| {
            let social = remains.clone();
            async move { Ok(commands::remove_remains(&social).await?) }
        }),
        Job::every("social.rows", TimeDelta::hours(1), move |run| {
            let social = rows.clone();
            async move { Ok(commands::remove_old_rows(&social, &run).await?) }
        }),
        Job::every("social.waiting", TimeDelta::minutes(1), move |_| {
            let social = waiting.clone();
            async move { Ok(commands::settle_waiting(&social).await?) }
        }),
        Job::every("social.feeds", TimeDelta::hours(1), move |run| {
            let social = feeds.clone();
            async move { Ok(commands::trim_feeds(&social, &run).await?) }
        }),
        Job::every("social.rising", TimeDelta::minutes(5), move |run| {
            let social = rising.clone();
            async move { Ok(commands::rank_rising(&social, &run).await?) }
        }),
    ]
}
