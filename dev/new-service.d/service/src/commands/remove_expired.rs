//! Removing expired entries.
//!
//! Invariant: it can run at any time and any number of times, and removes only what is due.

use db::Lane;
use db::schedule::Run;

use crate::error::Error;
use crate::state::NewService;
use crate::store;

/// Rows per transaction. Small, so that other writes never wait long.
const BATCH_ROWS: u64 = 500;

/// Removes all entries that are too old, in batches.
pub(crate) async fn remove_expired(newservice: &NewService, run: &Run) -> Result<(), Error> {
    let Some(ttl) = newservice.config.entry_ttl() else { return Ok(()) };
    let before = newservice.context.clock.now() - ttl;
    loop {
        let run = run.clone();
        let removed = newservice
            .context
            .db
            .write(Lane::ALL, async move |tx| {
                run.fence(tx).await?;
                Ok::<_, Error>(store::entries::remove_old(tx, before, BATCH_ROWS).await?)
            })
            .await?;
        if removed > 0 {
            tracing::info!(entries = removed, "expired entries were removed");
        }
        if removed < BATCH_ROWS {
            return Ok(());
        }
    }
}
