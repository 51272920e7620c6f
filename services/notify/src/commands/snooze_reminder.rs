//! Putting a reminder off.
//!
//! Invariant: it fires once more, and no more often than it was put off.

use chrono::TimeDelta;
use contract::AccountId;
use db::Lane;
use uuid::Uuid;

use crate::error::Error;
use crate::model::Reminder;
use crate::state::Notify;
use crate::store::reminders;

/// Lets a reminder of a member fire after a time from now, whether or not it has fired.
pub(crate) async fn snooze_reminder(
    notify: &Notify,
    member: AccountId,
    id: Uuid,
    by: TimeDelta,
) -> Result<Reminder, Error> {
    let until = notify.context.clock.now() + by;
    let written = notify.context.db.write(Lane::of(&member), async move |tx| {
        let found = reminders::find(tx, member, id).await?.ok_or(Error::NoSuchReminder)?;
        let cancelled = Error::InvalidReminder("This reminder was cancelled with its date. Set another one.");
        let reminder = found.snooze(until).ok_or(cancelled)?;
        reminders::update(tx, &reminder).await?;
        Ok::<_, Error>(reminder)
    });
    written.await
}
