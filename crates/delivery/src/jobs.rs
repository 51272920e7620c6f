//! Timed work: made pictures within their bound.
//!
//! Does not own sweeping objects that nothing names: that is [`kit::objects::Orphans`]'. Invariant: a picture's row goes first, in the transaction that
//! makes its object an orphan.

use chrono::TimeDelta;
use kit::schedule::Job;

use crate::config::Config;
use crate::{Delivery, store};

/// No event about an item can come this long after it was deleted: the bus keeps 7 days.
const TOMBSTONE_TTL: TimeDelta = TimeDelta::days(30);
const BATCH: u64 = 200;

pub(crate) fn jobs(delivery: &Delivery, config: &Config) -> Vec<Job> {
    let (delivery, max_bytes) = (delivery.clone(), config.rendered_images_bytes);
    vec![Job::every("delivery.sweep", TimeDelta::minutes(10), move |_| {
        let delivery = delivery.clone();
        async move { Ok(sweep(&delivery, max_bytes).await?) }
    })]
}

/// Brings the made pictures back under their bound.
pub(crate) async fn sweep(delivery: &Delivery, max_bytes: u64) -> Result<(), crate::error::Error> {
    let (db, now) = (&delivery.context.db, delivery.context.clock.now());
    let mut total = store::sum_image_bytes(db.read()).await?;
    if total > max_bytes {
        // A tenth below, so that it does not happen again at the next picture.
        while total > max_bytes / 10 * 9 {
            let evicted = db.write(move |tx| Box::pin(async move { store::remove_least_recently_read(tx, BATCH, now).await })).await?;
            if evicted.is_empty() {
                break;
            }
            total = total.saturating_sub(evicted.iter().map(|(_, _, bytes)| bytes).sum());
            tracing::info!(pictures = evicted.len(), "made pictures that were not read for longest are gone");
            delivery.image_renderer.remove(evicted.into_iter().map(|(_, object, _)| object).collect()).await?;
        }
    }
    db.write(move |tx| Box::pin(async move { store::remove_tombstones(tx, now - TOMBSTONE_TTL).await })).await?;
    Ok(())
}
