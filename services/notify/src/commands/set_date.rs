//! Recording when something is, and moving the reminders that follow it.
//!
//! Invariant: the date is stored before the reminders are moved, and a reminder that is due looks at the date again
//! before it fires; so one that fires meanwhile fires at the old time or at the new one, and once.

use chrono::{DateTime, Utc};
use contract::AccountId;
use db::{Lane, Tx};
use uuid::Uuid;

use crate::error::Error;
use crate::model::{DatedSubject, Reminder, ReminderState};
use crate::state::Notify;
use crate::store::{dates, people, reminders, removed};

/// Reminders that are read at once.
const BATCH: usize = 200;

/// Sets a date, and who may set reminders relative to it, unless a newer version is there or its subject was removed.
pub(crate) async fn set_date(notify: &Notify, dated: DatedSubject, members: Vec<AccountId>) -> Result<(), Error> {
    let (subject, now) = (dated.subject, notify.context.clock.now());
    let written = notify.context.db.write(Lane::of(&subject), async move |tx| {
        let is_removed = !removed::list(tx, &[subject.to_string()]).await?.is_empty();
        let found = dates::find(tx, subject).await?;
        if is_removed || found.is_some_and(|found| found.version > dated.version) {
            return Ok(false);
        }
        let erased = people::list_erased(tx, &members).await?;
        let members: Vec<AccountId> = members.into_iter().filter(|member| !erased.contains(member)).collect();
        dates::set(tx, &dated, &members, now).await?;
        Ok::<_, Error>(true)
    });
    if written.await? {
        move_reminders(notify, subject).await?;
    }
    Ok(())
}

/// Cancels the date of something that is gone for good, and the reminders that follow it.
pub(crate) async fn cancel_date(notify: &Notify, subject: Uuid) -> Result<(), Error> {
    let now = notify.context.clock.now();
    let written = notify.context.db.write(Lane::of(&subject), async move |tx| {
        // A date that arrives late finds it.
        removed::insert(tx, &subject.to_string(), now).await?;
        let Some(found) = dates::find(tx, subject).await? else { return Ok(false) };
        dates::set(tx, &DatedSubject { date: None, ..found }, &[], now).await?;
        Ok::<_, Error>(true)
    });
    if written.await? {
        move_reminders(notify, subject).await?;
    }
    Ok(())
}

async fn move_reminders(notify: &Notify, subject: Uuid) -> Result<(), Error> {
    let mut after = Uuid::nil();
    loop {
        let page = reminders::list_about(notify.context.db.read(), subject, after, BATCH).await?;
        for reminder in &page {
            move_one(notify, reminder).await?;
        }
        match page.last() {
            Some(last) if page.len() == BATCH => after = last.id,
            _ => return Ok(()),
        }
    }
}

async fn move_one(notify: &Notify, reminder: &Reminder) -> Result<(), Error> {
    let (member, id, now) = (reminder.member, reminder.id, notify.context.clock.now());
    let written = notify.context.db.write(Lane::of(&member), async move |tx| {
        let found = reminders::find(tx, member, id).await?;
        let Some(found) = found.filter(|found| found.state == ReminderState::Waiting) else { return Ok(()) };
        let moved = followed(tx, found.clone(), now).await?;
        if moved != found {
            reminders::update(tx, &moved).await?;
        }
        Ok::<_, Error>(())
    });
    written.await
}

/// Returns a reminder that waits as it follows the newest version of its date. A date that is long over is forgotten,
/// and changes nothing.
pub(super) async fn followed(tx: &Tx, reminder: Reminder, now: DateTime<Utc>) -> Result<Reminder, db::Error> {
    let Some(subject) = reminder.rule.subject() else { return Ok(reminder) };
    if dates::find(tx, subject).await?.is_none() {
        return Ok(reminder);
    }
    let dated = dates::find_for(tx, subject, reminder.member).await?;
    Ok(reminder.follow(dated.as_ref(), now))
}
