//! What an engine of the bus must do. The conformance suite in `crates/kit/tests` says it in tests.
//!
//! Invariant: a delivery belongs to whoever holds its lease; an answer under a stale lease changes nothing.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::{Error, Event};

/// An event on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// Unique id: publishing the same id again changes nothing.
    pub id: String,
    /// Its subject.
    pub subject: String,
    /// JSON text.
    pub payload: String,
}

/// A durable consumer: who it is and what it wants to hear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// Its name, such as `delivery.published`; deliveries are remembered under it for ever.
    pub name: String,
    /// The subjects, exactly.
    pub subjects: Vec<String>,
    /// How long a silent worker keeps a delivery.
    pub lease: Duration,
}

/// How long a silent worker keeps a delivery, unless the subscription says otherwise.
const LEASE: Duration = Duration::from_secs(30);

impl Subscription {
    /// To one type of event.
    pub fn to<E: Event>(name: &str) -> Self {
        Self::to_subject(name, E::SUBJECT)
    }

    /// To one subject.
    pub fn to_subject(name: &str, subject: &str) -> Self {
        Self { name: name.to_owned(), subjects: vec![subject.to_owned()], lease: LEASE }
    }

    /// With another lease.
    #[must_use]
    pub fn lease(self, lease: Duration) -> Self {
        Self { lease, ..self }
    }
}

/// Where a consumer runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunsIn {
    /// In this process, which says what it wants to hear and for how long its lease is.
    ThisProcess,
    /// In another process, of this release or the next: it is made if it is missing, and otherwise left as it is.
    Other,
}

/// An event in a consumer's hands.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The event.
    pub event: Envelope,
    /// The place in the log.
    pub position: i64,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// The lease's token: acknowledging needs it.
    pub lease: String,
}

/// A delivery that nobody could make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Who could not.
    pub consumer: String,
    /// The event.
    pub event: Envelope,
    /// How often it was tried.
    pub attempts: u32,
    /// Why it failed, in words.
    pub reason: String,
    /// When it was given up.
    pub died_at: DateTime<Utc>,
}

/// An engine of the bus.
#[async_trait]
pub trait Engine: Send + Sync {
    /// Makes durable consumers, or brings them up to date. A new one subscriptions what is published from now on.
    ///
    /// An engine across the network that is away remembers them and makes them before anything is published or fetched through it. One
    /// that no other process uses makes none that run elsewhere.
    async fn declare(&self, subscriptions: &[Subscription], runs: RunsIn) -> Result<(), Error>;
    /// Removes a durable consumer that the product has no more, with what waits for it; else that would be kept for ever. `false` if there is none.
    async fn forget(&self, consumer: &str) -> Result<bool, Error>;
    /// Publishes; returns when the events are durable. Ids that are known already are skipped.
    async fn publish(&self, events: &[Envelope]) -> Result<(), Error>;
    /// Takes up to `max` due deliveries under a lease. PendingDependencies up to `wait` for the first.
    async fn fetch(&self, consumer: &Subscription, max: usize, wait: Duration) -> Result<Vec<Delivery>, Error>;
    /// It is done. `false` if the lease was lost.
    async fn ack(&self, consumer: &str, delivery: &Delivery) -> Result<bool, Error> {
        Ok(self.ack_all(consumer, std::slice::from_ref(delivery)).await? == 1)
    }
    /// All of them are done. Answers how many were still leased.
    async fn ack_all(&self, consumer: &str, deliveries: &[Delivery]) -> Result<usize, Error>;
    /// Still at work: the lease runs anew from now. `false` if the lease was lost.
    async fn extend(&self, consumer: &Subscription, delivery: &Delivery) -> Result<bool, Error>;
    /// It failed: deliver again after `delay`. `false` if the lease was lost.
    async fn retry(&self, consumer: &str, delivery: &Delivery, delay: Duration) -> Result<bool, Error>;
    /// It failed for good: to the dead letters. `false` if the lease was lost.
    async fn dead_letter(&self, consumer: &str, delivery: &Delivery, reason: &str) -> Result<bool, Error>;
    /// Ends every lease where that is this process's to say (an embedded engine that nobody else uses).
    async fn end_leases(&self) -> Result<(), Error>;
    /// The dead letters, oldest first, at most `limit`.
    async fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>, Error>;
    /// Delivers dead letters anew: all of `consumer`'s, or only the event `id`. Answers how many.
    async fn redeliver(&self, consumer: Option<&str>, id: Option<&str>) -> Result<u64, Error>;
    /// How many deliveries wait or are at work, per consumer.
    async fn backlog(&self) -> Result<Vec<(String, u64)>, Error>;
    /// Forgets events that were published before `before` and that nobody has yet to take.
    async fn trim(&self, before: DateTime<Utc>) -> Result<u64, Error>;
    /// When the log was made, where it can be lost apart from the outboxes: what was sent before then isn't in it. `None` if it can't.
    async fn created_at(&self) -> Result<Option<DateTime<Utc>>, Error>;
    /// Whether the engine answers and every consumer is declared.
    async fn ping(&self) -> Result<(), Error>;
}
