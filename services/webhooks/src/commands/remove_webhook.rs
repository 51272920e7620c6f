//! Removing a webhook.
//!
//! Its deliveries can be many, so a job deletes them. Invariant: once it returned, the webhook gets no deliveries and
//! is not found any more, and its secrets are gone.

use db::Lane;
use http_server::operators::{Act, Actor};
use serde_json::json;
use uuid::Uuid;

use crate::error::Error;
use crate::model::host;
use crate::state::Webhooks;
use crate::store;

/// Removes a webhook.
pub(crate) async fn remove_webhook(webhooks: &Webhooks, actor: Actor, id: Uuid) -> Result<(), Error> {
    let now = webhooks.context.clock.now();
    webhooks
        .context
        .db
        .write(Lane::of(&id), async move |tx| {
            let webhook = store::webhooks::find(tx, id).await?.ok_or(Error::NotFound)?;
            store::webhooks::set_removed(tx, id).await?;
            let act = Act::new(actor, "webhooks.removed", now).on("webhook", id);
            act.change(json!({ "host": host(&webhook.url) }), json!(null)).record(tx)?;
            Ok(())
        })
        .await
}
