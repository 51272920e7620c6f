//! Reads that need more than one query: webhooks with their last delivery, deliveries with their attempts.
//!
//! Invariant: a page has at most as many items as were asked for, and says whether there are more.

use std::collections::HashMap;

use db::retirement;
use uuid::Uuid;

use crate::error::Error;
use crate::model::{Attempt, Delivery, DeliveryState, Webhook};
use crate::state::Webhooks;
use crate::store;
use crate::store::leases::Lease;

/// A delivery and its attempts.
pub(crate) type DeliveryLog = (Delivery, Vec<Attempt>);

/// A page of rows, and where the next one starts.
pub(crate) type PageOf<T> = (Vec<T>, Option<Uuid>);

/// Returns a webhook and its newest delivery.
pub(crate) async fn webhook(webhooks: &Webhooks, id: Uuid) -> Result<(Webhook, Option<DeliveryLog>), Error> {
    let webhook = store::webhooks::find(webhooks.context.db.read(), id).await?.ok_or(Error::NotFound)?;
    let newest = newest_delivery(webhooks, id).await?;
    Ok((webhook, newest))
}

/// Returns a lease with what the webhook is now; `None` if nothing more may be sent under it: it is lost, an operator
/// has changed that, or the site is retired. A lease lasts as long as something is due.
pub(crate) async fn current_lease(webhooks: &Webhooks, lease: &Lease) -> Result<Option<Lease>, db::Error> {
    let sql = webhooks.context.db.read();
    if retirement::is_retired(sql).await? {
        return Ok(None);
    }
    store::leases::find(sql, (lease.id, lease.fence)).await
}

/// Returns webhooks below `before`, the newest first, each with its newest delivery.
pub(crate) async fn webhooks(
    webhooks: &Webhooks,
    before: Uuid,
    limit: usize,
) -> Result<PageOf<(Webhook, Option<DeliveryLog>)>, Error> {
    let rows = store::webhooks::list(webhooks.context.db.read(), before, limit + 1).await?;
    let (rows, next) = page(rows, limit, |webhook| webhook.id);
    let mut items = Vec::with_capacity(rows.len());
    for webhook in rows {
        let newest = newest_delivery(webhooks, webhook.id).await?;
        items.push((webhook, newest));
    }
    Ok((items, next))
}

async fn newest_delivery(webhooks: &Webhooks, id: Uuid) -> Result<Option<DeliveryLog>, Error> {
    let newest = store::deliveries::list(webhooks.context.db.read(), id, None, Uuid::max(), 1).await?;
    Ok(with_attempts(webhooks, newest).await?.pop())
}

/// Returns a delivery of a webhook.
pub(crate) async fn delivery(webhooks: &Webhooks, webhook: Uuid, id: Uuid) -> Result<DeliveryLog, Error> {
    let found = store::deliveries::find(webhooks.context.db.read(), webhook, id).await?;
    let found = with_attempts(webhooks, found.into_iter().collect()).await?.pop();
    found.ok_or(Error::DeliveryNotFound)
}

/// Returns deliveries of a webhook below `before`, the newest first: all, or those in a state.
pub(crate) async fn deliveries(
    webhooks: &Webhooks,
    webhook: Uuid,
    state: Option<DeliveryState>,
    before: Uuid,
    limit: usize,
) -> Result<PageOf<DeliveryLog>, Error> {
    let sql = webhooks.context.db.read();
    store::webhooks::find(sql, webhook).await?.ok_or(Error::NotFound)?;
    let rows = store::deliveries::list(sql, webhook, state, before, limit + 1).await?;
    let (rows, next) = page(rows, limit, |delivery| delivery.id);
    Ok((with_attempts(webhooks, rows).await?, next))
}

async fn with_attempts(webhooks: &Webhooks, deliveries: Vec<Delivery>) -> Result<Vec<DeliveryLog>, Error> {
    let ids: Vec<Uuid> = deliveries.iter().map(|delivery| delivery.id).collect();
    let mut attempts: HashMap<Uuid, Vec<(i64, Attempt)>> = HashMap::new();
    for (delivery, number, attempt) in store::attempts::list(webhooks.context.db.read(), &ids).await? {
        attempts.entry(delivery).or_default().push((number, attempt));
    }
    let log = |delivery: Delivery| {
        let attempts = attempts.remove(&delivery.id).unwrap_or_default();
        // One that was recorded since the delivery was read would contradict it.
        let known = attempts.into_iter().filter(|(number, _)| *number <= delivery.attempts);
        let attempts = known.map(|(_, attempt)| attempt).collect();
        (delivery, attempts)
    };
    Ok(deliveries.into_iter().map(log).collect())
}

/// Cuts rows, of which one more was read than the page has.
fn page<T>(mut rows: Vec<T>, limit: usize, id: impl Fn(&T) -> Uuid) -> PageOf<T> {
    let has_more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| has_more).map(id);
    (rows, next)
}
