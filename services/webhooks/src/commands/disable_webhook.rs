//! Disabling a webhook because of its receiver.
//!
//! Invariant: the operator who made it or enabled it last is told, once (accounts mails it, to all operators if
//! that one is none any more).

use chrono::{DateTime, Utc};
use contract::webhooks::{Disabled, DisabledReason};
use db::Tx;
use uuid::Uuid;

use crate::model::host;
use crate::store;

/// Disables an active webhook and publishes [`Disabled`]. Returns `false` if it is not active. The caller holds the
/// webhook's lane.
pub(super) async fn disable_webhook(
    tx: &Tx,
    id: Uuid,
    reason: DisabledReason,
    now: DateTime<Utc>,
) -> Result<bool, db::Error> {
    let Some(webhook) = store::webhooks::find(tx, id).await? else { return Ok(false) };
    if !store::webhooks::set_disabled(tx, id, reason.as_str(), now).await? {
        return Ok(false);
    }
    tx.publish(&Disabled { id, operator: webhook.made_by, host: host(&webhook.url), reason, at: now }, now)?;
    tracing::warn!(webhook.id = %id, reason = reason.as_str(), "a webhook is disabled because of its receiver");
    Ok(true)
}
