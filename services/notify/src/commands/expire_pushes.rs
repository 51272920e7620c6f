//! Dropping pushes that have waited for too long, and forgetting those that can't be withdrawn any more.
//!
//! Invariant: a push that waits is dropped here only after its time, and is counted.

use db::Lane;
use db::schedule::Run;

use crate::error::Error;
use crate::state::Notify;
use crate::store::pushes;

/// Rows of one transaction.
const BATCH_ROWS: usize = 500;

/// Removes all pushes that have expired.
pub(crate) async fn expire_pushes(notify: &Notify, run: &Run) -> Result<(), Error> {
    let now = notify.context.clock.now();
    loop {
        let run = run.clone();
        let (removed, waited) = notify
            .context
            .db
            .write(Lane::ALL, async move |tx| {
                run.fence(tx).await?;
                Ok::<_, Error>(pushes::remove_expired(tx, now, BATCH_ROWS).await?)
            })
            .await?;
        notify.metrics.pushes_expired.inc_by(waited);
        if removed < BATCH_ROWS as u64 {
            return Ok(());
        }
    }
}
