//! Removing cases that were decided long ago, with their evidence.
//!
//! Invariant: it can run at any time and any number of times, and removes only what is due.

use chrono::TimeDelta;
use db::Lane;
use db::schedule::Run;

use crate::error::Error;
use crate::state::Moderation;
use crate::store::{cases, decisions, erasure, reports};

/// Rows of each table per transaction. Small, so that other writes never wait long.
const BATCH_ROWS: usize = 200;
/// How long an erased account, and a report that was closed first, is remembered. No event about it can arrive any more
/// then: the bus keeps 7 days.
const LATE_TTL: TimeDelta = TimeDelta::days(30);

/// Removes what is too old, in batches.
pub(crate) async fn remove_old(moderation: &Moderation, run: &Run) -> Result<(), Error> {
    let now = moderation.context.clock.now();
    let before = now - moderation.config.case_age();
    loop {
        let run = run.clone();
        let removed = moderation
            .context
            .db
            .write(Lane::ALL, async move |tx| {
                run.fence(tx).await?;
                let reports = reports::remove_old(tx, before, BATCH_ROWS).await?;
                let cases = cases::remove_old(tx, before, BATCH_ROWS).await?;
                let decisions = decisions::remove_old(tx, before, BATCH_ROWS).await?;
                let erased = erasure::remove_old(tx, now - LATE_TTL, BATCH_ROWS).await?;
                let closed = reports::remove_old_closed(tx, now - LATE_TTL, BATCH_ROWS).await?;
                Ok::<_, Error>(reports.max(cases).max(decisions).max(erased).max(closed))
            })
            .await?;
        if removed < BATCH_ROWS as u64 {
            return Ok(());
        }
    }
}
