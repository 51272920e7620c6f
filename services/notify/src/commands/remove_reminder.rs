//! Removing a reminder.
//!
//! Invariant: a reminder of another member is not there; with one that has fired goes what was told of it.

use contract::AccountId;
use db::Lane;
use uuid::Uuid;

use super::removed::remove_subject;
use crate::error::Error;
use crate::state::Notify;
use crate::store::{reminders, removed};

/// Removes a reminder of a member.
pub(crate) async fn remove_reminder(notify: &Notify, member: AccountId, id: Uuid) -> Result<(), Error> {
    let now = notify.context.clock.now();
    let written = notify.context.db.write(Lane::of(&member), async move |tx| {
        let found = reminders::find(tx, member, id).await?.ok_or(Error::NoSuchReminder)?;
        reminders::remove(tx, member, id).await?;
        let has_fired = found.version > 0;
        if has_fired {
            // What has fired and was not told yet finds it.
            removed::insert(tx, &id.to_string(), now).await?;
        }
        Ok::<_, Error>(has_fired)
    });
    if written.await? {
        remove_subject(notify, id.to_string()).await?;
    }
    Ok(())
}
