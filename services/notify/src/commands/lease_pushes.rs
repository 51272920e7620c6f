//! Leasing pushes that are due.
//!
//! Invariant: a lease outlives a request, also if the clocks of two processes differ; after a process has died, what it
//! had leased is sent again.

use chrono::TimeDelta;
use db::{Lane, retirement};
use uuid::Uuid;

use crate::error::Error;
use crate::model::DeviceKind;
use crate::state::Notify;
use crate::store::pushes;
use crate::store::pushes::LeasedPush;

/// Many times what a request may take.
const LEASE: TimeDelta = TimeDelta::minutes(2);

/// Leases at most `limit` pushes for a provider; none if the site is retired. Returns the lease with them.
pub(crate) async fn lease_pushes(
    notify: &Notify,
    provider: DeviceKind,
    limit: usize,
) -> Result<(Uuid, Vec<LeasedPush>), Error> {
    let (now, lease) = (notify.context.clock.now(), notify.context.random.uuid_v4());
    let lane = Lane::of(&format!("push {}", provider.as_str()));
    let leased = notify
        .context
        .db
        .write(lane, async move |tx| {
            if retirement::is_retired(tx).await? {
                return Ok(Vec::new());
            }
            pushes::lease(tx, provider, lease, (now, now + LEASE), limit).await
        })
        .await?;
    Ok((lease, leased))
}
