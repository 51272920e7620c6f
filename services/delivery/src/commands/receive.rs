//! An item is announced.

use contract::media::Received;
use db::Lane;

use crate::error::Error;
use crate::state::Delivery;
use crate::store;

/// Inserts an announced item. Returns `false` if it exists or was deleted. `version` is that of the last change that it
/// includes.
pub(crate) async fn receive(delivery: &Delivery, received: Received, version: u64) -> Result<bool, Error> {
    let id = received.id.clone();
    let is_new = delivery
        .context
        .db
        .write(Lane::of(&id), async move |tx| store::insert_item(tx, &received, version).await)
        .await?;
    // A known item stays cached: invalidating it would send the next reader to the database for nothing.
    if is_new {
        delivery.catalog.invalidate(&id);
    }
    Ok(is_new)
}
