//! The interface of an engine of the bus. The conformance suite in `platform/bus/tests` checks what it promises.
//!
//! Invariant: a delivery belongs to the holder of its lease; an acknowledgement under a stale lease changes nothing.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::Error;
use base::Event;

/// An event as the bus transports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// The unique id. Publishing the same id again changes nothing.
    pub id: String,
    /// The subject.
    pub subject: String,
    /// The payload, as JSON text.
    pub payload: String,
}

/// A durable consumer: its name and its subjects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The name, such as `delivery.published`. Deliveries are stored under it, so it must never change.
    pub name: String,
    /// The subjects, matched exactly.
    pub subjects: Vec<String>,
    /// How long an unresponsive worker keeps a delivery.
    pub lease: Duration,
}

/// How long an unresponsive worker keeps a delivery, unless the subscription says otherwise.
const LEASE: Duration = Duration::from_secs(30);

impl Subscription {
    /// Returns a subscription to one type of event.
    pub fn to<E: Event>(name: &str) -> Self {
        Self::to_subject(name, E::SUBJECT)
    }

    /// Returns a subscription to one subject.
    pub fn to_subject(name: &str, subject: &str) -> Self {
        Self { name: name.to_owned(), subjects: vec![subject.to_owned()], lease: LEASE }
    }

    /// Returns the same subscription with another lease.
    #[must_use]
    pub fn lease(self, lease: Duration) -> Self {
        Self { lease, ..self }
    }
}

/// Where a consumer runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunsIn {
    /// In this process, whose subjects and lease are the right ones.
    ThisProcess,
    /// In another process, of this release or the next: it is created if it is missing, and otherwise left unchanged.
    Other,
}

/// An event that was delivered to a consumer.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The event.
    pub event: Envelope,
    /// The position in the log.
    pub position: i64,
    /// The number of the attempt, from 1.
    pub attempt: u32,
    /// The lease's token, which acknowledging needs.
    pub lease: String,
}

/// An event that a consumer could not handle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// The consumer.
    pub consumer: String,
    /// The event.
    pub event: Envelope,
    /// How many attempts were made.
    pub attempts: u32,
    /// The reason of the failure.
    pub reason: String,
    /// When it became a dead letter.
    pub died_at: DateTime<Utc>,
}

/// An engine of the bus.
#[async_trait]
pub trait Engine: Send + Sync {
    /// Creates durable consumers, or updates them. A new one gets what is published from now on.
    ///
    /// A networked engine that is unavailable remembers them and creates them before anything is published or fetched
    /// through it. An engine that no other process uses creates none that run elsewhere.
    async fn declare(&self, subscriptions: &[Subscription], runs: RunsIn) -> Result<(), Error>;
    /// Deletes a durable consumer that the product no longer has, with its pending deliveries, which would be kept for
    /// ever. Returns `false` if there is none.
    async fn forget(&self, consumer: &str) -> Result<bool, Error>;
    /// Publishes events; returns when they are durable. Ids that were published before are skipped.
    async fn publish(&self, events: &[Envelope]) -> Result<(), Error>;
    /// Takes up to `max` due deliveries under a lease. Waits up to `wait` for the first.
    async fn fetch(&self, consumer: &Subscription, max: usize, wait: Duration) -> Result<Vec<Delivery>, Error>;
    /// Acknowledges a delivery. Returns `false` if its lease was lost.
    async fn ack(&self, consumer: &str, delivery: &Delivery) -> Result<bool, Error> {
        Ok(self.ack_all(consumer, std::slice::from_ref(delivery)).await? == 1)
    }
    /// Acknowledges several deliveries. Returns how many were still leased.
    async fn ack_all(&self, consumer: &str, deliveries: &[Delivery]) -> Result<usize, Error>;
    /// Extends a lease, from now. Returns `false` if it was lost.
    async fn extend(&self, consumer: &Subscription, delivery: &Delivery) -> Result<bool, Error>;
    /// Reports a failure: the event is delivered again after `delay`. Returns `false` if the lease was lost.
    async fn retry(&self, consumer: &str, delivery: &Delivery, delay: Duration) -> Result<bool, Error>;
    /// Moves a delivery to the dead letters. Returns `false` if the lease was lost.
    async fn dead_letter(&self, consumer: &str, delivery: &Delivery, reason: &str) -> Result<bool, Error>;
    /// Ends every lease, if the engine is embedded and belongs to this process alone.
    async fn end_leases(&self) -> Result<(), Error>;
    /// Returns the dead letters, oldest first, at most `limit`.
    async fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>, Error>;
    /// Delivers dead letters again: all, those of `consumer`, or only the event `id`. Returns how many.
    async fn redeliver(&self, consumer: Option<&str>, id: Option<&str>) -> Result<u64, Error>;
    /// Returns how many deliveries are pending or in progress, per consumer.
    async fn backlog(&self) -> Result<Vec<(String, u64)>, Error>;
    /// Deletes events that were published before `before` and that every consumer has handled.
    async fn trim(&self, before: DateTime<Utc>) -> Result<u64, Error>;
    /// Returns when the log was created, if it can be lost independently of the outboxes: events that were sent earlier
    /// are not in it. `None` if it can't.
    async fn created_at(&self) -> Result<Option<DateTime<Utc>>, Error>;
    /// Whether the engine responds and every consumer is declared.
    async fn ping(&self) -> Result<(), Error>;
}
