//! Timed work: made pictures within their bound, and nothing left lying in the store.
//!
//! Invariant: an object goes before the row that remembers it, so a run that dies half-way is finished by the next.

use chrono::TimeDelta;
use kit::schedule::Job;

use crate::config::Config;
use crate::{Delivery, store};

/// A picture that has been unfinished for this long has lost its maker.
const UNFINISHED: TimeDelta = TimeDelta::hours(1);
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

/// Brings the made pictures back under their bound, then removes what no row owns.
pub(crate) async fn sweep(delivery: &Delivery, most: u64) -> Result<(), crate::error::Error> {
    let db = &delivery.context.db;
    let mut kept = store::image_bytes(db.read()).await?;
    if kept > most {
        // A tenth below, so that it does not happen again at the next picture.
        while kept > most / 10 * 9 {
            let evicted = db.write(|tx| Box::pin(async move { store::evict_images(tx, BATCH).await })).await?;
            if evicted.is_empty() {
                break;
            }
            kept = kept.saturating_sub(evicted.iter().map(|(_, _, bytes)| bytes).sum());
            tracing::info!(pictures = evicted.len(), "made pictures that were not read for longest are gone");
            delivery.pictures.remove(evicted.into_iter().map(|(_, object, _)| object).collect()).await?;
        }
    }
    let now = delivery.context.clock.now();
    loop {
        let loose = store::list_loose(db.read(), now - UNFINISHED, BATCH).await?;
        if loose.is_empty() {
            break;
        }
        delivery.pictures.remove(loose).await?;
    }
    db.write(move |tx| Box::pin(async move { store::forget_gone(tx, now - GONE).await })).await?;
    Ok(())
}
