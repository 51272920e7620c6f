//! The events that this role consumes. It publishes [`contract::newservice::Added`] with each new entry.
//!
//! Invariant: handling an event twice changes nothing more, so no subscription needs the inbox.

use contract::accounts::Erased;
use bus::{Delivery, HandlerError, Subscriptions};

use crate::commands;
use crate::state::NewService;

/// Returns the durable subscriptions. Their names must never change.
pub(crate) fn subscriptions() -> Subscriptions<NewService> {
    Subscriptions::new().on("newservice.erased", on_erased, |on| on)
}

async fn on_erased(newservice: NewService, erased: Erased, _: Delivery) -> Result<(), HandlerError> {
    Ok(commands::erase_account(&newservice, erased.account).await?)
}
