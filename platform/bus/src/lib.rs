//! The `Bus` port: durable events and work between services, and a broadcast for live updates.
//!
//! Owns delivery: at least once to each durable consumer, with leases, back-off and dead letters. Invariant: a
//! published event is kept until every consumer has acknowledged it or dead-lettered it with a reason.

pub mod broadcast;
mod consumer;
mod engine;
mod error;
mod handler_error;
mod log_reset;
mod outbox;
pub mod pending;
mod spans;
mod sqlite;
mod subscriptions;

pub use broadcast::{Broadcast, BroadcastMessage, Subscriber};
pub use consumer::Consumer;
pub use engine::{DeadLetter, Delivery, Engine, Envelope, RunsIn, Subscription};
pub use error::{Error, Source};
pub use handler_error::HandlerError;
pub use subscriptions::Subscriptions;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base::clock::Clock;
use base::tasks::Tasks;
use db::Db;

/// How long published events are kept so that they can be sent again.
pub const RETENTION: Duration = Duration::from_secs(7 * 24 * 3600);

/// The bus, on any of its engines.
#[derive(Clone)]
pub struct Bus {
    engine: Arc<dyn Engine>,
    broadcast: Broadcast,
}

impl std::fmt::Debug for Bus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Bus")
    }
}

impl Bus {
    /// Opens the embedded bus: a durable log in the SQLite database at `path`.
    pub async fn sqlite(path: &Path, clock: Clock) -> Result<Self, Error> {
        Ok(Self { engine: Arc::new(sqlite::Log::open(path, clock).await?), broadcast: Broadcast::default() })
    }

    /// Returns a bus on another engine, with the broadcast that it relays.
    pub fn on(engine: impl Engine + 'static, broadcast: Broadcast) -> Self {
        Self { engine: Arc::new(engine), broadcast }
    }

    /// Ends every lease at once. For the process that has just locked the data folder: the holders of those leases are
    /// dead.
    pub async fn end_leases(&self) -> Result<(), Error> {
        self.engine.end_leases().await
    }

    /// The engine, for operators' commands and the conformance suite.
    pub fn engine(&self) -> &dyn Engine {
        &*self.engine
    }

    /// Publishes an event that belongs to no transaction; returns when it is durable. The same id again changes
    /// nothing.
    pub async fn publish<E: base::Event>(&self, id: &str, event: &E) -> Result<(), Error> {
        let payload = serde_json::to_string(event).map_err(|error| Error::Refused(error.to_string()))?;
        if let Some(trace) = base::Trace::current() {
            base::event_traces::remember(id, trace);
        }
        let events = [Envelope { id: id.to_owned(), subject: E::SUBJECT.to_owned(), payload }];
        let spans = spans::PublishingSpans::begin(&events);
        let published = self.engine.publish(&events).await;
        if published.is_err() {
            spans.fail();
        }
        published
    }

    /// The ephemeral broadcast, which only current subscribers receive.
    pub fn broadcast(&self) -> &Broadcast {
        &self.broadcast
    }

    /// Declares consumers, including those that run in other processes. Call it before anything is published here: an
    /// event that no declared consumer subscribes to is not kept.
    pub async fn declare(&self, subscriptions: &[Subscription], runs: RunsIn) -> Result<(), Error> {
        self.engine.declare(subscriptions, runs).await
    }

    /// Whether the engine responds and has every consumer.
    pub async fn ping(&self) -> Result<(), Error> {
        self.engine.ping().await
    }

    /// Declares the consumers, then runs them until the process stops.
    pub async fn run(&self, consumers: Vec<Consumer>, tasks: &Tasks) -> Result<(), Error> {
        let subscriptions: Vec<Subscription> =
            consumers.iter().map(|consumer| consumer.subscription().clone()).collect();
        self.engine.declare(&subscriptions, RunsIn::ThisProcess).await?;
        self.start(consumers, tasks);
        Ok(())
    }

    /// Runs consumers that were declared before, until the process stops.
    pub fn start(&self, consumers: Vec<Consumer>, tasks: &Tasks) {
        for consumer in consumers {
            consumer::start(consumer, self.engine.clone(), tasks);
        }
    }

    /// Starts the task that sends what `db`'s outbox records.
    pub fn relay(&self, service: &'static str, db: Db, clock: Clock, tasks: &Tasks) {
        outbox::start(service, db, self.engine.clone(), clock, tasks);
    }

    /// Sends rows of `db`'s outbox again that were sent since `since`; consumers' inboxes make the effects happen once.
    /// Returns how many.
    pub async fn replay(&self, db: &Db, since: chrono::DateTime<chrono::Utc>) -> Result<u64, Error> {
        outbox::replay(db, &*self.engine, since).await
    }
}
