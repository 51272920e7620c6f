//! Confirming the account's address, or a new one that then replaces it.
//!
//! Invariant: a code confirms the address that it was mailed to, for the account that asked for it, once; and a former
//! address is told in the same transaction.

use chrono::{DateTime, Utc};
use db::{Lane, Tx};
use mail::Mail;

use crate::error::Error;
use crate::mailed_codes::{CodeOwner, FreshCode, check_code};
use crate::mails;
use crate::model::{Account, CurrentSession, MailedCode, Purpose};
use crate::state::Accounts;
use crate::store;

/// Uses a code of a mail to confirm an address. Returns the account.
pub(crate) async fn confirm_email(
    accounts: &Accounts,
    current: &CurrentSession,
    presented: &str,
) -> Result<Account, Error> {
    let account = &current.account;
    let code = check_code(accounts, presented, Some(&CodeOwner::of_account(account.id))).await?;
    if code.account != account.id || !matches!(code.purpose, Purpose::ConfirmEmail | Purpose::ChangeEmail) {
        return Err(Error::InvalidCode);
    }
    let restore = FreshCode::draw(accounts, account.id, Purpose::RestoreEmail, &account.email);
    let (mail, now) = (accounts.context.mail.clone(), accounts.context.clock.now());
    // The lane of the address as well: only one account may confirm it.
    let lane = Lane::of(&account.id).and(&code.email);
    accounts
        .context
        .db
        .write(lane, async move |tx| {
            let before = store::accounts::find_by_id(tx, code.account).await?.ok_or(Error::SessionEnded)?;
            let is_current = code.purpose == Purpose::ChangeEmail || code.email == before.email;
            if !is_current || !store::mailed_codes::use_up(tx, code.id, now).await? {
                return Err(Error::InvalidCode);
            }
            if !store::addresses::confirm(tx, code.account, &code.email, now).await? {
                return Err(Error::EmailTaken);
            }
            if code.email != before.email {
                replace_address(tx, &mail, &before, &code, restore, now).await?;
            }
            store::accounts::find_by_id(tx, code.account).await?.ok_or(Error::SessionEnded)
        })
        .await
}

/// Ends what was mailed to the former address, and tells it. If it was confirmed, its owner can take it back: a mailbox
/// that no member has confirmed may be a stranger's.
async fn replace_address(
    tx: &Tx,
    mail: &Mail,
    before: &Account,
    code: &MailedCode,
    mut restore: FreshCode,
    now: DateTime<Utc>,
) -> Result<(), db::Error> {
    let outdated = [Purpose::ConfirmEmail, Purpose::ChangeEmail, Purpose::ResetPassword];
    store::mailed_codes::remove_for(tx, code.account, &outdated).await?;
    let is_confirmed = before.email_confirmed_at.is_some();
    if is_confirmed {
        restore.row.code.email.clone_from(&before.email);
        restore.row.at = now;
        store::mailed_codes::insert(tx, &restore.row).await?;
    }
    mail.enqueue(tx, mails::address_changed(mail, before, is_confirmed.then_some(&restore))).await?;
    Ok(())
}
