//! Asking for a mail that confirms the account's address, or a new one.
//!
//! Invariant: the address of an account changes only when its new one is confirmed, and mails that strangers cause to a
//! mailbox use up none of those that a member can cause whose own address is confirmed.

use db::Lane;

use super::mail_confirmation::mail_confirmation;
use crate::error::Error;
use crate::mailed_codes::{FreshCode, check_mail_rate};
use crate::model::{Account, CurrentSession, Password, Purpose};
use crate::password_verification::verify_own_password;
use crate::rate_limiter::RateLimiter;
use crate::recent_proof::require_factor_if_any;
use crate::state::Accounts;

/// Mails a code that confirms the address of the account. Fails with [`Error::EmailConfirmed`] if it is confirmed.
pub(crate) async fn request_confirmation(accounts: &Accounts, current: &CurrentSession) -> Result<(), Error> {
    let account = &current.account;
    if account.email_confirmed_at.is_some() {
        return Err(Error::EmailConfirmed);
    }
    mail_code(accounts, account, Purpose::ConfirmEmail, &account.email).await
}

/// Mails a code that confirms a new address, to that address. Needs the password, and a recent proof by a second factor
/// if the account has one: the mailbox of the new address can reset the password.
pub(crate) async fn request_email_change(
    accounts: &Accounts,
    current: &CurrentSession,
    email: &str,
    password: &Password,
) -> Result<(), Error> {
    let email = accounts.parse_email(email)?;
    require_factor_if_any(accounts, current).await?;
    verify_own_password(accounts, current, password).await?;
    if email.as_str() == current.account.email {
        return request_confirmation(accounts, current).await;
    }
    mail_code(accounts, &current.account, Purpose::ChangeEmail, email.as_str()).await
}

async fn mail_code(accounts: &Accounts, account: &Account, purpose: Purpose, email: &str) -> Result<(), Error> {
    let now = accounts.context.clock.now();
    let budget = mailbox_budget(accounts, account, purpose);
    budget.try_acquire(email, now).map_err(Error::TooManyMails)?;
    let code = FreshCode::draw(accounts, account.id, purpose, email);
    let (mail, member) = (accounts.context.mail.clone(), account.clone());
    let mailed = accounts
        .context
        .db
        // The mails of an account are counted in its lane.
        .write(Lane::of(&account.id), async move |tx| {
            check_mail_rate(tx, member.id, purpose, now).await?;
            Ok::<_, Error>(mail_confirmation(tx, &mail, &member, &code).await?)
        })
        .await;
    if mailed.is_err() {
        budget.refund(email);
    }
    mailed
}

/// Returns what limits the mails to one mailbox that an account causes for a purpose.
fn mailbox_budget<'a>(accounts: &'a Accounts, account: &Account, purpose: Purpose) -> &'a RateLimiter {
    if purpose == Purpose::ChangeEmail && account.email_confirmed_at.is_some() {
        &accounts.member_mails
    } else {
        &accounts.stranger_mails
    }
}
