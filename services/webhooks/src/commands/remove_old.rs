//! Removing the log of more than 30 days, accounts that were erased before that, and what removed webhooks left.
//!
//! Invariant: it can run at any time and any number of times, and removes only what is due.

use chrono::{DateTime, TimeDelta, Utc};
use db::Lane;
use db::schedule::Run;

use crate::error::Error;
use crate::state::Webhooks;
use crate::store;
use crate::store::deliveries::Doomed;

/// How long a delivery is kept, from when it was recorded.
const RETENTION: TimeDelta = TimeDelta::days(30);
/// Deliveries per transaction. Small, as each may have twenty attempts.
pub(super) const BATCH_ROWS: i64 = 100;
/// Removed webhooks that are deleted in one run.
const MAX_REMOVED: i64 = 100;

/// Removes all deliveries that are too old, and removed webhooks with theirs, in batches.
pub(crate) async fn remove_old(webhooks: &Webhooks, run: &Run) -> Result<(), Error> {
    let db = &webhooks.context.db;
    let before = webhooks.context.clock.now() - RETENTION;
    delete_all(webhooks, run, Doomed::Before(before)).await?;
    forget_erased(webhooks, run, before).await?;
    for id in store::webhooks::list_removed(db.read(), MAX_REMOVED).await? {
        delete_all(webhooks, run, Doomed::OfWebhook(id)).await?;
        db.write(Lane::of(&id), async move |tx| store::webhooks::delete(tx, id).await).await?;
    }
    Ok(())
}

/// Forgets the accounts that were erased before a time. No event about them can arrive any more: the bus keeps 7 days.
async fn forget_erased(webhooks: &Webhooks, run: &Run, before: DateTime<Utc>) -> Result<(), Error> {
    loop {
        let run = run.clone();
        let deleted = webhooks
            .context
            .db
            .write(Lane::ALL, async move |tx| {
                run.fence(tx).await?;
                Ok::<_, Error>(store::erased_accounts::delete_old(tx, before, BATCH_ROWS).await?)
            })
            .await?;
        if deleted == 0 {
            return Ok(());
        }
    }
}

async fn delete_all(webhooks: &Webhooks, run: &Run, doomed: Doomed) -> Result<(), Error> {
    loop {
        let run = run.clone();
        let deleted = webhooks
            .context
            .db
            .write(Lane::ALL, async move |tx| {
                run.fence(tx).await?;
                Ok::<_, Error>(store::deliveries::delete(tx, doomed, BATCH_ROWS).await?)
            })
            .await?;
        if deleted == 0 {
            return Ok(());
        }
        tracing::info!(deliveries = deleted, "old deliveries were removed");
    }
}
