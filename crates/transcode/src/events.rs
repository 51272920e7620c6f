//! The consumers of this role: uploads, deletions, and its own tickets.
//!
//! Owns the table of consumers. Invariant: names are permanent, because deliveries are recorded under them.

use contract::media::{Deleted, Received};
use kit::bus::{Consumer, HandlerError, Subscription};

use crate::config::Config;
use crate::error::Error;
use crate::model::{Queue, Ticket};
use crate::transitions;
use crate::work::Worker;

/// Deliveries beyond the configured attempts: the failures that the task's own row counts come first.
const EXTRA_BUS_ATTEMPTS: u32 = 30;
const RECEIVED: &str = "transcode.received";
const DELETED: &str = "transcode.deleted";

pub(crate) fn subscriptions(config: &kit::config::Config) -> Vec<Subscription> {
    // An invalid section is reported where the role itself starts.
    let lease = config.section::<Config>("transcode").unwrap_or_default().lease();
    let own = [Subscription::to::<Received>(RECEIVED), Subscription::to::<Deleted>(DELETED)];
    own.into_iter()
        .chain(Queue::ALL.map(|queue| Subscription::to_subject(queue.subject(), queue.subject()).lease(lease)))
        .collect()
}

pub(crate) fn consumers(worker: &Worker) -> Vec<Consumer> {
    let mut consumers = vec![
        Consumer::of::<Received, _, _>(RECEIVED, {
            let worker = worker.clone();
            move |event, delivery| received(worker.clone(), event, delivery.event.id)
        })
        .concurrency(8),
        Consumer::of::<Deleted, _, _>(DELETED, {
            let worker = worker.clone();
            move |event, delivery| deleted(worker.clone(), event, delivery.event.id)
        }),
    ];
    let workers = worker.config.workers();
    for queue in Queue::ALL {
        let worker = worker.clone();
        let lease = worker.config.lease();
        let attempts = worker.config.max_attempts.saturating_add(EXTRA_BUS_ATTEMPTS);
        let consumer = Consumer::raw(queue.subject(), &[queue.subject()], move |delivery| {
            let worker = worker.clone();
            async move {
                let ticket: Ticket = serde_json::from_str(&delivery.event.payload)
                    .map_err(|error| HandlerError::DeadLetter(format!("unreadable ticket: {error}")))?;
                worker.handle(queue, ticket, &delivery.event.id, delivery.attempt).await
            }
        });
        // One more than the limit of a member.
        consumers.push(consumer.concurrency(queue.member_limit(workers) + 1).lease(lease).attempts(attempts));
    }
    consumers
}

async fn received(worker: Worker, event: Received, id: String) -> Result<(), HandlerError> {
    let now = worker.context.clock.now();
    let accepted: Result<(), Error> = worker
        .context
        .db
        .write(move |tx| {
            Box::pin(async move {
                if tx.record_once(RECEIVED, &id, now).await? {
                    transitions::accept(tx, &event, now).await?;
                }
                Ok(())
            })
        })
        .await;
    accepted?;
    worker.permits.wake();
    Ok(())
}

async fn deleted(worker: Worker, event: Deleted, id: String) -> Result<(), HandlerError> {
    let (now, media) = (worker.context.clock.now(), event.id.clone());
    let deleted: Result<_, Error> = worker
        .context
        .db
        .write(move |tx| {
            Box::pin(async move {
                if tx.record_once(DELETED, &id, now).await? {
                    transitions::delete(tx, &event, now).await
                } else {
                    Ok(Vec::new())
                }
            })
        })
        .await;
    worker.cancel(&media);
    worker.discard(&deleted?).await;
    Ok(())
}
