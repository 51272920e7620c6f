//! The scheduled job that keeps rendered images, tombstones and the standing of erased members within their bounds.
//!
//! Does not sweep objects that no row names: that is [`objects::Orphans`]'s. Invariant: the row of an image is
//! removed first, in the transaction that makes its object an orphan.

use chrono::TimeDelta;
use db::schedule::Job;

use crate::commands;
use crate::config::Config;
use crate::error::Error;
use crate::state::Delivery;

pub(crate) fn jobs(delivery: &Delivery, config: &Config) -> Vec<Job> {
    let (delivery, max_bytes) = (delivery.clone(), config.rendered_images_bytes);
    vec![Job::every("delivery.sweep", TimeDelta::minutes(10), move |_| {
        let delivery = delivery.clone();
        async move { Ok(sweep(&delivery, max_bytes).await?) }
    })]
}

/// Removes the least recently read images until all of them are under their bound, old tombstones, and members who were
/// erased long ago.
pub(crate) async fn sweep(delivery: &Delivery, max_bytes: u64) -> Result<(), Error> {
    commands::evict_images(delivery, max_bytes).await?;
    commands::remove_tombstones(delivery).await?;
    commands::forget_erased(delivery).await
}
