//! Running a consumer: fetch, keep the lease alive, answer, back off, bury.
//!
//! Invariant: a handler's `Ok` is acknowledged only after it returned, so a process that dies in
//! between is delivered to again; the inbox makes the second time harmless.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::Semaphore;

use super::engine::{Delivery, Engine, Subscription};
use super::handler_error::error_chain;
use super::{Error, Event, HandlerError};
use crate::tasks::Tasks;

const LEASE: Duration = Duration::from_secs(30);
const FETCH_TIMEOUT: Duration = Duration::from_secs(20);
const MAX_ATTEMPTS: u32 = 8;
const FIRST_BACK_OFF: Duration = Duration::from_millis(500);
const MAX_BACK_OFF: Duration = Duration::from_secs(300);
/// While an engine is away: its return should not be noticed minutes late.
const MAX_UNAVAILABLE_BACK_OFF: Duration = Duration::from_secs(30);
/// Events whose failures a process remembers, per consumer; beyond it all are forgotten, which gives them some more attempts. More than
/// an engine leaves unanswered at once, or events that all fail would push each other out and never be buried.
const MAX_REMEMBERED: usize = 50_000;

/// What is done with deliveries: a batch, of one unless the consumer asked for more.
type Handler = Arc<dyn Fn(Vec<Delivery>) -> BoxFuture<'static, Result<(), HandlerError>> + Send + Sync>;

/// A durable consumer: its name, what it subscriptions, and what it does.
#[derive(Clone)]
pub struct Consumer {
    subscription: Subscription,
    at_once: usize,
    batch: usize,
    attempts: u32,
    failures: Failures,
    handler: Handler,
}

/// How often each event has failed here by its own doing. The engine's count of attempts won't do: it also counts those that met an engine
/// that was away, and those that died with their process.
#[derive(Debug, Clone, Default)]
struct Failures(Arc<Mutex<HashMap<String, u32>>>);

impl Failures {
    /// One more; answers how many there are now.
    fn add(&self, id: &str) -> u32 {
        let mut failures_by_id = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if failures_by_id.len() >= MAX_REMEMBERED && !failures_by_id.contains_key(id) {
            failures_by_id.clear();
        }
        let failures = failures_by_id.entry(id.to_owned()).or_default();
        *failures += 1;
        *failures
    }

    fn forget<'a>(&self, ids: impl Iterator<Item = &'a str>) {
        let mut failures_by_id = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !failures_by_id.is_empty() {
            ids.for_each(|id| {
                failures_by_id.remove(id);
            });
        }
    }
}

impl Consumer {
    /// A consumer of one event type. `name` is for ever; `handle` gets the event and its id (for `Tx::record_once`).
    pub fn of<E: Event, F, Fut>(name: &str, handle: F) -> Self
    where
        F: Fn(E, Delivery) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), HandlerError>> + Send + 'static,
    {
        let handle = Arc::new(handle);
        Self::raw(name, &[E::SUBJECT], move |delivery| {
            let handle = handle.clone();
            async move {
                let event = serde_json::from_str(&delivery.event.payload).map_err(|error| HandlerError::DeadLetter(format!("unreadable event: {error}")))?;
                handle(event, delivery).await
            }
        })
    }

    /// A consumer of several subjects, which reads the payload itself.
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

    /// A consumer that gets up to `size` deliveries at once and commits their effects in one transaction (`Tx::record_once_each` tells which are new).
    ///
    /// `handle` must do all or nothing. A batch that fails is handed over again one by one, so that only what is at fault is tried again
    /// or buried.
    pub fn batch<F, Fut>(name: &str, subjects: &[&str], size: usize, handle: F) -> Self
    where
        F: Fn(Vec<Delivery>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), HandlerError>> + Send + 'static,
    {
        // Two: one is handled while the next is fetched.
        Self::new(name, subjects, size.max(1), move |deliveries| Box::pin(handle(deliveries))).at_once(2)
    }

    fn new(name: &str, subjects: &[&str], batch: usize, handler: impl Fn(Vec<Delivery>) -> BoxFuture<'static, Result<(), HandlerError>> + Send + Sync + 'static) -> Self {
        let subjects = subjects.iter().map(|&subject| subject.to_owned()).collect();
        let subscription = Subscription { name: name.to_owned(), subjects, lease: LEASE };
        Self { subscription, at_once: 4, batch, attempts: MAX_ATTEMPTS, failures: Failures::default(), handler: Arc::new(handler) }
    }

    /// Its durable name.
    pub fn name(&self) -> &str {
        &self.subscription.name
    }

    /// How many deliveries (or batches) it handles at once (4 deliveries or 2 batches unless told).
    #[must_use]
    pub fn at_once(mut self, deliveries: usize) -> Self {
        self.at_once = deliveries.max(1);
        self
    }

    /// How often an event may fail here before it is buried (8 unless told); what [`HandlerError::Unavailable`] says doesn't count.
    #[must_use]
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts.max(1);
        self
    }

    /// How long a silent worker keeps a delivery (30 s unless told); a live one extends its lease by itself.
    #[must_use]
    pub fn lease(mut self, lease: Duration) -> Self {
        self.subscription.lease = lease;
        self
    }

    /// What it subscriptions, for [`super::Bus::declare`].
    pub fn subscription(&self) -> &Subscription {
        &self.subscription
    }
}

/// Starts the consumer's loop.
pub(super) fn start(consumer: Consumer, engine: Arc<dyn Engine>, tasks: &Tasks) {
    let owner = tasks.clone();
    tasks.spawn(async move {
        let permits = Arc::new(Semaphore::new(consumer.at_once));
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
                    tracing::warn!(consumer = consumer.name(), error = error_chain(&error), "the bus did not answer; trying again");
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
            Some(Err(HandlerError::Unavailable(reason) | HandlerError::Retry(reason) | HandlerError::DeadLetter(reason))) => {
                tracing::warn!(consumer = consumer.name(), deliveries = batch.len(), reason, "a batch failed; its deliveries are handled one by one");
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

/// RunsIn the handler while the leases are kept alive; `None` if one was lost meanwhile.
async fn run_handler(consumer: &Consumer, engine: &dyn Engine, batch: &[Delivery]) -> Option<Result<(), HandlerError>> {
    let work = tokio::spawn((consumer.handler)(batch.to_vec()));
    let abort = work.abort_handle();
    tokio::select! {
        result = work => Some(result.unwrap_or_else(|error| Err(HandlerError::Retry(format!("the handler ended early: {error}"))))),
        // Another worker has it now: going on would only waste work (its effects are fenced by the inbox).
        () = keep_leases(consumer, engine, batch) => { abort.abort(); None }
    }
}

/// Extends the leases for as long as all are held; returns when one is lost.
async fn keep_leases(consumer: &Consumer, engine: &dyn Engine, batch: &[Delivery]) {
    loop {
        tokio::time::sleep(consumer.subscription.lease / 3).await;
        let extended = futures::future::join_all(batch.iter().map(|delivery| engine.extend(&consumer.subscription, delivery))).await;
        for result in extended {
            match result {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => tracing::warn!(consumer = consumer.name(), error = error_chain(&error), "a lease could not be extended"),
            }
        }
    }
}

async fn acknowledge(consumer: &Consumer, engine: &dyn Engine, batch: &[Delivery]) {
    consumer.failures.forget(batch.iter().map(|delivery| delivery.event.id.as_str()));
    if let Err(error) = engine.ack_all(consumer.name(), batch).await {
        tracing::warn!(consumer = consumer.name(), deliveries = batch.len(), error = error_chain(&error), "deliveries could not be acknowledged; they will come again");
    }
}

async fn handle_failure(consumer: &Consumer, engine: &dyn Engine, delivery: &Delivery, error: HandlerError) {
    if let Err(error) = settle_failure(consumer, engine, delivery, error).await {
        tracing::warn!(consumer = consumer.name(), event.id = delivery.event.id, error = error_chain(&error), "a delivery could not be answered; it will come again");
    }
}

async fn settle_failure(consumer: &Consumer, engine: &dyn Engine, delivery: &Delivery, error: HandlerError) -> Result<bool, Error> {
    let (name, id, subject) = (consumer.name(), &delivery.event.id, &delivery.event.subject);
    let (reason, failures) = match error {
        HandlerError::Unavailable(reason) => {
            let delay = back_off(delivery.attempt).min(MAX_UNAVAILABLE_BACK_OFF);
            tracing::warn!(consumer = name, event.id = id, event.subject = subject, attempt = delivery.attempt, reason, "what a delivery needs is away; it will be tried again");
            return engine.retry(name, delivery, delay).await;
        }
        HandlerError::Later(pause) => return engine.retry(name, delivery, pause).await,
        HandlerError::Retry(reason) => (reason, consumer.failures.add(id)),
        HandlerError::DeadLetter(reason) => (reason, consumer.attempts),
    };
    if failures < consumer.attempts {
        tracing::warn!(consumer = name, event.id = id, event.subject = subject, failures, reason, "a delivery failed and will be tried again");
        return engine.retry(name, delivery, back_off(failures)).await;
    }
    tracing::error!(consumer = name, event.id = id, event.subject = subject, attempt = delivery.attempt, reason, "a delivery was given up; see `tutti bus dead`");
    let stored = engine.dead_letter(name, delivery, &reason).await?;
    consumer.failures.forget(std::iter::once(id.as_str()));
    Ok(stored)
}

/// Doubles with every attempt from half a second to five minutes, with up to a quarter of jitter.
fn back_off(attempt: u32) -> Duration {
    let plain = FIRST_BACK_OFF.saturating_mul(1 << attempt.saturating_sub(1).min(12)).min(MAX_BACK_OFF);
    plain.mul_f64(1.0 + rand::random::<f64>() / 4.0)
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
