//! Removing a reminder.
//!
//! Invariant: a reminder of another member is not there; with one that has fired goes what was told of it.

use contract::AccountId;
use db::Lane;
use uuid::Uuid;

use super::removed::remove_subject;
use crate::error::Error;
use crate::state::Notify;
use crate::store::reminders;

/// Removes a reminder of a member.
pub(crate) async fn remove_reminder(notify: &Notify, member: AccountId, id: Uuid) -> Result<(), Error> {
    let written = notify.context.db.write(Lane::of(&member), async move |tx| {
        let found = reminders::find(tx, member, id).await?.ok_or(Error::NoSuchReminder)?;
        reminders::remove(tx, member, id).await?;
        Ok::<_, Error>(found.version > 0)
    });
    if written.await? {
        remove_subject(notify, id.to_string()).await?;
    }
    Ok(())
}
