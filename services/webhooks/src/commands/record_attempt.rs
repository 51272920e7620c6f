//! Recording how an attempt ended.
//!
//! A process that dies before this leaves a lease; another one sends the same message again. Invariant: the attempt,
//! what follows for the delivery and what follows for the webhook are recorded together, and only by the holder of the
//! lease.

use contract::webhooks::DisabledReason;
use db::Lane;

use super::claim_webhook::lease_end;
use super::disable_webhook::disable_webhook;
use crate::error::Error;
use crate::model::{AttemptResult, DeliveryState, Verdict};
use crate::state::Webhooks;
use crate::store;
use crate::store::deliveries::DueDelivery;
use crate::store::leases::Lease;

/// Whether the holder of a lease goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// It sends what is due next.
    Continue,
    /// The webhook is paused or disabled.
    Stop,
    /// Another process has the webhook.
    Lost,
}

/// Records an attempt, and disables the webhook if its receiver is gone, or if none of its deliveries arrived since
/// this one was tried first and it is given up.
pub(crate) async fn record_attempt(
    webhooks: &Webhooks,
    lease: &Lease,
    delivery: &DueDelivery,
    result: AttemptResult,
) -> Result<Next, Error> {
    let (now, fraction) = (webhooks.context.clock.now(), webhooks.context.random.fraction());
    let verdict = result.verdict(delivery.tries + 1, now, fraction);
    let (webhook, key, until) = (lease.id, (lease.id, lease.fence), lease_end(now));
    let (delivery, attempt) = (delivery.clone(), result.attempt);
    let (next, was_disabled) = webhooks
        .context
        .db
        .write(Lane::of(&webhook), async move |tx| {
            let (state, due_at, paused_until) = match verdict {
                Verdict::Delivered => (DeliveryState::Delivered, None, None),
                Verdict::Gone | Verdict::GivenUp => (DeliveryState::Failed, None, None),
                Verdict::Retry { due_at, paused_until } => (DeliveryState::Waiting, Some(due_at), paused_until),
            };
            let tried_since = delivery.tried_since.unwrap_or(now);
            let failing_since = if state == DeliveryState::Delivered {
                let kept = store::leases::keep_after_success(tx, key, until).await?;
                kept.then_some(now)
            } else {
                store::leases::keep_after_failure(tx, key, until, now, paused_until).await?
            };
            let Some(failing_since) = failing_since else { return Ok((Next::Lost, false)) };
            let since = (state == DeliveryState::Waiting).then_some(tried_since);
            if store::deliveries::settle(tx, (delivery.id, delivery.tries), state, due_at, since).await? {
                store::attempts::insert(tx, delivery.id, delivery.attempts + 1, &attempt).await?;
            }
            let reason = match verdict {
                Verdict::Gone => Some(DisabledReason::Gone),
                Verdict::GivenUp if failing_since <= tried_since => Some(DisabledReason::Failing),
                _ => None,
            };
            let was_disabled = match reason {
                Some(reason) => disable_webhook(tx, webhook, reason, now).await?,
                None => false,
            };
            let stops = reason.is_some() || paused_until.is_some();
            Ok::<_, Error>((if stops { Next::Stop } else { Next::Continue }, was_disabled))
        })
        .await?;
    let metrics = &webhooks.metrics;
    let counter = if verdict == Verdict::Delivered { &metrics.delivered } else { &metrics.failed_attempts };
    counter.inc();
    if was_disabled {
        metrics.disabled.inc();
    }
    Ok(next)
}
