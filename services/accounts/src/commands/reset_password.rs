//! Choosing a new password with a mailed code.
//!
//! Invariant: the code is used, the password replaced, every session and every API key of the member ended and the mail
//! about it recorded in one transaction. No session is opened: the member still has to sign in, with a second factor if
//! the account has one.

use db::Lane;

use crate::error::Error;
use crate::mailed_codes::{CodeOwner, check_code};
use crate::mails;
use crate::model::{NewPassword, Password, Purpose};
use crate::password_hasher::Priority;
use crate::state::Accounts;
use crate::store;

/// Replaces the password of the account whose code is presented, and ends all its sessions and API keys. A short code
/// needs the `login`. The code of a mail to a former address also makes that address the account's again.
pub(crate) async fn reset_password(
    accounts: &Accounts,
    login: Option<&str>,
    presented: &str,
    password: Password,
) -> Result<(), Error> {
    let owner = match login {
        Some(login) => Some(CodeOwner::of_login(accounts, login).await?),
        None => None,
    };
    let code = check_code(accounts, presented, owner.as_ref()).await?;
    if !matches!(code.purpose, Purpose::ResetPassword | Purpose::RestoreEmail) {
        return Err(Error::InvalidCode);
    }
    let account =
        store::accounts::find_by_id(accounts.context.db.read(), code.account).await?.ok_or(Error::InvalidCode)?;
    let password = NewPassword::validate(password, &[&account.handle, &account.email])?;
    let hash = accounts.hasher.hash(password.get(), Priority::Reserved).await?;
    let (mail, now) = (accounts.context.mail.clone(), accounts.context.clock.now());
    // The lane of the address as well: it may become confirmed.
    let lane = Lane::of(&code.account).and(&code.email);
    accounts
        .context
        .db
        .write(lane, async move |tx| {
            let id = code.account;
            let is_used = store::mailed_codes::use_up(tx, code.id, now).await?;
            let Some(before) = store::accounts::find_by_id(tx, id).await?.filter(|_| is_used) else {
                return Err(Error::InvalidCode);
            };
            let is_restored = code.purpose == Purpose::RestoreEmail;
            // The address may have been changed while the mail was made.
            if !is_restored && code.email != before.email {
                return Err(Error::InvalidCode);
            }
            if is_restored {
                if !store::addresses::confirm(tx, id, &code.email, now).await? {
                    return Err(Error::EmailTaken);
                }
                store::mailed_codes::remove_all(tx, id).await?;
            } else if before.email_confirmed_at.is_none() {
                // The mail was read there. If another account has confirmed the address, it stays as it is.
                store::addresses::confirm(tx, id, &code.email, now).await?;
            }
            store::accounts::reset_password(tx, id, &hash).await?;
            store::sessions::remove_all(tx, id, now).await?;
            // The former password may be known to an attacker, and another person may have made keys.
            store::api_keys::remove_all(tx, id, now).await?;
            store::known_networks::remove_all(tx, id).await?;
            store::mailed_codes::remove_for(tx, id, &[Purpose::ResetPassword]).await?;
            let after = store::accounts::find_by_id(tx, id).await?.ok_or(Error::InvalidCode)?;
            mail.enqueue(tx, mails::password_changed(&mail, &after)).await?;
            Ok::<_, Error>(())
        })
        .await
}
