//! Setting what a member wants to hear of.
//!
//! Invariant: what is stored was checked. Notices that are there stay in the list that they are in.

use contract::AccountId;
use db::Lane;

use crate::error::Error;
use crate::model::Preferences;
use crate::state::Notify;
use crate::store::{people, settings};

/// Replaces the preferences of a member. Does nothing for an account that was erased meanwhile.
pub(crate) async fn set_preferences(notify: &Notify, member: AccountId, preferences: Preferences) -> Result<(), Error> {
    preferences.check()?;
    let written = notify.context.db.write(Lane::of(&member), async move |tx| {
        if people::list_erased(tx, &[member]).await?.is_empty() {
            settings::set(tx, member, &preferences).await?;
        }
        Ok::<_, Error>(())
    });
    written.await
}
