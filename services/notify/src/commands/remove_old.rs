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
use crate::store::{
    announcements, dates, ended_sessions, fan_outs, mails, media, people, post_audiences, relations, reminders, removed,
};

/// Rows of each table per transaction.
const BATCH_ROWS: usize = 500;
/// How long it is remembered what is over. No event about it can arrive any more then: the bus keeps 7 days.
const REMEMBERED: TimeDelta = TimeDelta::days(30);

/// Removes what is too old.
pub(crate) async fn remove_old(notify: &Notify, run: &Run) -> Result<(), Error> {
    let now = notify.context.clock.now();
    withdraw(notify, &Withdrawn::Before(now - notify.config.age())).await?;
    let (before, ended_before) = (now - REMEMBERED, now - notify.config.age());
    loop {
        let run = run.clone();
        let removed = notify
            .context
            .db
            .write(Lane::ALL, async move |tx| {
                run.fence(tx).await?;
                let subjects = removed::remove(tx, before, BATCH_ROWS).await?;
                let erased = people::remove_erased(tx, before, BATCH_ROWS).await?;
                let sessions = ended_sessions::remove(tx, before, BATCH_ROWS).await?;
                let ended = relations::remove_ended(tx, before, BATCH_ROWS).await?;
                let files = media::remove_old(tx, before, BATCH_ROWS).await?;
                let fan_outs = fan_outs::remove_old(tx, before, BATCH_ROWS).await?;
                let audiences = post_audiences::remove_old(tx, before, BATCH_ROWS).await?;
                // A notice is mailed once for as long as it can be in a list.
                let mails = mails::remove_old(tx, before.min(ended_before), BATCH_ROWS).await?;
                let dates = dates::remove_old(tx, before, BATCH_ROWS).await?;
                let reminders = reminders::remove_old(tx, ended_before, BATCH_ROWS).await?;
                let announced = announcements::remove_old(tx, ended_before, BATCH_ROWS).await?;
                let removed =
                    [subjects, erased, sessions, ended, files, fan_outs, audiences, mails, dates, reminders, announced];
                Ok::<_, Error>(removed.into_iter().max().unwrap_or_default())
            })
            .await?;
        if removed < BATCH_ROWS as u64 {
            return Ok(());
        }
    }
}
