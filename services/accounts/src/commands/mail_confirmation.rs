//! Mailing a code that confirms an address.
//!
//! Invariant: whether another account has confirmed the address changes only what is in the mail, which goes to the
//! address: not the rows, nor the statements, nor the response.

use db::Tx;
use mail::Mail;

use crate::mailed_codes::FreshCode;
use crate::mails;
use crate::model::{Account, Purpose};
use crate::store;

/// Stores a code for an address and mails it there. If another account has confirmed the address, the mail has no code:
/// it tells the owner.
pub(super) async fn mail_confirmation(
    tx: &Tx,
    mail: &Mail,
    account: &Account,
    code: &FreshCode,
) -> Result<(), db::Error> {
    store::mailed_codes::insert(tx, &code.row).await?;
    let email = &code.row.code.email;
    let owner = store::addresses::find_owner(tx, email).await?.filter(|owner| owner.id != account.id.0);
    let new = match (&owner, code.row.code.purpose) {
        (Some(owner), _) => mails::address_taken(mail, owner, email, &account.handle),
        (None, Purpose::ChangeEmail) => mails::change_confirm(mail, account, code),
        (None, _) => mails::confirm(mail, account, code),
    };
    mail.enqueue(tx, new).await?;
    Ok(())
}
