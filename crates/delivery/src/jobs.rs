//! The scheduled job that keeps rendered images within their bound.
//!
//! Does not sweep objects that no row names: that is [`kit::objects::Orphans`]'s. Invariant: the row of an image is
//! removed first, in the transaction that makes its object an orphan.

use chrono::TimeDelta;
use kit::schedule::Job;

use crate::config::Config;
use crate::{Delivery, store};

/// How long tombstones are kept. No event about an item can arrive this long after its deletion: the bus keeps 7 days.
const TOMBSTONE_TTL: TimeDelta = TimeDelta::days(30);
const BATCH: u64 = 200;

pub(crate) fn jobs(delivery: &Delivery, config: &Config) -> Vec<Job> {
    let (delivery, max_bytes) = (delivery.clone(), config.rendered_images_bytes);
    vec![Job::every("delivery.sweep", TimeDelta::minutes(10), move |_| {
        let delivery = delivery.clone();
        async move { Ok(sweep(&delivery, max_bytes).await?) }
    })]
}

/// Removes the least recently read images until all of them are under their bound, and old tombstones.
pub(crate) async fn sweep(delivery: &Delivery, max_bytes: u64) -> Result<(), crate::error::Error> {
    let (db, now) = (&delivery.context.db, delivery.context.clock.now());
    let mut total = store::sum_image_bytes(db.read()).await?;
    if total > max_bytes {
        // A tenth below, so that the next image does not exceed the bound again.
        while total > max_bytes / 10 * 9 {
            let evicted = db
                .write(move |tx| Box::pin(async move { store::remove_least_recently_read(tx, BATCH, now).await }))
                .await?;
            if evicted.is_empty() {
                break;
            }
            total = total.saturating_sub(evicted.iter().map(|(_, _, bytes)| bytes).sum());
            tracing::info!(images = evicted.len(), "the least recently read images were removed");
            delivery.image_renderer.remove(evicted.into_iter().map(|(_, object, _)| object).collect()).await?;
        }
    }
    db.write(move |tx| Box::pin(async move { store::remove_tombstones(tx, now - TOMBSTONE_TTL).await })).await?;
    Ok(())
}
