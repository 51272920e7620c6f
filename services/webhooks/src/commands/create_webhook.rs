//! Making a webhook.
//!
//! Invariant: there are never more than `max_webhooks`, however many requests run at once; the secret is returned here
//! and nowhere else, and again only to the request that made the webhook.

use chrono::TimeDelta;
use contract::AccountId;
use db::Lane;
use http_server::operators::{Act, Actor};
use serde_json::json;

use crate::error::Error;
use crate::model::{Endpoint, EventTypes, SECRET_BYTES, Secret, Webhook, WebhookState, host};
use crate::state::Webhooks;
use crate::store;

/// The lane of new webhooks.
const LANE: &str = "webhooks";
/// How long after a webhook was made the request may be repeated.
const REPEAT_WINDOW: TimeDelta = TimeDelta::days(1);

/// What an operator asks for.
#[derive(Debug, Clone)]
pub(crate) struct NewWebhook {
    /// Where the deliveries go.
    pub url: Endpoint,
    /// The types of its events.
    pub events: EventTypes,
    /// What it is for.
    pub description: String,
}

impl NewWebhook {
    /// Whether a webhook is what is asked for.
    fn is_for(&self, webhook: &Webhook) -> bool {
        self.url.as_str() == webhook.url && self.events == webhook.events && self.description == webhook.description
    }
}

/// Makes an active webhook, and returns it with its secret. A repeated request with the same `request_key` within a day
/// returns the webhook that the first one made.
pub(crate) async fn create_webhook(
    webhooks: &Webhooks,
    actor: Actor,
    new: NewWebhook,
    request_key: Option<Vec<u8>>,
) -> Result<(Webhook, Secret), Error> {
    let context = &webhooks.context;
    let now = context.clock.now();
    let webhook = Webhook {
        id: context.random.uuid_v7(now),
        url: new.url.as_str().to_owned(),
        events: new.events.clone(),
        description: new.description.clone(),
        state: WebhookState::Active,
        made_by: actor.account.map(AccountId),
        created_at: now,
        disabled_at: None,
        disabled_reason: None,
    };
    let secret = Secret::new(context.random.bytes::<SECRET_BYTES>());
    let sealed = webhooks.seal(webhook.id, &secret)?;
    let (created, max_webhooks) = (webhook.clone(), webhooks.config.max_webhooks);
    let earlier = context
        .db
        .write(Lane::of(LANE), async move |tx| {
            if let Some(request_key) = &request_key
                && let Some(earlier) = store::webhooks::find_made(tx, request_key, now - REPEAT_WINDOW).await?
            {
                return Ok(Some(earlier));
            }
            if store::webhooks::count(tx).await? >= u64::from(max_webhooks) {
                return Err(Error::TooMany(max_webhooks));
            }
            store::webhooks::insert(tx, &created, sealed, request_key).await?;
            let after = json!({ "host": host(&created.url), "events": created.events.names() });
            let act = Act::new(actor, "webhooks.created", now).on("webhook", created.id);
            act.change(json!(null), after).record(tx)?;
            Ok::<_, Error>(None)
        })
        .await?;
    match earlier {
        None => Ok((webhook, secret)),
        Some((earlier, sealed)) if new.is_for(&earlier) => {
            let secret = webhooks.open(earlier.id, &sealed)?;
            Ok((earlier, secret))
        }
        Some(_) => Err(Error::IdempotencyKeyReused),
    }
}
