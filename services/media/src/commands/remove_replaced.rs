//! Removing originals that were replaced by shorter ones.
//!
//! Invariant: an original is removed [`KEPT_FOR`] after it was replaced, when every role has heard of it, or with the
//! last item that had it.

use chrono::TimeDelta;
use db::Lane;

use crate::Media;
use crate::store;

/// How long a replaced original is kept: for a day without `delivery`, and for downloads that go on.
const KEPT_FOR: TimeDelta = TimeDelta::days(1);
/// Rows of one transaction.
const BATCH_ROWS: usize = 200;
/// The lane of the rows whose time is up.
const LANE: &str = "replaced objects";

/// Makes orphans of the originals whose time is up. The sweep of orphans removes them.
pub(crate) async fn remove_replaced(media: &Media) -> Result<(), db::Error> {
    let now = media.context.clock.now();
    loop {
        let released = media
            .context
            .db
            .write(Lane::of(LANE), async move |tx| {
                store::night_shift::release_before(tx, now - KEPT_FOR, BATCH_ROWS, now).await
            })
            .await?;
        if released < BATCH_ROWS {
            return Ok(());
        }
    }
}
