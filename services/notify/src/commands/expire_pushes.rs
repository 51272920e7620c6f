//! Dropping pushes that have waited for too long, and forgetting those that can't be withdrawn any more.
//!
//! Invariant: a push that waits is dropped here only after its time, and is counted; what a device shows of an earlier
//! one of its group can still be withdrawn.

use db::Lane;
use db::schedule::Run;

use super::settle_pushes::SHOWN_FOR;
use crate::error::Error;
use crate::state::Notify;
use crate::store::push_expiry;

/// Rows of one transaction.
const BATCH_ROWS: usize = 500;

/// Removes all pushes that have expired.
pub(crate) async fn expire_pushes(notify: &Notify, run: &Run) -> Result<(), Error> {
    let now = notify.context.clock.now();
    loop {
        let run = run.clone();
        let (kept, (removed, waited)) = notify
            .context
            .db
            .write(Lane::ALL, async move |tx| {
                run.fence(tx).await?;
                let kept = push_expiry::keep_shown(tx, (now, now + SHOWN_FOR), BATCH_ROWS).await?;
                // What is kept has a later end; more of it may have expired than one step keeps.
                let is_last = kept < BATCH_ROWS as u64;
                let removed = if is_last { push_expiry::remove_expired(tx, now, BATCH_ROWS).await? } else { (0, 0) };
                Ok::<_, Error>((kept, removed))
            })
            .await?;
        notify.metrics.pushes_expired.inc_by(kept + waited);
        if kept.max(removed) < BATCH_ROWS as u64 {
            return Ok(());
        }
    }
}
