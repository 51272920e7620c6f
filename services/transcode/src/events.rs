//! The subscriptions of this role: uploads, deletions, retries, erased accounts, its own tickets, and what it has
//! converted itself, which classifiers look at.
//!
//! Owns the table of subscriptions. Invariant: names are permanent, because deliveries are recorded under them.

use std::time::Duration;

use bus::{Delivery, HandlerError, Subscriptions};
use contract::accounts::Erased;
use contract::media::{Deleted, Received, Retried};
use contract::transcode::Ready;

use crate::commands::{self, Cause};
use crate::config::Config;
use crate::model::{Queue, Ticket};
use crate::state::Worker;
use crate::work;

/// Deliveries beyond the configured attempts: the failures that the task's own row counts come first.
const EXTRA_BUS_ATTEMPTS: u32 = 30;
const RECEIVED: &str = "transcode.received";
const DELETED: &str = "transcode.deleted";
const RETRIED: &str = "transcode.retried";
const ERASED: &str = "transcode.erased";
const CLASSIFY: &str = "transcode.classify";
/// How often it is checked whether the items of an erased member are gone, and how often at most.
const ERASED_RECHECK: Duration = Duration::from_secs(1);
const MAX_ERASED_RECHECKS: u32 = 1000;

pub(crate) fn subscriptions(config: &base::config::Config) -> Subscriptions<Worker> {
    // An invalid section is reported where the role itself starts.
    let config = config.section::<Config>("transcode").unwrap_or_default();
    let (workers, lease) = (config.workers(), config.lease());
    let attempts = config.max_attempts.saturating_add(EXTRA_BUS_ATTEMPTS);
    let events = Subscriptions::new()
        .on(RECEIVED, received, |on| on.concurrency(8))
        .on(DELETED, deleted, |on| on)
        .on(RETRIED, retried, |on| on)
        .on(ERASED, erased, |on| on)
        // One after the other: a model has one core, and no request waits.
        .on(CLASSIFY, ready, |on| on.concurrency(1));
    Queue::ALL.into_iter().fold(events, |subscriptions, queue| {
        let handle = move |worker, delivery| run_ticket(worker, queue, delivery);
        // One more than the limit of a member.
        let concurrency = queue.member_limit(workers) + 1;
        subscriptions.on_subject(queue.subject(), queue.subject(), handle, move |on| {
            on.concurrency(concurrency).lease(lease).attempts(attempts)
        })
    })
}

async fn received(worker: Worker, event: Received, delivery: Delivery) -> Result<(), HandlerError> {
    let cause = Cause { consumer: RECEIVED, event_id: delivery.event.id };
    Ok(commands::accept(&worker, event, cause).await?)
}

async fn deleted(worker: Worker, event: Deleted, delivery: Delivery) -> Result<(), HandlerError> {
    let cause = Cause { consumer: DELETED, event_id: delivery.event.id };
    let media = event.id.clone();
    let deleted = commands::delete(&worker, event, cause).await;
    worker.cancel(&media);
    commands::discard(&worker, &deleted?).await;
    Ok(())
}

async fn retried(worker: Worker, event: Retried, delivery: Delivery) -> Result<(), HandlerError> {
    let cause = Cause { consumer: RETRIED, event_id: delivery.event.id };
    Ok(commands::retry(&worker, event, cause).await?)
}

/// Handling an event twice changes nothing, so no inbox is needed.
async fn erased(worker: Worker, event: Erased, delivery: Delivery) -> Result<(), HandlerError> {
    let at_once = delivery.attempt >= MAX_ERASED_RECHECKS;
    if commands::forget_member(&worker, event.account, at_once).await? {
        return Ok(());
    }
    Err(HandlerError::Later(ERASED_RECHECK))
}

async fn ready(worker: Worker, event: Ready, delivery: Delivery) -> Result<(), HandlerError> {
    work::classify::classify(&worker, &event.id, delivery.attempt).await
}

async fn run_ticket(worker: Worker, queue: Queue, delivery: Delivery) -> Result<(), HandlerError> {
    let ticket: Ticket = serde_json::from_str(&delivery.event.payload)
        .map_err(|error| HandlerError::DeadLetter(format!("unreadable ticket: {error}")))?;
    work::handle(&worker, queue, ticket, &delivery.event.id, delivery.attempt).await
}
