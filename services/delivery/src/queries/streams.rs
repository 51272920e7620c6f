//! Finding the streams of several items.

use contract::MediaId;
use contract::delivery::Stream;
use futures::{StreamExt as _, TryStreamExt as _};

use super::{get_item, get_playback};
use crate::error::Error;
use crate::state::Delivery;

/// Items that are read at once.
const MAX_CONCURRENT_READS: usize = 8;

/// Returns the streams of those of these items that a signed URL opens, in this order.
pub(crate) async fn list_streams(delivery: &Delivery, ids: Vec<MediaId>) -> Result<Vec<Stream>, Error> {
    let reads = ids.into_iter().map(|id| find_stream(delivery, id));
    let found: Vec<Option<Stream>> = futures::stream::iter(reads).buffered(MAX_CONCURRENT_READS).try_collect().await?;
    Ok(found.into_iter().flatten().collect())
}

async fn find_stream(delivery: &Delivery, id: MediaId) -> Result<Option<Stream>, Error> {
    match get_item(delivery, &id).await {
        Ok(item) if !item.trashed => {
            let playback = get_playback(delivery, &id).await?;
            Ok(Some(Stream { id, renditions: playback.stream_renditions() }))
        }
        Ok(_) | Err(Error::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}
