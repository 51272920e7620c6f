//! Runs a consumer: fetch, extend the leases, acknowledge, back off, dead-letter.
//!
//! Owns the loop of a consumer and its count of failures. Does not own delivery (the engine). Invariant: a delivery is
//! acknowledged only after its handler returned `Ok`. If the process dies in between, the event is delivered again, and
//! the inbox makes the second delivery harmless.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use base::Random;
use futures::future::BoxFuture;
use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tracing::Instrument as _;

use super::engine::{Delivery, Engine, Subscription};
use super::spans::HandlingSpans;
use super::{Error, HandlerError};
use base::error::chain;
use base::tasks::Tasks;
use base::{Event, Trace};

const LEASE: Duration = Duration::from_secs(30);
const FETCH_TIMEOUT: Duration = Duration::from_secs(20);
const MAX_ATTEMPTS: u32 = 8;
const FIRST_BACK_OFF: Duration = Duration::from_millis(500);
const MAX_BACK_OFF: Duration = Duration::from_secs(300);
/// The longest pause while an engine is unavailable, so that its return is noticed within half a minute.
const MAX_UNAVAILABLE_BACK_OFF: Duration = Duration::from_secs(30);
/// Events whose failures a process remembers, per consumer. Beyond this all are forgotten, which gives them some more
/// attempts. It is more than an engine leaves unanswered at once: otherwise events that all fail would push each other
/// out and never become dead letters.
const MAX_REMEMBERED: usize = 50_000;

/// Handles deliveries: a batch, of one unless the consumer asked for more.
type Handler = Arc<dyn Fn(Vec<Delivery>) -> BoxFuture<'static, Result<(), HandlerError>> + Send + Sync>;

/// A durable consumer: its name, its subjects and its handler.
#[derive(Clone)]
pub struct Consumer {
    subscription: Subscription,
    concurrency: usize,
    batch: usize,
    attempts: u32,
    failures: Failures,
    handler: Handler,
}

/// How often each event has failed here by its own fault. The engine's count of attempts includes those that failed
/// because an engine was unavailable, and those whose process died.
#[derive(Debug, Clone, Default)]
struct Failures(Arc<Mutex<HashMap<String, u32>>>);

impl Failures {
    /// Adds a failure of an event and returns how many it has now.
    fn add(&self, id: &str) -> u32 {
        let mut failures_by_id = self.0.lock();
        if failures_by_id.len() >= MAX_REMEMBERED && !failures_by_id.contains_key(id) {
            failures_by_id.clear();
        }
        let failures = failures_by_id.entry(id.to_owned()).or_default();
        *failures += 1;
        *failures
    }

    fn forget<'a>(&self, ids: impl Iterator<Item = &'a str>) {
        let mut failures_by_id = self.0.lock();
        if !failures_by_id.is_empty() {
            ids.for_each(|id| {
                failures_by_id.remove(id);
            });
        }
    }
}

impl Consumer {
    /// Returns a consumer of one event type. `name` must never change. `handle` gets the event and the delivery, whose
    /// id `Tx::record_once` takes.
    pub fn of<E: Event, F, Fut>(name: &str, handle: F) -> Self
    where
        F: Fn(E, Delivery) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), HandlerError>> + Send + 'static,
    {
        let handle = Arc::new(handle);
        Self::raw(name, &[E::SUBJECT], move |delivery| {
            let handle = handle.clone();
            async move {
                let event = serde_json::from_str(&delivery.event.payload)
                    .map_err(|error| HandlerError::DeadLetter(format!("unreadable event: {error}")))?;
                handle(event, delivery).await
            }
        })
    }

    /// Returns a consumer of several subjects that parses the payload itself.
    pub fn raw<F, Fut>(name: &str, subjects: &[&str], handle: F) -> Self
    where
        F: Fn(Delivery) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), HandlerError>> + Send + 'static,
    {
        let handle = Arc::new(handle);
        Self::new(name, subjects, 1, move |deliveries| {
            let handle = handle.clone();
            Box::pin(async move {
                for delivery in deliveries {
                    handle(delivery).await?;
                }
                Ok(())
            })
        })
    }

    /// Returns a consumer that gets up to `size` deliveries at once and commits their effects in one transaction
    /// (`Tx::record_once_each` returns which are new).
    ///
    /// `handle` must do all or nothing. After a batch failed, its deliveries are handled one by one, so that only the
    /// faulty ones are retried or dead-lettered.
    pub fn batch<F, Fut>(name: &str, subjects: &[&str], size: usize, handle: F) -> Self
    where
        F: Fn(Vec<Delivery>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), HandlerError>> + Send + 'static,
    {
        // Two: one is handled while the next is fetched.
        Self::new(name, subjects, size.max(1), move |deliveries| Box::pin(handle(deliveries))).concurrency(2)
    }

    fn new(
        name: &str,
        subjects: &[&str],
        batch: usize,
        handler: impl Fn(Vec<Delivery>) -> BoxFuture<'static, Result<(), HandlerError>> + Send + Sync + 'static,
    ) -> Self {
        let subjects = subjects.iter().map(|&subject| subject.to_owned()).collect();
        let subscription = Subscription { name: name.to_owned(), subjects, lease: LEASE };
        Self {
            subscription,
            concurrency: 4,
            batch,
            attempts: MAX_ATTEMPTS,
            failures: Failures::default(),
            handler: Arc::new(handler),
        }
    }

    /// The durable name.
    pub fn name(&self) -> &str {
        &self.subscription.name
    }

    /// Sets how many deliveries (or batches) are handled at once; 4 deliveries or 2 batches by default.
    #[must_use]
    pub fn concurrency(mut self, deliveries: usize) -> Self {
        self.concurrency = deliveries.max(1);
        self
    }

    /// Sets after how many failures an event becomes a dead letter; 8 by default. [`HandlerError::Unavailable`] does
    /// not count.
    #[must_use]
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts.max(1);
        self
    }

    /// Sets how long an unresponsive worker keeps a delivery; 30 s by default. A running worker extends its lease.
    #[must_use]
    pub fn lease(mut self, lease: Duration) -> Self {
        self.subscription.lease = lease;
        self
    }

    /// The subscription, for [`super::Bus::declare`].
    pub fn subscription(&self) -> &Subscription {
        &self.subscription
    }
}

/// Starts the consumer's loop.
pub(super) fn start(consumer: Consumer, engine: Arc<dyn Engine>, tasks: &Tasks) {
    let owner = tasks.clone();
    tasks.spawn(async move {
        let permits = Arc::new(Semaphore::new(consumer.concurrency));
        while !owner.is_stopping() {
            let Ok(permit) = permits.clone().acquire_owned().await else { return };
            let free = if consumer.batch > 1 { consumer.batch } else { 1 + permits.available_permits() };
            let fetched = tokio::select! {
                fetched = engine.fetch(&consumer.subscription, free, FETCH_TIMEOUT) => fetched,
                () = owner.stopping() => return,
            };
            drop(permit);
            match fetched {
                Ok(deliveries) => {
                    let mut deliveries = deliveries.into_iter().peekable();
                    while deliveries.peek().is_some() {
                        let batch: Vec<Delivery> = deliveries.by_ref().take(consumer.batch).collect();
                        let Ok(permit) = permits.clone().acquire_owned().await else { return };
                        let (consumer, engine) = (consumer.clone(), engine.clone());
                        owner.spawn(async move {
                            handle(&consumer, &*engine, batch).await;
                            drop(permit);
                        });
                    }
                }
                Err(error) => {
                    tracing::warn!(
                        consumer = consumer.name(),
                        error = chain(&error),
                        "the bus did not respond; trying again"
                    );
                    owner.sleep(Duration::from_secs(1)).await;
                }
            }
        }
    });
}

async fn handle(consumer: &Consumer, engine: &dyn Engine, mut batch: Vec<Delivery>) {
    if batch.len() > 1 {
        match run_handler(consumer, engine, &batch).await {
            Some(Ok(())) => return acknowledge(consumer, engine, &batch).await,
            Some(Err(HandlerError::Later(_))) => {}
            Some(Err(
                HandlerError::Unavailable(reason) | HandlerError::Retry(reason) | HandlerError::DeadLetter(reason),
            )) => {
                tracing::warn!(
                    consumer = consumer.name(),
                    deliveries = batch.len(),
                    reason,
                    "a batch failed; its deliveries are handled one by one"
                );
            }
            None => return,
        }
    }
    for delivery in batch.drain(..) {
        let delivery = [delivery];
        match run_handler(consumer, engine, &delivery).await {
            Some(Ok(())) => acknowledge(consumer, engine, &delivery).await,
            Some(Err(error)) => handle_failure(consumer, engine, &delivery[0], error).await,
            None => {}
        }
    }
}

/// Runs the handler and extends the leases meanwhile; `None` if one was lost.
async fn run_handler(consumer: &Consumer, engine: &dyn Engine, batch: &[Delivery]) -> Option<Result<(), HandlerError>> {
    let spans = HandlingSpans::begin(consumer.name(), batch);
    let work = (consumer.handler)(batch.to_vec()).instrument(spans.log_span(consumer.name(), batch));
    let work = tokio::spawn(Trace::within(spans.trace(batch), work));
    let abort = work.abort_handle();
    let outcome = tokio::select! {
        result = work => Some(result.unwrap_or_else(|error| Err(HandlerError::Retry(format!("the handler ended early: \
            {error}"))))),
        // Another worker has the delivery now: going on would only waste work (the inbox fences its effects).
        () = keep_leases(consumer, engine, batch) => { abort.abort(); None }
    };
    spans.end(outcome.as_ref());
    outcome
}

/// Extends the leases for as long as all are held; returns when one is lost.
async fn keep_leases(consumer: &Consumer, engine: &dyn Engine, batch: &[Delivery]) {
    loop {
        tokio::time::sleep(consumer.subscription.lease / 3).await;
        let extended =
            futures::future::join_all(batch.iter().map(|delivery| engine.extend(&consumer.subscription, delivery)))
                .await;
        for result in extended {
            match result {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    tracing::warn!(consumer = consumer.name(), error = chain(&error), "a lease could not be extended");
                }
            }
        }
    }
}

async fn acknowledge(consumer: &Consumer, engine: &dyn Engine, batch: &[Delivery]) {
    consumer.failures.forget(batch.iter().map(|delivery| delivery.event.id.as_str()));
    if let Err(error) = engine.ack_all(consumer.name(), batch).await {
        tracing::warn!(
            consumer = consumer.name(),
            deliveries = batch.len(),
            error = chain(&error),
            "deliveries could not be acknowledged; they will come again"
        );
    }
}

async fn handle_failure(consumer: &Consumer, engine: &dyn Engine, delivery: &Delivery, error: HandlerError) {
    if let Err(error) = settle_failure(consumer, engine, delivery, error).await {
        tracing::warn!(
            consumer = consumer.name(),
            event.id = delivery.event.id,
            error = chain(&error),
            "a failed delivery could not be reported; it will come again"
        );
    }
}

async fn settle_failure(
    consumer: &Consumer,
    engine: &dyn Engine,
    delivery: &Delivery,
    error: HandlerError,
) -> Result<bool, Error> {
    let (name, id, subject) = (consumer.name(), &delivery.event.id, &delivery.event.subject);
    let (reason, failures) = match error {
        HandlerError::Unavailable(reason) => {
            let delay = back_off(delivery.attempt).min(MAX_UNAVAILABLE_BACK_OFF);
            tracing::warn!(
                consumer = name,
                event.id = id,
                event.subject = subject,
                attempt = delivery.attempt,
                reason,
                "a dependency of a delivery is unavailable; it will be tried again"
            );
            return engine.retry(name, delivery, delay).await;
        }
        HandlerError::Later(pause) => return engine.retry(name, delivery, pause).await,
        HandlerError::Retry(reason) => (reason, consumer.failures.add(id)),
        HandlerError::DeadLetter(reason) => (reason, consumer.attempts),
    };
    if failures < consumer.attempts {
        tracing::warn!(
            consumer = name,
            event.id = id,
            event.subject = subject,
            failures,
            reason,
            "a delivery failed and will be tried again"
        );
        return engine.retry(name, delivery, back_off(failures)).await;
    }
    tracing::error!(
        consumer = name,
        event.id = id,
        event.subject = subject,
        attempt = delivery.attempt,
        reason,
        "a delivery became a dead letter; see `tutti bus dead`"
    );
    let stored = engine.dead_letter(name, delivery, &reason).await?;
    consumer.failures.forget(std::iter::once(id.as_str()));
    Ok(stored)
}

/// Returns the pause before the next attempt. It doubles from half a second to five minutes, with up to a quarter of
/// jitter.
fn back_off(attempt: u32) -> Duration {
    let plain = FIRST_BACK_OFF.saturating_mul(1 << attempt.saturating_sub(1).min(12)).min(MAX_BACK_OFF);
    Random::system().jitter(plain, 0.25)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn back_off_doubles_and_is_bounded() {
        assert!(back_off(1) < Duration::from_millis(700));
        assert!(back_off(4) >= Duration::from_secs(4));
        assert!(back_off(1000) <= Duration::from_secs(375));
    }
}
