//! Sending an event to try a webhook.
//!
//! Invariant: only the webhook that is tried gets it.

use db::Lane;
use http_server::operators::{Act, Actor};
use uuid::Uuid;

use crate::error::Error;
use crate::model::{Delivery, PublicEvent, WebhookState};
use crate::state::Webhooks;
use crate::store;
use crate::store::deliveries::NewDelivery;

/// Records a test event for an active webhook, and returns its delivery.
pub(crate) async fn send_test(webhooks: &Webhooks, actor: Actor, id: Uuid) -> Result<Delivery, Error> {
    let context = &webhooks.context;
    let (now, event) = (context.clock.now(), PublicEvent::test());
    let new = NewDelivery {
        id: context.random.uuid_v7(now),
        webhook: id,
        event_id: context.random.uuid_v7(now).to_string(),
        event_type: event.event_type,
        payload: event.payload(now)?,
        account: None,
        created_at: now,
        due_at: now,
    };
    let delivery = context
        .db
        .write(Lane::of(&id), async move |tx| {
            let webhook = store::webhooks::find(tx, id).await?.ok_or(Error::NotFound)?;
            if webhook.state != WebhookState::Active {
                return Err(Error::Disabled);
            }
            let delivery = new.id;
            store::deliveries::insert_each(tx, &[new]).await?;
            Act::new(actor, "webhooks.tested", now).on("webhook", id).record(tx)?;
            store::deliveries::find(tx, id, delivery).await?.ok_or(Error::DeliveryNotFound)
        })
        .await?;
    webhooks.recorded.notify_one();
    Ok(delivery)
}
