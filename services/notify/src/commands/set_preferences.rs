//! Setting what a member wants to hear of.
//!
//! Invariant: what is stored was checked. Notices that are there stay in the list that they are in.

use chrono::{DateTime, Utc};
use contract::AccountId;
use db::{Lane, Tx};

use crate::error::Error;
use crate::model::{AnnouncementReader, Preferences};
use crate::state::Notify;
use crate::store::{announcements, people, settings};

/// Replaces the preferences of a member. Does nothing for an account that was erased meanwhile.
pub(crate) async fn set_preferences(notify: &Notify, member: AccountId, preferences: Preferences) -> Result<(), Error> {
    preferences.check()?;
    let now = notify.context.clock.now();
    let written = notify.context.db.write(Lane::of(&member), async move |tx| {
        if people::list_erased(tx, &[member]).await?.is_empty() {
            set_consent(tx, member, preferences.promotions.is_some(), now).await?;
            settings::set(tx, member, &preferences).await?;
        }
        Ok::<_, Error>(())
    });
    written.await
}

/// Stores since when a member wants promotions: those that have begun before are not shown.
async fn set_consent(tx: &Tx, member: AccountId, is_given: bool, now: DateTime<Utc>) -> Result<(), db::Error> {
    let found = announcements::find_reader(tx, member).await?.unwrap_or_default();
    if found.promotions_since.is_some() == is_given {
        return Ok(());
    }
    let promotions_since = is_given.then_some(now);
    announcements::set_reader(tx, member, &AnnouncementReader { promotions_since, ..found }).await
}
