//! Asking for a mail that confirms the account's address, or a new one.
//!
//! Invariant: the address of an account changes only when its new one is confirmed.

use db::Lane;

use super::mail_confirmation::mail_confirmation;
use crate::error::Error;
use crate::mailed_codes::{FreshCode, check_mail_rate};
use crate::model::{Account, CurrentSession, Email, Password, Purpose};
use crate::password_verification::verify_own_password;
use crate::state::Accounts;

/// Mails a code that confirms the address of the account. Fails with [`Error::EmailConfirmed`] if it is confirmed.
pub(crate) async fn request_confirmation(accounts: &Accounts, current: &CurrentSession) -> Result<(), Error> {
    let account = &current.account;
    if account.email_confirmed_at.is_some() {
        return Err(Error::EmailConfirmed);
    }
    mail_code(accounts, account, Purpose::ConfirmEmail, &account.email).await
}

/// Mails a code that confirms a new address, to that address. Needs the password.
pub(crate) async fn request_email_change(
    accounts: &Accounts,
    current: &CurrentSession,
    email: &str,
    password: &Password,
) -> Result<(), Error> {
    let email = Email::parse(email)?;
    verify_own_password(accounts, current, password).await?;
    if email.as_str() == current.account.email {
        return request_confirmation(accounts, current).await;
    }
    mail_code(accounts, &current.account, Purpose::ChangeEmail, email.as_str()).await
}

async fn mail_code(accounts: &Accounts, account: &Account, purpose: Purpose, email: &str) -> Result<(), Error> {
    let now = accounts.context.clock.now();
    accounts.mailboxes.try_acquire(email, now).map_err(Error::TooManyMails)?;
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
        accounts.mailboxes.refund(email);
    }
    mailed
}
