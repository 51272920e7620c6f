//! Forgets items that were deleted long ago.

use chrono::TimeDelta;
use db::Lane;

use crate::error::Error;
use crate::state::Worker;
use crate::store;

/// A deleted item is remembered for this long, for late events (the bus keeps them for 7 days).
const DELETED_RETENTION: TimeDelta = TimeDelta::days(8);

/// Removes the rows of items that were deleted before that.
///
/// It needs no item's lane: it is one statement, and a row that another write changes meanwhile is checked again.
pub(crate) async fn forget_deleted(worker: &Worker) -> Result<(), Error> {
    let before = worker.context.clock.now() - DELETED_RETENTION;
    worker
        .context
        .db
        .write(Lane::NONE, async move |tx| {
            store::remove_deleted(tx, before).await?;
            Ok(())
        })
        .await
}
