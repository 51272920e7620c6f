//! Recording events for the webhooks that subscribe to them.
//!
//! Invariant: the deliveries of an event are recorded in the transaction that records it as handled, so an event that
//! was acknowledged is delivered, unless it names an account that was erased. Events that no webhook subscribes to cost
//! a read and no write.

use bus::HandlerError;
use chrono::TimeDelta;
use contract::AccountId;
use db::Lane;

use crate::error::Error;
use crate::model::PublicEvent;
use crate::state::Webhooks;
use crate::store;
use crate::store::deliveries::NewDelivery;

/// The durable consumer of the events.
pub(crate) const EVENTS_CONSUMER: &str = "webhooks.events";

/// An event, ready to be recorded.
#[derive(Clone)]
struct Recordable {
    id: String,
    event_type: &'static str,
    account: Option<AccountId>,
    payload: String,
}

/// Records events, all or none. Events that no webhook subscribes to leave nothing.
pub(crate) async fn record_events(webhooks: &Webhooks, deliveries: Vec<bus::Delivery>) -> Result<(), HandlerError> {
    let unreadable = |error: serde_json::Error| HandlerError::DeadLetter(format!("unreadable event: {error}"));
    let (now, random) = (webhooks.context.clock.now(), webhooks.context.random.clone());
    let mut events = Vec::with_capacity(deliveries.len());
    for delivery in deliveries {
        let event = &delivery.event;
        if let Some(public) = PublicEvent::of(&event.subject, &event.payload).map_err(unreadable)? {
            let payload = public.payload(now).map_err(unreadable)?;
            let (event_type, account) = (public.event_type, public.account);
            events.push(Recordable { id: delivery.event.id, event_type, account, payload });
        }
    }
    let targets = store::webhooks::list_active(webhooks.context.db.read()).await.map_err(Error::from)?;
    let is_wanted = |event: &Recordable| targets.iter().any(|target| target.events.has(event.event_type));
    if !events.iter().any(is_wanted) {
        return Ok(());
    }
    let recorded = webhooks
        .context
        .db
        .write(Lane::NONE, async move |tx| {
            let ids: Vec<&str> = events.iter().map(|event| event.id.as_str()).collect();
            let new = tx.record_once_each(EVENTS_CONSUMER, &ids, now).await?;
            let targets = store::webhooks::list_active(tx).await?;
            let named: Vec<AccountId> = events.iter().filter_map(|event| event.account).collect();
            let erased = store::erased_accounts::list(tx, &named).await?;
            let is_kept = |event: &&Recordable| {
                new.contains(&event.id) && event.account.is_none_or(|account| !erased.contains(&account))
            };
            let mut rows = Vec::new();
            // They are due in their order, a microsecond apart.
            let mut due_at = now - TimeDelta::microseconds(i64::try_from(events.len()).unwrap_or(0));
            for event in events.iter().filter(is_kept) {
                due_at += TimeDelta::microseconds(1);
                rows.extend(targets.iter().filter(|target| target.events.has(event.event_type)).map(|target| {
                    NewDelivery {
                        id: random.uuid_v7(now),
                        webhook: target.id,
                        event_id: event.id.clone(),
                        event_type: event.event_type,
                        payload: event.payload.clone(),
                        account: event.account,
                        created_at: now,
                        due_at,
                    }
                }));
            }
            store::deliveries::insert_each(tx, &rows).await?;
            Ok::<_, Error>(rows.len())
        })
        .await?;
    if recorded > 0 {
        webhooks.recorded.notify_one();
    }
    Ok(())
}
