//! Removing a deleted photo from the profile that shows it.
//!
//! Invariant: ids of media are never reused, so clearing an avatar twice changes nothing.

use contract::{AccountId, MediaId};
use db::Lane;

use crate::state::Accounts;
use crate::store;

/// Removes the photo `media` from the profile of its owner, if it is the avatar.
pub(crate) async fn clear_avatar(accounts: &Accounts, owner: AccountId, media: MediaId) -> Result<(), db::Error> {
    accounts
        .context
        .db
        .write(Lane::of(&owner), async move |tx| store::accounts::clear_avatar(tx, owner, &media).await)
        .await?;
    Ok(())
}
