//! Operations on the member's own account: edit the profile, change the password, erase the account.
//!
//! Invariant: a new password, or an erasure, ends sessions in the same transaction.

use contract::MediaId;
use contract::accounts::Erased;
use contract::media::{Kind, Received, Visibility};
use kit::db;

use super::Accounts;
use crate::error::Error;
use crate::model::{Account, CurrentSession, NewPassword, Password, Patch};
use crate::password_hasher::Priority;
use crate::store;
use crate::store::accounts::ProfilePatch;

impl Accounts {
    /// Changes the profile and returns the account.
    pub(crate) async fn update_profile(&self, current: CurrentSession, patch: ProfilePatch) -> Result<Account, Error> {
        if let Patch::Set(avatar) = &patch.avatar {
            self.check_avatar(&current, avatar).await?;
        }
        let id = current.account.id;
        let updated = self
            .context
            .db
            .write(move |tx| Box::pin(async move { store::accounts::update(tx, id, patch).await }))
            .await?;
        updated.ok_or(Error::SessionEnded)
    }

    /// Checks that an avatar is a photo of the member's own that others may see. Without a media role, which could not
    /// show it either, any id is accepted.
    async fn check_avatar(&self, current: &CurrentSession, avatar: &MediaId) -> Result<(), Error> {
        if !self.context.peers.knows("media") {
            return Ok(());
        }
        let item: Option<Received> = self.context.peers.get_json("media", &format!("/internal/media/{avatar}")).await?;
        let item = item
            .filter(|item| item.owner == current.account.id)
            .ok_or(Error::InvalidAvatar("There is no such picture in your library. Upload it first."))?;
        if item.kind != Kind::Photo {
            return Err(Error::InvalidAvatar("An avatar is a picture. Choose a photo of your library."));
        }
        if item.visibility == Visibility::Private {
            return Err(Error::InvalidAvatar("Others could not see this picture. Make it unlisted or public first."));
        }
        Ok(())
    }

    /// Replaces the password and ends every other session.
    pub(crate) async fn change_password(
        &self,
        current: &CurrentSession,
        current_password: &Password,
        new: Password,
    ) -> Result<(), Error> {
        let new = NewPassword::validate(new, &[&current.account.handle, &current.account.email])?;
        let old = self.verify_own_password(current, current_password).await?;
        let hash = self.hasher.hash(new.get(), Priority::Reserved).await?;
        let (account, session) = (current.account.id, current.session.id);
        let changed = self
            .context
            .db
            .write(move |tx| {
                Box::pin(async move {
                    let changed = store::accounts::update_password(tx, account, &old, &hash).await?;
                    if changed {
                        store::sessions::remove_others(tx, account, session).await?;
                        // The password may have been changed because an attacker knew it.
                        store::known_networks::remove_all(tx, account).await?;
                    }
                    Ok::<_, db::Error>(changed)
                })
            })
            .await?;
        // Another session has changed the password meanwhile.
        if changed { Ok(()) } else { Err(Error::WrongPassword) }
    }

    /// Erases the account with all its rows and publishes [`Erased`]. Needs the password, or a session that was opened
    /// recently.
    pub(crate) async fn erase(&self, current: CurrentSession, password: Option<&Password>) -> Result<(), Error> {
        let now = self.context.clock.now();
        match password {
            Some(password) => drop(self.verify_own_password(&current, password).await?),
            None if now - current.session.created_at < self.config.recent_sign_in() => {}
            None => return Err(Error::PasswordNeeded),
        }
        let account = current.account;
        self.context
            .db
            .write(move |tx| {
                Box::pin(async move {
                    if store::accounts::remove(tx, account.id).await? {
                        tx.publish(&Erased { account: account.id, handle: account.handle, at: now }, now)?;
                    }
                    Ok::<_, db::Error>(())
                })
            })
            .await?;
        Ok(())
    }
}
