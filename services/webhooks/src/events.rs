//! The events that this role consumes: all that have a public event, and erased accounts. It publishes
//! [`contract::webhooks::Disabled`].
//!
//! Invariant: an event is recorded once for each webhook, however often it is delivered (the inbox).

use bus::{Delivery, HandlerError, Subscriptions};
use contract::accounts::Erased;

use crate::commands::{self, EVENTS_CONSUMER};
use crate::model::SUBJECTS;
use crate::state::Webhooks;

/// Events in one transaction. With the default `webhooks.max_webhooks` it writes 500 rows at most.
const BATCH_EVENTS: usize = 25;

/// Returns the durable subscriptions. Their names must never change.
pub(crate) fn subscriptions() -> Subscriptions<Webhooks> {
    Subscriptions::new()
        // One batch at a time, so that deliveries are recorded in the order of their events.
        .batch(EVENTS_CONSUMER, SUBJECTS, BATCH_EVENTS, on_events, |on| on.concurrency(1))
        .on("webhooks.erased", on_erased, |on| on)
}

async fn on_events(webhooks: Webhooks, deliveries: Vec<Delivery>) -> Result<(), HandlerError> {
    commands::record_events(&webhooks, deliveries).await
}

/// Handling an event twice changes nothing, so no inbox is needed.
async fn on_erased(webhooks: Webhooks, erased: Erased, _: Delivery) -> Result<(), HandlerError> {
    Ok(commands::erase_account(&webhooks, erased.account).await?)
}
