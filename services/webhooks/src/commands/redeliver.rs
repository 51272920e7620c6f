//! Delivering again.
//!
//! Invariant: the receiver gets the same payload with the same `webhook-id`, so it can tell that it has it already.

use db::Lane;
use http_server::operators::{Act, Actor};
use uuid::Uuid;

use crate::error::Error;
use crate::model::{Delivery, WebhookState};
use crate::state::Webhooks;
use crate::store;

/// Makes a delivery of an active webhook due now, with all its attempts, whatever its state is. Returns it.
pub(crate) async fn redeliver(
    webhooks: &Webhooks,
    actor: Actor,
    webhook: Uuid,
    delivery: Uuid,
) -> Result<Delivery, Error> {
    let now = webhooks.context.clock.now();
    let again = webhooks
        .context
        .db
        .write(Lane::of(&webhook), async move |tx| {
            let found = store::webhooks::find(tx, webhook).await?.ok_or(Error::NotFound)?;
            if found.state != WebhookState::Active {
                return Err(Error::Disabled);
            }
            if !store::deliveries::redeliver(tx, webhook, delivery, now).await? {
                return Err(Error::DeliveryNotFound);
            }
            Act::new(actor, "webhooks.redelivered", now).on("webhook_delivery", delivery).record(tx)?;
            store::deliveries::find(tx, webhook, delivery).await?.ok_or(Error::DeliveryNotFound)
        })
        .await?;
    webhooks.recorded.notify_one();
    Ok(again)
}
