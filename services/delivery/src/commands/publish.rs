//! Renditions, segments and assets are published.

use contract::transcode::Published;
use db::Lane;

use crate::error::Error;
use crate::state::Delivery;
use crate::store;

/// Applies published renditions, segments and assets.
pub(crate) async fn publish(delivery: &Delivery, published: Published) -> Result<(), Error> {
    let id = published.id.clone();
    record_published(delivery, published).await?;
    delivery.catalog.invalidate(&id);
    Ok(())
}

/// Writes what is published, for a reader that is loading it. Invalidates nothing.
pub(crate) async fn record_published(delivery: &Delivery, published: Published) -> Result<(), Error> {
    let lane = Lane::of(&published.id);
    delivery.context.db.write(lane, async move |tx| store::upsert_published(tx, &published).await).await?;
    Ok(())
}
