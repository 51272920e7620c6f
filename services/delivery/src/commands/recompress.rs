//! The original of an item is stored in fewer bytes, under another key.

use contract::media::Recompressed;
use db::Lane;

use super::receive::receive;
use crate::error::Error;
use crate::state::Delivery;
use crate::store;

/// Serves the new original from now on. An event that arrives before its item fetches the item, which has it already.
pub(crate) async fn recompress(delivery: &Delivery, recompressed: Recompressed) -> Result<(), Error> {
    let id = recompressed.id.clone();
    let is_known = delivery
        .context
        .db
        .write(Lane::of(&id), async move |tx| store::replace_original(tx, &recompressed).await)
        .await?;
    if is_known {
        delivery.catalog.invalidate(&id);
    } else if let Some(received) = delivery.peer_queries.find_received(&id).await? {
        receive(delivery, received, 0).await?;
    }
    Ok(())
}
