//! An item has another name or visibility, or was moved to the trash or out of it.

use contract::media::Changed;
use db::Lane;

use super::receive::receive;
use crate::error::Error;
use crate::state::Delivery;
use crate::store;

/// Applies a change. A change that arrives before its item fetches the item.
pub(crate) async fn change(delivery: &Delivery, changed: Changed) -> Result<(), Error> {
    if update(delivery, &changed).await? {
        delivery.catalog.invalidate(&changed.id);
    } else if let Some(received) = delivery.peer_queries.find_received(&changed.id).await?
        && !receive(delivery, received, changed.version).await?
    {
        // The item arrived meanwhile, in its state before the change.
        update(delivery, &changed).await?;
        delivery.catalog.invalidate(&changed.id);
    }
    Ok(())
}

/// Returns `false` if the item does not exist.
async fn update(delivery: &Delivery, changed: &Changed) -> Result<bool, Error> {
    let (lane, changed) = (Lane::of(&changed.id), changed.clone());
    Ok(delivery.context.db.write(lane, async move |tx| store::update_item(tx, &changed).await).await?)
}
