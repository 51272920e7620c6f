//! An item is deleted.

use contract::media::Deleted;
use db::Lane;

use crate::error::Error;
use crate::state::Delivery;
use crate::store;

/// Deletes an item and its rendered images.
pub(crate) async fn delete(delivery: &Delivery, deleted: Deleted) -> Result<(), Error> {
    let (id, now) = (deleted.id.clone(), delivery.context.clock.now());
    let objects = delivery
        .context
        .db
        .write(Lane::of(&deleted.id), async move |tx| store::remove_item(tx, &id, now).await)
        .await?;
    delivery.catalog.invalidate(&deleted.id);
    delivery.image_renderer.remove(objects).await
}
