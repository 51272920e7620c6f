//! Letting reminders fire that are due, and telling their members.
//!
//! A firing is one transaction: the row, as it follows the newest version of its date, and the event that tells the
//! member. Invariant: a reminder fires once for each time that it is set or put off, by any number of processes, and
//! not at a time that its date has left before.

use base::Event;
use contract::AccountId;
use contract::notify::NoticeKind;
use db::Lane;
use db::schedule::Run;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::set_date::followed;
use super::tell::tell;
use crate::error::Error;
use crate::model::{Proposal, Reminder, ReminderState};
use crate::state::Notify;
use crate::store::reminders;

/// Reminders that are read at once.
const BATCH: usize = 200;

/// `notify.reminder_fired`: a reminder has fired, and its member is to be told. For this role itself: the history may
/// be another engine's, which has no part in the transaction of the row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ReminderFired {
    reminder: Uuid,
    member: AccountId,
    /// Which firing it is.
    version: i64,
}

impl Event for ReminderFired {
    const SUBJECT: &'static str = "notify.reminder_fired";
}

/// Lets all reminders fire that are due.
pub(crate) async fn fire_reminders(notify: &Notify, run: &Run) -> Result<(), Error> {
    loop {
        let now = notify.context.clock.now();
        let due = reminders::list_due(notify.context.db.read(), now, BATCH).await?;
        for reminder in &due {
            fire(notify, run, reminder).await?;
        }
        if due.len() < BATCH {
            return Ok(());
        }
    }
}

/// Lets a reminder fire, or moves or cancels it with its date, if it still waits and is due.
async fn fire(notify: &Notify, run: &Run, due: &Reminder) -> Result<(), Error> {
    let (member, id, now, run) = (due.member, due.id, notify.context.clock.now(), run.clone());
    let is_due = move |reminder: &Reminder| reminder.state == ReminderState::Waiting && reminder.at <= now;
    let written = notify.context.db.write(Lane::of(&member), async move |tx| {
        run.fence(tx).await?;
        let Some(found) = reminders::find(tx, member, id).await?.filter(is_due) else { return Ok(()) };
        let reminder = followed(tx, found, now).await?;
        let reminder = if is_due(&reminder) { reminder.fire(now) } else { reminder };
        reminders::update(tx, &reminder).await?;
        if reminder.state == ReminderState::Fired {
            tx.publish(&ReminderFired { reminder: id, member, version: reminder.version }, now)?;
        }
        Ok::<_, Error>(())
    });
    written.await
}

/// Tells a member of a reminder that has fired. One that was removed meanwhile is not told of.
pub(crate) async fn tell_of_reminder(notify: &Notify, fired: &ReminderFired) -> Result<(), Error> {
    let ReminderFired { reminder, member, version } = fired;
    let entry = format!("{reminder}:{version}");
    tell(notify, vec![Proposal::by_entry(NoticeKind::Reminder, *member, None, Some(reminder), entry)]).await
}

#[cfg(test)]
mod tests;
