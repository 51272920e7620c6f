//! Finding what of an item can be read besides its file.

use std::sync::Arc;

use base::Transient as _;
use contract::MediaId;
use contract::transcode::Published;

use crate::commands;
use crate::error::Error;
use crate::model::Playback;
use crate::state::Delivery;
use crate::store;

/// Returns what of the item can be read besides its file; empty if nothing can.
pub(crate) async fn get_playback(delivery: &Delivery, id: &MediaId) -> Result<Arc<Playback>, Error> {
    match delivery.catalog.playbacks.get(id, || load(delivery, id)).await {
        Err(Error::NotReady) => Ok(Arc::default()),
        other => other,
    }
}

async fn load(delivery: &Delivery, id: &MediaId) -> Result<Arc<Playback>, Error> {
    let mut published = store::list_published(delivery.context.db.read(), id).await?;
    let nothing = published.renditions.is_empty() && published.assets.is_empty();
    if nothing && !delivery.catalog.unpublished.contains_key(id) {
        let found = delivery.peer_queries.find_published(id).await;
        // The entry begins now, as an unresponsive peer may have taken longer than its lifetime.
        delivery.catalog.unpublished.insert(id.clone(), ()).await;
        if let Some(found) = found {
            record(delivery, &found).await?;
            published = found;
        }
    }
    let generation = delivery.catalog.next_generation();
    let playback = Playback::of(generation, published.renditions, published.segments, published.assets);
    // An empty result is not cached but loaded every time, so that a lost event cannot hide what was published since.
    if playback.is_empty() { Err(Error::NotReady) } else { Ok(Arc::new(playback)) }
}

/// Writes what transcode responded. While it can't be written, it is served all the same.
async fn record(delivery: &Delivery, found: &Published) -> Result<(), Error> {
    match commands::record_published(delivery, found.clone()).await {
        Err(error) if error.is_transient() => {
            tracing::warn!(
                media.id = %found.id,
                %error,
                "the playback of an item could not be written; it is served all the same"
            );
            Ok(())
        }
        recorded => recorded,
    }
}
