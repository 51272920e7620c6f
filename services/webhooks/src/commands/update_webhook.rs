//! Changing a webhook: its URL, its events, its description, and whether it gets deliveries.
//!
//! Invariant: what waits for a disabled webhook is kept, and is sent once it is enabled again.

use contract::AccountId;
use db::Lane;
use http_server::operators::{Act, Actor};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::error::Error;
use crate::model::{Endpoint, EventTypes, Webhook, WebhookState, host};
use crate::state::Webhooks;
use crate::store;

/// Why a webhook is disabled that an operator disabled.
const BY_OPERATOR: &str = "operator";

/// What an operator changes; `None` stays as it is.
#[derive(Debug, Clone, Default)]
pub(crate) struct WebhookChanges {
    /// Where the deliveries go.
    pub url: Option<Endpoint>,
    /// The types of its events.
    pub events: Option<EventTypes>,
    /// What it is for.
    pub description: Option<String>,
    /// Whether it gets deliveries.
    pub state: Option<WebhookState>,
}

/// Changes a webhook, and returns it as it is then. An operator who enables one is told if it is disabled again.
pub(crate) async fn update_webhook(
    webhooks: &Webhooks,
    actor: Actor,
    id: Uuid,
    changes: WebhookChanges,
) -> Result<Webhook, Error> {
    let now = webhooks.context.clock.now();
    let updated = webhooks
        .context
        .db
        .write(Lane::of(&id), async move |tx| {
            let before = store::webhooks::find(tx, id).await?.ok_or(Error::NotFound)?;
            let mut webhook = before.clone();
            if let Some(url) = changes.url {
                url.as_str().clone_into(&mut webhook.url);
            }
            webhook.events = changes.events.unwrap_or(webhook.events);
            webhook.description = changes.description.unwrap_or(webhook.description);
            store::webhooks::update(tx, &webhook).await?;
            match changes.state.filter(|state| *state != before.state) {
                Some(WebhookState::Active) => {
                    store::webhooks::set_enabled(tx, id, actor.account.map(AccountId)).await?;
                }
                Some(WebhookState::Disabled) => {
                    store::webhooks::set_disabled(tx, id, BY_OPERATOR, now).await?;
                }
                None => {}
            }
            let after = store::webhooks::find(tx, id).await?.ok_or(Error::NotFound)?;
            if after != before {
                let act = Act::new(actor, "webhooks.changed", now).on("webhook", id);
                act.change(shown(&before), shown(&after)).record(tx)?;
            }
            Ok::<_, Error>(after)
        })
        .await?;
    webhooks.recorded.notify_one();
    Ok(updated)
}

/// What the audit trail has of a webhook: of its URL the host only, as the rest may hold a secret.
fn shown(webhook: &Webhook) -> Value {
    json!({
        "host": host(&webhook.url),
        "events": webhook.events.names(),
        "description": webhook.description,
        "state": webhook.state,
    })
}
