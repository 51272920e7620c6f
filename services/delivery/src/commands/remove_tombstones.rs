//! Old tombstones are removed.

use chrono::TimeDelta;
use db::Lane;

use crate::error::Error;
use crate::state::Delivery;
use crate::store;

/// How long tombstones are kept. No event about an item can arrive this long after its deletion: the bus keeps 7 days.
const TOMBSTONE_TTL: TimeDelta = TimeDelta::days(30);
/// Tombstones of one transaction.
const BATCH: u64 = 500;

/// Removes the tombstones of items about which no event can arrive any more.
pub(crate) async fn remove_tombstones(delivery: &Delivery) -> Result<(), Error> {
    let before = delivery.context.clock.now() - TOMBSTONE_TTL;
    loop {
        // A lane of its own: a single statement, on rows that no other write needs any more.
        let removed = delivery
            .context
            .db
            .write(Lane::of("tombstones"), async move |tx| store::remove_tombstones(tx, before, BATCH).await)
            .await?;
        if removed < BATCH {
            return Ok(());
        }
    }
}
