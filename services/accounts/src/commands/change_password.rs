//! Changing the password.
//!
//! Invariant: a new password ends every other session, the API keys that the member made and what was mailed to reset
//! the old one, makes all networks unknown, and is told by mail, in the same transaction.

use db::Lane;

use crate::error::Error;
use crate::mails;
use crate::model::{CurrentSession, NewPassword, Password, Purpose};
use crate::password_hasher::Priority;
use crate::password_verification::verify_own_password;
use crate::state::Accounts;
use crate::store;

/// Replaces the password and ends every other session, and the member's API keys.
pub(crate) async fn change_password(
    accounts: &Accounts,
    current: &CurrentSession,
    current_password: &Password,
    new: Password,
) -> Result<(), Error> {
    let new = NewPassword::validate(new, &[&current.account.handle, &current.account.email])?;
    let old = verify_own_password(accounts, current, current_password).await?;
    let hash = accounts.hasher.hash(new.get(), Priority::Reserved).await?;
    let (account, session, now) = (current.account.id, current.session.id, accounts.context.clock.now());
    let (mail, member) = (accounts.context.mail.clone(), current.account.clone());
    let changed = accounts
        .context
        .db
        .write(Lane::of(&account), async move |tx| {
            let changed = store::accounts::update_password(tx, account, &old, &hash).await?;
            if changed {
                store::sessions::remove_others(tx, account, session, now).await?;
                // The password may have been changed because an attacker knew it, who may have made keys.
                store::api_keys::remove_all(tx, account, now).await?;
                store::known_networks::remove_all(tx, account).await?;
                store::mailed_codes::remove_for(tx, account, &[Purpose::ResetPassword]).await?;
                mail.enqueue(tx, mails::password_changed(&mail, &member)).await?;
            }
            Ok::<_, db::Error>(changed)
        })
        .await?;
    // Another session has changed the password meanwhile.
    if changed { Ok(()) } else { Err(Error::WrongPassword) }
}
