//! Finding an item.

use std::sync::Arc;

use base::Transient as _;
use contract::{AccountId, MediaId};

use crate::commands;
use crate::error::Error;
use crate::model::{Item, MemberStanding};
use crate::state::Delivery;
use crate::store;

/// Returns the item, or [`Error::NotFound`], also while its owner is suspended.
pub(crate) async fn get_item(delivery: &Delivery, id: &MediaId) -> Result<Arc<Item>, Error> {
    let item = delivery.catalog.items.get(id, || load(delivery, id)).await?;
    let standing = delivery.catalog.standings.get(&item.owner, || load_standing(delivery, item.owner)).await?;
    if standing.hides_items(delivery.context.clock.now()) { Err(Error::NotFound) } else { Ok(item) }
}

async fn load_standing(delivery: &Delivery, owner: AccountId) -> Result<MemberStanding, Error> {
    Ok(store::find_standing(delivery.context.db.read(), owner).await?)
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
