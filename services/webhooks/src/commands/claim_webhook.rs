//! Leasing a webhook, and ending the lease.
//!
//! Invariant: a lease outlives a request, also if the clocks of two processes differ.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use db::{Lane, retirement};
use uuid::Uuid;

use crate::outbound::TOTAL_TIMEOUT;
use crate::state::Webhooks;
use crate::store;
use crate::store::leases::Lease;

/// By how much the clocks of two processes may differ, and what recording an attempt may take.
const MARGIN: Duration = Duration::from_secs(120);

/// Returns until when a lease holds that begins or is extended now.
pub(super) fn lease_end(now: DateTime<Utc>) -> DateTime<Utc> {
    now + TimeDelta::from_std(TOTAL_TIMEOUT + MARGIN).unwrap_or(TimeDelta::minutes(3))
}

/// Leases an active webhook; `None` if another process has it.
pub(crate) async fn claim_webhook(webhooks: &Webhooks, id: Uuid) -> Result<Option<Lease>, db::Error> {
    let now = webhooks.context.clock.now();
    let until = lease_end(now);
    webhooks
        .context
        .db
        .write(Lane::of(&id), async move |tx| {
            if retirement::is_retired(tx).await? {
                return Ok(None);
            }
            store::leases::claim(tx, id, now, until).await
        })
        .await
}

/// Ends a lease.
pub(crate) async fn release_webhook(webhooks: &Webhooks, lease: &Lease) -> Result<(), db::Error> {
    let key = (lease.id, lease.fence);
    webhooks.context.db.write(Lane::of(&lease.id), async move |tx| store::leases::release(tx, key).await).await
}

/// Ends every lease, for the only process that uses the database.
pub(crate) async fn end_leases(webhooks: &Webhooks) -> Result<(), db::Error> {
    webhooks.context.db.write(Lane::ALL, async |tx| store::leases::end_all(tx).await).await
}
