//! The least recently read images are removed.

use db::Lane;

use crate::error::Error;
use crate::state::Delivery;
use crate::store;

/// Images of one transaction.
const BATCH: u64 = 200;

/// Removes the least recently read images until all of them are under their bound of `max_bytes`.
pub(crate) async fn evict_images(delivery: &Delivery, max_bytes: u64) -> Result<(), Error> {
    let (db, now) = (&delivery.context.db, delivery.context.clock.now());
    let mut total = store::sum_image_bytes(db.read()).await?;
    if total <= max_bytes {
        return Ok(());
    }
    // A tenth below, so that the next image does not exceed the bound again.
    while total > max_bytes / 10 * 9 {
        // All lanes: it removes images of many items, and the lane of none of them is known before.
        let evicted =
            db.write(Lane::ALL, async move |tx| store::remove_least_recently_read(tx, BATCH, now).await).await?;
        if evicted.is_empty() {
            break;
        }
        total = total.saturating_sub(evicted.iter().map(|(_, _, bytes)| bytes).sum());
        tracing::info!(images = evicted.len(), "the least recently read images were removed");
        delivery.image_renderer.remove(evicted.into_iter().map(|(_, object, _)| object).collect()).await?;
    }
    Ok(())
}
