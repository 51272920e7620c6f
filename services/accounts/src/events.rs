//! The events that this role consumes. It publishes [`contract::accounts::Erased`] where an account is erased, and
//! [`contract::accounts::PrivacyChanged`] where a profile is edited.
//!
//! Invariant: once a `Deleted` event has been handled, no profile shows that photo.

use base::config::Config;
use bus::{Delivery, HandlerError, Subscriptions};
use contract::media::Deleted;

use crate::commands;
use crate::state::Accounts;

/// Returns the durable subscriptions. Their names must never change.
pub(crate) fn subscriptions(_: &Config) -> Subscriptions<Accounts> {
    Subscriptions::new().on("accounts.avatar", on_media_deleted, |on| on)
}

/// Handling an event twice changes nothing, so no inbox is needed.
async fn on_media_deleted(accounts: Accounts, deleted: Deleted, _: Delivery) -> Result<(), HandlerError> {
    Ok(commands::clear_avatar(&accounts, deleted.owner, deleted.id).await?)
}
