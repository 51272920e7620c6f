//! The distributed engine: NATS JetStream.
//!
//! Owns one stream of events with a durable pull consumer per subscription, one stream of dead letters, and live
//! updates over plain NATS. Other processes use the same ones. Invariant: what `publish` has acknowledged stays in the
//! stream until every declared consumer has acknowledged or dead-lettered it.

mod broadcast;
mod dead_letters;
mod fetch;
mod leases;
mod options;
mod provision;
mod publish;
mod remove;
mod server_time;
mod stream;
mod subjects;

pub use options::NatsOptions;
pub use remove::{exists, remove};

use std::sync::Arc;
use std::time::Duration;

use async_nats::Client;
use async_nats::client::{Request, RequestErrorKind};
use async_nats::jetstream::stream::ConsumerErrorKind;
use async_nats::jetstream::{self, AckKind};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures::TryStreamExt as _;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use base::clock::Clock;
use bus::{Broadcast, Bus, DeadLetter, Delivery, Engine, Envelope, Error, RunsIn, Subscription};
use options::REQUEST_TIMEOUT;

/// Events that may be on their way to the server at once: a relay's batch, and those of a few other relays.
const MAX_IN_FLIGHT: usize = 4096;

/// Opens the bus on the NATS servers that `options` names. An unavailable server is not an error here; [`Bus::ping`]
/// reports it.
pub async fn open(options: &NatsOptions, clock: Clock) -> Result<Bus, Error> {
    let (engine, broadcast) = Nats::open(options, clock).await?;
    Ok(Bus::on(engine, broadcast))
}

/// The engine.
struct Nats {
    client: Client,
    jetstream: jetstream::Context,
    options: NatsOptions,
    subjects: Subjects,
    clock: Clock,
    /// Counts the moments at which something from the server may have been missed, above all reconnections.
    gaps: watch::Receiver<u64>,
    /// Every consumer that was declared here, so that it can be created again.
    declared: Mutex<provision::Declared>,
    /// The stream with its consumers, once it is known to exist.
    known: Mutex<stream::StreamState>,
    provisioning: tokio::sync::Mutex<()>,
    leases: leases::Leases,
    relay_task: AbortHandle,
}

impl Drop for Nats {
    fn drop(&mut self) {
        self.relay_task.abort();
    }
}

/// A connection to a server.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Connection {
    /// The server's id, which is another one each time that the server starts.
    server: String,
    /// The number of the connection on that server.
    number: u64,
}

/// The names of streams and subjects.
struct Subjects {
    prefix: Arc<str>,
    stream: String,
    dead: String,
}

impl Subjects {
    fn event(&self, subject: &str) -> String {
        format!("{}.event.{}", self.prefix, subjects::subject(subject))
    }

    /// Returns the subject of events that only this consumer gets.
    fn direct_to(&self, consumer: &str) -> String {
        format!("{}.to.{}", self.prefix, subjects::token(consumer))
    }

    /// Returns the event's subject for a message that arrived on one of the two above.
    fn subject_of(&self, subject: &str) -> String {
        let rest = subject.strip_prefix(&*self.prefix).unwrap_or(subject);
        let subject =
            rest.strip_prefix(".event.").or_else(|| rest.strip_prefix(".to.")?.split_once('.').map(|(_, rest)| rest));
        subjects::from_subject(subject.unwrap_or(rest))
    }

    fn dead_letter_subject(&self, consumer: &str, id: &str) -> String {
        format!("{}.dead.{}.{}", self.prefix, subjects::token(consumer), subjects::token(id))
    }

    fn dead_letter_filter(&self, consumer: Option<&str>, id: Option<&str>) -> String {
        let part = |name: Option<&str>| name.map_or("*".to_owned(), subjects::token);
        format!("{}.dead.{}.{}", self.prefix, part(consumer), part(id))
    }
}

impl Nats {
    /// Starts to connect; the engine works as soon as a server responds.
    async fn open(options: &NatsOptions, clock: Clock) -> Result<(Self, Broadcast), Error> {
        let (count, gaps) = watch::channel(0);
        let client = options.connect(Arc::new(count)).await?;
        let jetstream = jetstream::context::ContextBuilder::new()
            .timeout(REQUEST_TIMEOUT)
            .max_ack_inflight(MAX_IN_FLIGHT)
            .build(client.clone());
        let prefix: Arc<str> = options.prefix.as_str().into();
        let (broadcast, relay) = Broadcast::with_relay();
        // The task ends with the engine.
        let relay_task =
            tokio::spawn(broadcast::relay(client.clone(), prefix.clone(), relay, gaps.clone())).abort_handle();
        let subjects = Subjects { stream: options.prefix.clone(), dead: format!("{}-dead", options.prefix), prefix };
        let engine = Self {
            client,
            jetstream,
            options: options.clone(),
            subjects,
            clock,
            gaps,
            declared: Mutex::default(),
            known: Mutex::default(),
            provisioning: tokio::sync::Mutex::default(),
            leases: leases::Leases::default(),
            relay_task,
        };
        Ok((engine, broadcast))
    }

    /// Returns the connection of this moment.
    ///
    /// The client reports a new connection through its events some time after it has used it, but replaces the server's
    /// information before that.
    fn connection(&self) -> Connection {
        let info = self.client.server_info();
        Connection { server: info.server_id, number: info.client_id }
    }

    /// Gives up soon after the connection was replaced: the old request may never get a response.
    async fn on_one_connection<T>(&self, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let mut gaps = self.gaps.clone();
        gaps.mark_unchanged();
        let replaced = async {
            let _ = gaps.changed().await;
            // The client reports an event a moment after it happened: the work may be on the new connection already.
            tokio::time::sleep(Duration::from_millis(500)).await;
        };
        tokio::select! {
            done = work => done,
            () = replaced => Err(Error::unavailable("the connection to NATS was lost meanwhile")),
        }
    }

    /// Acknowledges a delivery in the given way and waits for the server's confirmation. Returns `false` if the lease
    /// is over.
    async fn acknowledge(&self, delivery: &Delivery, kind: AckKind) -> Result<bool, Error> {
        if !self.may_answer(&delivery.lease).await? {
            return Ok(false);
        }
        let request = Request::new().payload(kind.into()).timeout(Some(REQUEST_TIMEOUT));
        let ask = tokio::time::timeout(2 * REQUEST_TIMEOUT, self.client.send_request(delivery.lease.clone(), request));
        let response = self.on_one_connection(async { ask.await.map_err(Error::unavailable) }).await?;
        match response {
            Ok(_) => {
                if !matches!(kind, AckKind::Progress) {
                    self.leases.end(&delivery.lease);
                }
                Ok(true)
            }
            Err(error) if matches!(error.kind(), RequestErrorKind::NoResponders) => {
                self.mark_gone();
                self.leases.end(&delivery.lease);
                Ok(false)
            }
            Err(error) => Err(Error::unavailable(error)),
        }
    }
}

#[async_trait]
impl Engine for Nats {
    async fn declare(&self, subscriptions: &[Subscription], runs: RunsIn) -> Result<(), Error> {
        self.remember(subscriptions, runs);
        match self.ready().await {
            Ok(_) => Ok(()),
            Err(Error::Unavailable(error)) => {
                tracing::warn!(%error, "waiting for NATS; events stay in the outboxes until it is available");
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    async fn publish(&self, events: &[Envelope]) -> Result<(), Error> {
        self.publish_all(events).await
    }

    async fn fetch(&self, consumer: &Subscription, max: usize, wait: Duration) -> Result<Vec<Delivery>, Error> {
        self.pull(consumer, max, wait).await
    }

    /// Only the last acknowledgement is confirmed: the server processes those of a connection in order, so it implies
    /// the others.
    async fn ack_all(&self, _consumer: &str, deliveries: &[Delivery]) -> Result<usize, Error> {
        let mut held = Vec::with_capacity(deliveries.len());
        for delivery in deliveries {
            if self.may_answer(&delivery.lease).await? {
                held.push(delivery);
            }
        }
        let Some((last, others)) = held.split_last() else { return Ok(0) };
        let all = async {
            for delivery in others {
                self.client.publish(delivery.lease.clone(), AckKind::Ack.into()).await.map_err(Error::unavailable)?;
            }
            self.acknowledge(last, AckKind::Ack).await
        };
        if !self.on_one_connection(all).await? {
            return Ok(0);
        }
        others.iter().for_each(|delivery| self.leases.end(&delivery.lease));
        Ok(held.len())
    }

    async fn extend(&self, consumer: &Subscription, delivery: &Delivery) -> Result<bool, Error> {
        let Some(stream_of) = self.leases.stream_of(&delivery.lease) else { return Ok(false) };
        let held = self.acknowledge(delivery, AckKind::Progress).await?;
        if held {
            self.leases.start(&delivery.lease, consumer.lease, &stream_of);
        }
        Ok(held)
    }

    async fn retry(&self, _consumer: &str, delivery: &Delivery, delay: Duration) -> Result<bool, Error> {
        self.acknowledge(delivery, AckKind::Nak(Some(delay))).await
    }

    async fn dead_letter(&self, consumer: &str, delivery: &Delivery, reason: &str) -> Result<bool, Error> {
        self.store_dead_letter(consumer, delivery, reason).await
    }

    /// Leases of other processes belong to them.
    async fn end_leases(&self) -> Result<(), Error> {
        Ok(())
    }

    async fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>, Error> {
        self.list_dead_letters(limit).await
    }

    async fn redeliver(&self, consumer: Option<&str>, id: Option<&str>) -> Result<u64, Error> {
        self.redeliver_dead_letters(consumer, id).await
    }

    async fn backlog(&self) -> Result<Vec<(String, u64)>, Error> {
        self.ready().await?;
        self.connected(REQUEST_TIMEOUT).await?;
        let stream = self.jetstream.get_stream(&self.subjects.stream).await.map_err(Error::unavailable)?;
        let found: Vec<jetstream::consumer::Info> =
            stream.consumers().try_collect().await.map_err(Error::unavailable)?;
        let waiting = found
            .into_iter()
            .map(|info| (subjects::from_token(&info.name), info.num_pending + info.num_ack_pending as u64));
        let mut waiting: Vec<(String, u64)> = waiting.filter(|(_, count)| *count > 0).collect();
        waiting.sort_unstable();
        Ok(waiting)
    }

    async fn forget(&self, consumer: &str) -> Result<bool, Error> {
        self.declared.lock().remove(consumer);
        self.connected(REQUEST_TIMEOUT).await?;
        match self.jetstream.delete_consumer_from_stream(subjects::token(consumer), &self.subjects.stream).await {
            Ok(deleted) => Ok(deleted.success),
            Err(error) if matches!(error.kind(), ConsumerErrorKind::JetStream(cause) if cause.code() == 404) => {
                Ok(false)
            }
            Err(error) => Err(Error::unavailable(error)),
        }
    }

    /// The stream itself deletes what every consumer has acknowledged.
    async fn trim(&self, _before: DateTime<Utc>) -> Result<u64, Error> {
        Ok(0)
    }

    async fn created_at(&self) -> Result<Option<DateTime<Utc>>, Error> {
        Ok(Some(self.rechecked().await?.created_at))
    }

    async fn ping(&self) -> Result<(), Error> {
        self.connected(Duration::from_secs(1)).await?;
        self.ready().await?;
        self.jetstream.get_stream(&self.subjects.stream).await.map_err(Error::unavailable)?;
        Ok(())
    }
}
