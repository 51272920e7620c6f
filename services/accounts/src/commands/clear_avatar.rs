//! Removing a deleted photo from the profile that shows it.
//!
//! Invariant: ids of media are never reused, so clearing an avatar twice changes nothing.

use contract::{AccountId, MediaId};
use db::Lane;

use crate::state::Accounts;
use crate::store;

/// Removes the photo `media` from the profile of its owner, if it is the avatar.
pub(crate) async fn clear_avatar(accounts: &Accounts, owner: AccountId, media: MediaId) -> Result<(), db::Error> {
    let clock = accounts.context.clock.clone();
    accounts
        .context
        .db
        .write(Lane::of(&owner), async move |tx| {
            if store::accounts::clear_avatar(tx, owner, &media).await? > 0
                && let Some(account) = store::accounts::find_by_id(tx, owner).await?
            {
                let now = clock.now();
                let at = store::profile_changes::record_change(tx, owner, now).await?;
                tx.publish(&account.profile_changed(at), now)?;
            }
            Ok::<_, db::Error>(())
        })
        .await
}
