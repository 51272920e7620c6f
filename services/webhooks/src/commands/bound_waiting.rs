//! The bound of what waits for a webhook.
//!
//! Invariant: about a minute after more than `max_waiting` deliveries wait for a webhook, it is disabled and gets no
//! more.

use contract::webhooks::DisabledReason;
use db::Lane;
use db::schedule::Run;

use super::disable_webhook::disable_webhook;
use crate::error::Error;
use crate::state::Webhooks;
use crate::store;

/// Disables the webhooks for which too much waits.
pub(crate) async fn bound_waiting(webhooks: &Webhooks, run: &Run) -> Result<(), Error> {
    let (context, max_waiting) = (&webhooks.context, webhooks.config.max_waiting);
    for webhook in store::webhooks::list_active(context.db.read()).await? {
        let waiting =
            store::deliveries::count_waiting(context.db.read(), webhook.id, max_waiting.saturating_add(1)).await?;
        if waiting <= max_waiting {
            continue;
        }
        let (run, now) = (run.clone(), context.clock.now());
        let was_disabled = context
            .db
            .write(Lane::of(&webhook.id), async move |tx| {
                run.fence(tx).await?;
                Ok::<_, Error>(disable_webhook(tx, webhook.id, DisabledReason::Backlog, now).await?)
            })
            .await?;
        if was_disabled {
            webhooks.metrics.disabled.inc();
        }
    }
    Ok(())
}
