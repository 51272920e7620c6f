//! Editing the profile.
//!
//! A verdict about the display name, the bio and the links comes first. Invariant: an avatar was a photo of the
//! member's own, visible to others, when it was chosen; a change is published in the transaction that makes it. The
//! avatar is checked again after the write: the event by which it was hidden may have come before it was an avatar.

use contract::MediaId;
use contract::accounts::PrivacyChanged;
use contract::media::FindReceived;
use db::Lane;

use super::clear_hidden_avatar::clear_hidden_avatar;
use super::screen_profile::{into_error, screen, submissions};
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
    let (id, clock) = (current.account.id, accounts.context.clock.clone());
    let chosen = match &patch.avatar {
        Patch::Set(avatar) => Some(avatar.clone()),
        Patch::Unchanged | Patch::Null => None,
    };
    let submissions = submissions(accounts, &current.account, &patch);
    let updated = accounts
        .context
        .db
        .write(Lane::of(&id), async move |tx| {
            if let Some(what) = screen(tx, &submissions).await? {
                return Ok(Err(what));
            }
            let updated = store::accounts::update(tx, id, &patch).await?.ok_or(Error::SessionEnded)?;
            // Subscribers keep the change with the latest time, and that must be the last one.
            let now = clock.now();
            let at = store::profile_changes::record_change(tx, id, now).await?;
            if let Some(is_private) = patch.is_private {
                tx.publish(&PrivacyChanged { account: id, is_private, at }, now)?;
            }
            tx.publish(&updated.profile_changed(at), now)?;
            Ok::<_, Error>(Ok(updated))
        })
        .await?
        .map_err(into_error)?;
    if let Some(avatar) = chosen.filter(|_| accounts.context.peers.knows("media"))
        && clear_hidden_avatar(accounts, avatar).await?
    {
        return Err(Error::InvalidAvatar("Others can't see this picture any more. Choose another one."));
    }
    Ok(updated)
}

/// Checks an avatar with the media role. Without a media role, which could not show it either, any id is accepted.
async fn check_avatar(accounts: &Accounts, current: &CurrentSession, avatar: &MediaId) -> Result<(), Error> {
    if !accounts.context.peers.knows("media") {
        return Ok(());
    }
    let item = accounts.context.peers.ask(&FindReceived(avatar.clone())).await?;
    model::check_avatar(item.as_ref(), current.account.id)
}
