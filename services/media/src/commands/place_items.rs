//! Puts items of earlier releases, which knew no lists, into the lists that they belong to.
//!
//! Invariant: until it has run, such an item is in the library, and no item is in two lists.

use db::{Db, Lane};

use crate::error::Error;
use crate::store;

/// Items that one transaction places.
const BATCH: usize = 100;

/// Places the items that are staged or claimed for an avatar and still in the library. Returns their number.
pub(crate) async fn place_items(db: &Db) -> Result<usize, Error> {
    let mut placed = 0;
    loop {
        let ids = store::items::list_unplaced(db.read(), BATCH).await?;
        if ids.is_empty() {
            return Ok(placed);
        }
        placed += ids.len();
        db.write(Lane::of_each(&ids), async move |tx| {
            for id in &ids {
                store::items::set_placed(tx, id).await?;
            }
            Ok::<_, Error>(())
        })
        .await?;
    }
}
