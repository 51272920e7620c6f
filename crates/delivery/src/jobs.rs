//! Timed work: made pictures within their bound.
//!
//! Does not own sweeping objects that nothing names: that is [`kit::objects::Orphans`]'. Invariant: a picture's row goes first, in the transaction that
//! makes its object an orphan.

use chrono::TimeDelta;
use kit::schedule::Job;

use crate::config::Config;
use crate::{Delivery, store};

/// No event about an item can come this long after it was deleted: the bus keeps 7 days.
const GONE: TimeDelta = TimeDelta::days(30);
const BATCH: u64 = 200;

pub(crate) fn jobs(delivery: &Delivery, config: &Config) -> Vec<Job> {
    let (delivery, most) = (delivery.clone(), config.kept_picture_bytes);
    vec![Job::every("delivery.sweep", TimeDelta::minutes(10), move |_| {
        let delivery = delivery.clone();
        async move { Ok(sweep(&delivery, most).await?) }
    })]
}

/// Brings the made pictures back under their bound.
pub(crate) async fn sweep(delivery: &Delivery, most: u64) -> Result<(), crate::error::Error> {
    let (db, now) = (&delivery.context.db, delivery.context.clock.now());
    let mut kept = store::image_bytes(db.read()).await?;
    if kept > most {
        // A tenth below, so that it does not happen again at the next picture.
        while kept > most / 10 * 9 {
            let evicted = db.write(move |tx| Box::pin(async move { store::evict_images(tx, BATCH, now).await })).await?;
            if evicted.is_empty() {
                break;
            }
            kept = kept.saturating_sub(evicted.iter().map(|(_, _, bytes)| bytes).sum());
            tracing::info!(pictures = evicted.len(), "made pictures that were not read for longest are gone");
            delivery.pictures.remove(evicted.into_iter().map(|(_, object, _)| object).collect()).await?;
        }
    }
    db.write(move |tx| Box::pin(async move { store::forget_gone(tx, now - GONE).await })).await?;
    Ok(())
}
