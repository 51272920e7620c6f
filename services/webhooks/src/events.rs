//! The events that this role consumes: all that have a public event, and erased accounts. It publishes
//! [`contract::webhooks::Disabled`].
//!
//! Invariant: an event is recorded once for each webhook, however often it is delivered (the inbox); nothing about an
//! erased account is left once both consumers have handled the erasure, in whichever order, and no event that names it
//! is recorded afterwards.

use bus::{Delivery, HandlerError, Subscriptions};
use contract::accounts::Erased;
use contract::{AccountId, Event as _};

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

pub(crate) async fn on_events(webhooks: Webhooks, deliveries: Vec<Delivery>) -> Result<(), HandlerError> {
    let erased: Vec<AccountId> = deliveries.iter().filter_map(erased_account).collect();
    commands::record_events(&webhooks, deliveries).await?;
    // Once more: this consumer may have been behind, and recorded what was before an erasure that was handled already.
    for account in erased {
        commands::erase_account(&webhooks, account).await?;
    }
    Ok(())
}

/// Returns the account of which an event says that it was erased.
fn erased_account(delivery: &Delivery) -> Option<AccountId> {
    let event = &delivery.event;
    let is_erased = event.subject == Erased::SUBJECT;
    let erased: Option<Erased> = is_erased.then(|| serde_json::from_str(&event.payload).ok()).flatten();
    erased.map(|erased| erased.account)
}

/// Handling an event twice changes nothing, so no inbox is needed.
async fn on_erased(webhooks: Webhooks, erased: Erased, _: Delivery) -> Result<(), HandlerError> {
    Ok(commands::erase_account(&webhooks, erased.account).await?)
}
