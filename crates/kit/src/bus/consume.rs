//! Running a consumer: fetch, keep the lease alive, answer, back off, bury.
//!
//! Invariant: a handler's `Ok` is acknowledged only after it returned, so a process that dies in
//! between is delivered to again; the inbox makes the second time harmless.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::Semaphore;

use super::engine::{Delivery, Engine, Subscription};
use super::{Event, db};
use crate::tasks::Tasks;

const LEASE: Duration = Duration::from_secs(30);
const WAIT: Duration = Duration::from_secs(20);
const ATTEMPTS: u32 = 8;
const FIRST_BACK_OFF: Duration = Duration::from_millis(500);
const LONGEST_BACK_OFF: Duration = Duration::from_secs(300);

/// Why a delivery was not taken.
#[derive(Debug)]
pub enum Failure {
    /// It may work later: deliver again, with back-off, and bury it after the last attempt.
    Retry(String),
    /// It never will: bury it now, with this reason.
    Bury(String),
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        let mut reason = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            reason.push_str(": ");
            reason.push_str(&cause.to_string());
            source = cause.source();
        }
        Self::Retry(reason)
    }
}

type Handler = Arc<dyn Fn(Delivery) -> BoxFuture<'static, Result<(), Failure>> + Send + Sync>;

/// A durable consumer: its name, what it hears, and what it does.
#[derive(Clone)]
pub struct Consumer {
    name: String,
    subjects: Vec<String>,
    at_once: usize,
    attempts: u32,
    lease: Duration,
    handler: Handler,
}

impl Consumer {
    /// A consumer of one event type. `name` is for ever; `handle` gets the event and its id (for `Tx::first_time`).
    pub fn of<E: Event, F, Fut>(name: &str, handle: F) -> Self
    where
        F: Fn(E, Delivery) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        let handle = Arc::new(handle);
        Self::raw(name, &[E::SUBJECT], move |delivery| {
            let handle = handle.clone();
            async move {
                let event = serde_json::from_str(&delivery.event.payload).map_err(|error| Failure::Bury(format!("unreadable event: {error}")))?;
                handle(event, delivery).await
            }
        })
    }

    /// A consumer of several subjects, which reads the payload itself.
    pub fn raw<F, Fut>(name: &str, subjects: &[&str], handle: F) -> Self
    where
        F: Fn(Delivery) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        Self {
            name: name.to_owned(),
            subjects: subjects.iter().map(|&subject| subject.to_owned()).collect(),
            at_once: 4,
            attempts: ATTEMPTS,
            lease: LEASE,
            handler: Arc::new(move |delivery| Box::pin(handle(delivery))),
        }
    }

    /// Its durable name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many deliveries it handles at once (4 unless told).
    #[must_use]
    pub fn at_once(mut self, deliveries: usize) -> Self {
        self.at_once = deliveries.max(1);
        self
    }

    /// How often it tries before a delivery is buried (8 unless told).
    #[must_use]
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts.max(1);
        self
    }

    /// How long a silent worker keeps a delivery (30 s unless told); a live one extends its lease by itself.
    #[must_use]
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    pub(super) fn subscription(&self) -> Subscription {
        Subscription { name: self.name.clone(), subjects: self.subjects.clone() }
    }
}

/// Starts the consumer's loop.
pub(super) fn start(consumer: Consumer, engine: Arc<dyn Engine>, tasks: &Tasks) {
    let owner = tasks.clone();
    tasks.spawn(async move {
        let places = Arc::new(Semaphore::new(consumer.at_once));
        while !owner.is_stopping() {
            let Ok(place) = places.clone().acquire_owned().await else { return };
            let free = 1 + places.available_permits();
            let fetched = tokio::select! {
                fetched = engine.fetch(&consumer.name, free, consumer.lease, WAIT) => fetched,
                () = owner.stopping() => return,
            };
            drop(place);
            match fetched {
                Ok(deliveries) => {
                    for delivery in deliveries {
                        let Ok(place) = places.clone().acquire_owned().await else { return };
                        let (consumer, engine) = (consumer.clone(), engine.clone());
                        owner.spawn(async move {
                            handle(&consumer, &*engine, delivery).await;
                            drop(place);
                        });
                    }
                }
                Err(error) => {
                    tracing::warn!(consumer = consumer.name, %error, "the bus did not answer; trying again");
                    owner.sleep(Duration::from_secs(1)).await;
                }
            }
        }
    });
}

async fn handle(consumer: &Consumer, engine: &dyn Engine, delivery: Delivery) {
    let work = tokio::spawn((consumer.handler)(delivery.clone()));
    let abort = work.abort_handle();
    let result = tokio::select! {
        result = work => result.unwrap_or_else(|error| Err(Failure::Retry(format!("the handler ended early: {error}")))),
        // Another worker has it now: going on would only waste work (its effects are fenced by the inbox).
        () = keep_lease(consumer, engine, &delivery) => { abort.abort(); return }
    };
    if let Err(error) = answer(consumer, engine, &delivery, result).await {
        tracing::warn!(consumer = consumer.name, event.id = delivery.event.id, %error, "a delivery could not be answered; it will come again");
    }
}

/// Extends the lease for as long as it is held; returns when it is lost.
async fn keep_lease(consumer: &Consumer, engine: &dyn Engine, delivery: &Delivery) {
    loop {
        tokio::time::sleep(consumer.lease / 3).await;
        match engine.extend(&consumer.name, delivery, consumer.lease).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => tracing::warn!(consumer = consumer.name, %error, "a lease could not be extended"),
        }
    }
}

async fn answer(consumer: &Consumer, engine: &dyn Engine, delivery: &Delivery, result: Result<(), Failure>) -> Result<bool, db::Error> {
    let (id, subject) = (&delivery.event.id, &delivery.event.subject);
    match result {
        Ok(()) => engine.ack(&consumer.name, delivery).await,
        Err(Failure::Retry(reason)) if delivery.attempt < consumer.attempts => {
            let delay = back_off(delivery.attempt);
            tracing::warn!(consumer = consumer.name, event.id = id, event.subject = subject, attempt = delivery.attempt, reason, "a delivery failed and will be tried again");
            engine.retry(&consumer.name, delivery, delay).await
        }
        Err(Failure::Retry(reason) | Failure::Bury(reason)) => {
            tracing::error!(consumer = consumer.name, event.id = id, event.subject = subject, attempt = delivery.attempt, reason, "a delivery was given up; see `tutti bus dead`");
            engine.bury(&consumer.name, delivery, &reason).await
        }
    }
}

/// Doubles with every attempt from half a second to five minutes, with up to a quarter of jitter.
fn back_off(attempt: u32) -> Duration {
    let plain = FIRST_BACK_OFF.saturating_mul(1 << attempt.saturating_sub(1).min(12)).min(LONGEST_BACK_OFF);
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
