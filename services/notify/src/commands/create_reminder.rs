//! Setting a reminder.
//!
//! Invariant: a member has a bounded number of reminders; one that follows a date has the version of that date at the
//! time of its insert, because both are written in the lane of what has the date.

use contract::AccountId;
use db::Lane;
use http_server::Effect;

use crate::error::Error;
use crate::model::{Reminder, ReminderState, Rule, is_ahead};
use crate::state::Notify;
use crate::store::{dates, people, reminders};

/// Reminders that a member may have, those that have fired included.
const MAX_REMINDERS: u64 = 500;

/// Sets a reminder of a member.
pub(crate) async fn create_reminder(
    notify: &Notify,
    member: AccountId,
    text: String,
    rule: Rule,
    effect: Effect,
) -> Result<Reminder, Error> {
    let now = notify.context.clock.now();
    let id = notify.context.random.uuid_v7(now);
    let lane = match rule.subject() {
        Some(subject) => Lane::of(&member).and(&subject),
        None => Lane::of(&member),
    };
    let written = notify.context.db.write(lane, async move |tx| {
        let dated = match rule.subject() {
            Some(subject) => Some(dates::find_for(tx, subject, member).await?.ok_or(Error::NoSuchDate)?),
            None => None,
        };
        let at = rule.instant(dated.as_ref()).ok_or(Error::NoSuchDate)?;
        if !is_ahead(at, now) {
            return Err(Error::InvalidReminder("A reminder must be later than now, and within the next ten years."));
        }
        if !people::list_erased(tx, &[member]).await?.is_empty() {
            return Err(Error::NoSuchReminder);
        }
        if reminders::count(tx, member).await? >= MAX_REMINDERS {
            return Err(Error::TooManyReminders(MAX_REMINDERS));
        }
        let subject_version = dated.map_or(0, |dated| dated.version);
        let (state, is_snoozed, version, ended_at) = (ReminderState::Waiting, false, 0, None);
        let reminder = Reminder { id, member, text, rule, subject_version, at, state, is_snoozed, version, ended_at };
        reminders::insert(tx, &reminder).await?;
        effect.done(tx).await?;
        Ok(reminder)
    });
    written.await
}
