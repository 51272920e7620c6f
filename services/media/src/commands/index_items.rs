//! Indexes items for search, whose current version is not indexed: those of earlier releases.
//!
//! Invariant: the terms of an item and its indexed version are one transaction.

use db::Lane;

use crate::Media;
use crate::error::Error;
use crate::model::Item;
use crate::store;

/// Items that one transaction indexes: some hundreds of rows.
const INDEX_BATCH: usize = 20;

/// Indexes the items whose current version is not indexed. Returns their number.
pub(crate) async fn index_items(media: &Media) -> Result<usize, Error> {
    let mut indexed = 0;
    loop {
        let items = store::items::list_unindexed(media.context.db.read(), INDEX_BATCH).await?;
        if items.is_empty() {
            return Ok(indexed);
        }
        indexed += items.len();
        index(media, items).await?;
    }
}

/// Indexes these items, except those that have changed since they were read.
async fn index(media: &Media, items: Vec<Item>) -> Result<(), Error> {
    let lane = Lane::of_each(items.iter().map(|item| &item.id));
    media
        .context
        .db
        .write(lane, async move |tx| {
            for item in &items {
                if store::search_index::set_indexed(tx, item).await? {
                    store::search_index::insert(tx, item).await?;
                }
            }
            Ok::<_, Error>(())
        })
        .await
}
