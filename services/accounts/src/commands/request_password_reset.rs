//! Asking for a link to a new password.
//!
//! The request is recorded as an event, for logins with and without an account alike; the mail is made when the event
//! is handled, after the response. Invariant: neither the response nor its time reveals whether a login exists, except
//! on a network from which its owner has signed in before.

use base::Event;
use contract::AccountId;
use db::Lane;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::Error;
use crate::mailed_codes::{CodeOwner, FreshCode};
use crate::mails;
use crate::model::{ClientInfo, MAIL_WINDOW, Purpose, next_mail_in};
use crate::state::Accounts;
use crate::store;
use crate::store::known_networks::NetworkStatus;
use crate::throttle::client_key;

/// `accounts.reset_requested`: a link to a new password was asked for. Only this role reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ResetRequested {
    /// The account; nil if the login has none, so that all events are of one size.
    account: AccountId,
}

impl Event for ResetRequested {
    const SUBJECT: &'static str = "accounts.reset_requested";
}

/// Records that a link to a new password is wanted for a login: a handle or an e-mail address, in any case.
pub(crate) async fn request_password_reset(accounts: &Accounts, login: &str, client: &ClientInfo) -> Result<(), Error> {
    let now = accounts.context.clock.now();
    let account = CodeOwner::of_login(accounts, login).await?.account;
    let network = accounts.network(account, client);
    let status = store::known_networks::find(accounts.context.db.read(), account, &network, now).await?;
    let client = client_key(client.address);
    // Others behind the same address can't use up the requests of a member who has signed in from there.
    let key = if status == NetworkStatus::Unknown { client } else { format!("{account}\n{client}") };
    accounts.forgotten.try_acquire(&key, now).map_err(Error::TooManyMails)?;
    let requested = ResetRequested { account };
    accounts.context.db.write(Lane::NONE, async move |tx| tx.publish(&requested, now)).await?;
    Ok(())
}

/// Mails a link to a new password, unless the account was mailed too many: then the newest mail still serves. The event
/// `event_id` is handled once by `consumer`.
pub(crate) async fn mail_password_reset(
    accounts: &Accounts,
    requested: ResetRequested,
    consumer: &'static str,
    event_id: String,
) -> Result<(), db::Error> {
    let id = requested.account;
    let found =
        if id.0 == Uuid::nil() { None } else { store::accounts::find_by_id(accounts.context.db.read(), id).await? };
    let Some(account) = found else { return Ok(()) };
    let code = FreshCode::draw(accounts, id, Purpose::ResetPassword, &account.email);
    let (mail, now) = (accounts.context.mail.clone(), accounts.context.clock.now());
    accounts
        .context
        .db
        .write(Lane::of(&id), async move |tx| {
            if !tx.record_once(consumer, &event_id, now).await? {
                return Ok(());
            }
            let sent = store::mailed_codes::list_recent(tx, id, Purpose::ResetPassword, now - MAIL_WINDOW).await?;
            if next_mail_in(&sent, now).is_none() {
                store::mailed_codes::insert(tx, &code.row).await?;
                mail.enqueue(tx, mails::reset(&mail, &account, &code)).await?;
            }
            Ok::<_, db::Error>(())
        })
        .await
}
