//! Removing notices that are too old, and rows that only count for a while.
//!
//! Invariant: it can run at any time and any number of times, removes only what is due, and in small steps.

use chrono::TimeDelta;
use db::Lane;
use db::schedule::Run;

use super::withdraw::withdraw;
use crate::error::Error;
use crate::history::Withdrawn;
use crate::state::Notify;
use crate::store::{fan_outs, media, people, relations, removed};

/// Rows of each table per transaction.
const BATCH_ROWS: usize = 500;
/// How long it is remembered what is over. No event about it can arrive any more then: the bus keeps 7 days.
const REMEMBERED: TimeDelta = TimeDelta::days(30);

/// Removes what is too old.
pub(crate) async fn remove_old(notify: &Notify, run: &Run) -> Result<(), Error> {
    let now = notify.context.clock.now();
    withdraw(notify, &Withdrawn::Before(now - notify.config.age())).await?;
    let before = now - REMEMBERED;
    loop {
        let run = run.clone();
        let removed = notify
            .context
            .db
            .write(Lane::ALL, async move |tx| {
                run.fence(tx).await?;
                let subjects = removed::remove(tx, before, BATCH_ROWS).await?;
                let erased = people::remove_erased(tx, before, BATCH_ROWS).await?;
                let ended = relations::remove_off(tx, before, BATCH_ROWS).await?;
                let files = media::remove_old(tx, before, BATCH_ROWS).await?;
                let fan_outs = fan_outs::remove_old(tx, before, BATCH_ROWS).await?;
                Ok::<_, Error>(subjects.max(erased).max(ended).max(files).max(fan_outs))
            })
            .await?;
        if removed < BATCH_ROWS as u64 {
            return Ok(());
        }
    }
}
