//! Finding an item.

use std::sync::Arc;

use base::Transient as _;
use contract::MediaId;

use crate::commands;
use crate::error::Error;
use crate::model::Item;
use crate::state::Delivery;
use crate::store;

/// Returns the item, or [`Error::NotFound`].
pub(crate) async fn get_item(delivery: &Delivery, id: &MediaId) -> Result<Arc<Item>, Error> {
    delivery.catalog.items.get(id, || load(delivery, id)).await
}

async fn load(delivery: &Delivery, id: &MediaId) -> Result<Arc<Item>, Error> {
    let db = delivery.context.db.read();
    if let Some(item) = store::find_item(db, id).await? {
        return Ok(Arc::new(item));
    }
    if store::is_deleted(db, id).await? {
        return Err(Error::NotFound);
    }
    let received = delivery.peer_queries.find_received(id).await?.ok_or(Error::NotFound)?;
    let announced = Item::from(&received);
    match commands::receive(delivery, received, 0).await {
        Ok(_) => store::find_item(db, id).await?.map(Arc::new).ok_or(Error::NotFound),
        // The disk is full or writers wait: reading continues, and the event will bring the row.
        Err(error) if error.is_transient() => {
            tracing::warn!(media.id = %id, %error, "an item could not be written; it is served all the same");
            Ok(Arc::new(announced))
        }
        Err(error) => Err(error),
    }
}
