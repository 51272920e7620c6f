//! Editing the profile.
//!
//! Invariant: an avatar was a photo of the member's own, visible to others, when it was chosen.

use contract::MediaId;
use contract::media::FindReceived;
use db::Lane;

use crate::error::Error;
use crate::model::{self, Account, CurrentSession, Patch, ProfilePatch};
use crate::state::Accounts;
use crate::store;

/// Changes the profile and returns the account.
pub(crate) async fn update_profile(
    accounts: &Accounts,
    current: &CurrentSession,
    patch: ProfilePatch,
) -> Result<Account, Error> {
    if let Patch::Set(avatar) = &patch.avatar {
        check_avatar(accounts, current, avatar).await?;
    }
    let id = current.account.id;
    let updated =
        accounts.context.db.write(Lane::of(&id), async move |tx| store::accounts::update(tx, id, &patch).await).await?;
    updated.ok_or(Error::SessionEnded)
}

/// Checks an avatar with the media role. Without a media role, which could not show it either, any id is accepted.
async fn check_avatar(accounts: &Accounts, current: &CurrentSession, avatar: &MediaId) -> Result<(), Error> {
    if !accounts.context.peers.knows("media") {
        return Ok(());
    }
    let item = accounts.context.peers.ask(&FindReceived(avatar.clone())).await?;
    model::check_avatar(item.as_ref(), current.account.id)
}
