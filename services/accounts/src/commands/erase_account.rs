//! Erasing an account.
//!
//! Invariant: the rows of an account and its sessions are removed in the transaction that publishes [`Erased`], and its
//! mails are forgotten in it. What an operator has done for the team stays, without their name.

use contract::accounts::Erased;
use db::Lane;

use crate::error::Error;
use crate::model::{CurrentSession, Password, skeleton};
use crate::password_verification::verify_own_password;
use crate::recent_proof::require_recent_proof;
use crate::state::Accounts;
use crate::store;

/// Erases the account with all its rows and publishes [`Erased`]. Needs the password, or a recent proof.
pub(crate) async fn erase_account(
    accounts: &Accounts,
    current: CurrentSession,
    password: Option<&Password>,
) -> Result<(), Error> {
    let now = accounts.context.clock.now();
    match password {
        Some(password) => drop(verify_own_password(accounts, &current, password).await?),
        None => require_recent_proof(accounts, &current).await?,
    }
    let account = current.account;
    let mut mailed = store::mailed_codes::list_addresses(accounts.context.db.read(), account.id).await?;
    mailed.push(account.email.clone());
    // The lanes of sign-ups as well: the handle and the e-mail addresses become free.
    let lane = Lane::of(&account.id).and(&skeleton(&account.handle));
    let lane = mailed.iter().fold(lane, Lane::and);
    accounts
        .context
        .db
        .write(lane, async move |tx| {
            if store::accounts::remove(tx, account.id, now).await? {
                store::verdicts::remove_of_account(tx, account.id).await?;
                store::team_keys::forget_maker(tx, account.id).await?;
                store::flags::forget_operator(tx, &account.handle).await?;
                mail::forget_account(tx, &account.id.to_string(), now).await?;
                for email in &mailed {
                    // Another account with this address, confirmed or not, may be waiting for a mail.
                    if !store::addresses::is_used(tx, email).await? {
                        mail::forget_recipient(tx, email, now).await?;
                    }
                }
                tx.publish(&Erased { account: account.id, handle: account.handle.clone(), at: now }, now)?;
            }
            Ok::<_, db::Error>(())
        })
        .await?;
    Ok(())
}
