//! The streams and consumers: made, made again when they are gone, and known by when they were born.
//!
//! A stream of the retention *interest* keeps a message until every consumer that wants it has acknowledged it, and forgets at once what
//! nobody wants. Invariant: nothing is published before every declared consumer exists in the stream that takes it.

use std::collections::HashMap;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use async_nats::connection::State;
use async_nats::jetstream::consumer::{self, AckPolicy, DeliverPolicy};
use async_nats::jetstream::context::{CreateStreamError, CreateStreamErrorKind, GetStreamError, GetStreamErrorKind};
use async_nats::jetstream::stream::{self, ConsumerCreateStrictErrorKind, ConsumerError, ConsumerErrorKind, DiscardPolicy, RetentionPolicy, StorageType};
use async_nats::jetstream::{self, ErrorCode};
use chrono::{DateTime, Utc};

use super::options::PATIENCE;
use super::{Nats, names};
use crate::bus::engine::{Runs, Subscription};
use crate::bus::{Error, Source};

/// How long ids are known, so that publishing twice changes nothing. Longer than the time after which `resend` comes a second time.
const KNOWN: Duration = Duration::from_secs(300);
/// Deliveries of one consumer that may be unanswered, those that wait for another try among them.
const UNANSWERED: i64 = 20_000;
/// How old what we know of the stream may be before we look whether it is still the same one.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// The stream as this process found or made it, with all consumers.
#[derive(Debug, Clone)]
pub(super) struct Log {
    pub(super) born: DateTime<Utc>,
    looked: Instant,
}

impl Log {
    /// What the ids of messages begin with, so that a stream that was made anew doesn't take for known what was sent to it by somebody
    /// who took it for the old one (before every consumer was there again).
    pub(super) fn mark(&self) -> String {
        self.born.timestamp_micros().to_string()
    }
}

impl Nats {
    fn known(&self) -> Option<Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn know(&self, log: Option<Log>) {
        *self.log.lock().unwrap_or_else(PoisonError::into_inner) = log;
    }

    /// The stream or a consumer was not found: both are made again before the next use.
    pub(super) fn is_gone(&self) {
        self.know(None);
    }

    /// Remembers consumers; those that are new here are made before the next use.
    pub(super) fn remember(&self, subscriptions: &[Subscription], runs: Runs) {
        let mut wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        for subscription in subscriptions {
            let known = wanted.get(&subscription.name);
            let better = known.is_none_or(|(same, ran)| runs == Runs::Here && (*ran == Runs::Elsewhere || same != subscription));
            if better {
                wanted.insert(subscription.name.clone(), (subscription.clone(), runs));
                self.is_gone();
            }
        }
    }

    /// Waits for a connection, at most `patience`.
    pub(super) async fn connected(&self, patience: Duration) -> Result<(), Error> {
        let mut gaps = self.gaps.clone();
        let wait = async {
            // The state is set a moment before or after the event is told, so look now and then besides.
            while self.client.connection_state() != State::Connected {
                let _ = tokio::time::timeout(Duration::from_millis(100), gaps.changed()).await;
            }
        };
        tokio::time::timeout(patience, wait).await.map_err(|_| Error::away("there is no connection to NATS"))
    }

    /// The stream, with every consumer; makes what is missing.
    pub(super) async fn ready(&self) -> Result<Log, Error> {
        if let Some(log) = self.known() {
            return Ok(log);
        }
        self.connected(PATIENCE).await?;
        // Whoever waits for its turn while the server is silent must not wait for as often as there are others.
        let _only_one = tokio::time::timeout(PATIENCE, self.making.lock()).await.map_err(Error::away)?;
        if let Some(log) = self.known() {
            return Ok(log);
        }
        let info = self.jetstream.create_or_update_stream(self.events_config()).await.map_err(|error| of_stream(error, &self.names.stream))?;
        self.jetstream.create_or_update_stream(self.dead_config()).await.map_err(|error| of_stream(error, &self.names.dead))?;
        let wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner).clone();
        futures::future::try_join_all(wanted.values().map(|(subscription, runs)| self.make(subscription, *runs))).await?;
        let log = Log { born: time(info.created)?, looked: Instant::now() };
        // Consumers that were remembered meanwhile are not made yet: the next use does that.
        let all = *self.wanted.lock().unwrap_or_else(PoisonError::into_inner) == wanted;
        self.know(all.then(|| log.clone()));
        tracing::info!(log.born = %log.born, consumers = wanted.len(), "the bus is ready");
        Ok(log)
    }

    async fn make(&self, subscription: &Subscription, runs: Runs) -> Result<(), Error> {
        let (config, stream) = (self.consumer_config(subscription), &self.names.stream);
        if runs == Runs::Here {
            return self.jetstream.create_consumer_on_stream(config, stream).await.map(drop).map_err(|error| of_consumer(error, &subscription.name));
        }
        match self.jetstream.create_consumer_strict_on_stream(config, stream).await {
            // Whoever runs it wants it otherwise, and knows better.
            Err(error) if matches!(error.kind(), ConsumerCreateStrictErrorKind::AlreadyExists) => Ok(()),
            Err(error) => Err(Error::away(error)),
            Ok(_) => Ok(()),
        }
    }

    /// As [`Nats::ready`], and looks now and then whether the stream is still the one that we know.
    pub(super) async fn looked_at(&self) -> Result<Log, Error> {
        let mut log = self.ready().await?;
        if log.looked.elapsed() < LOOK_AGAIN {
            return Ok(log);
        }
        self.connected(PATIENCE).await?;
        let found = match self.jetstream.get_stream(&self.names.stream).await {
            Ok(stream) => Some(time(stream.cached_info().created)?),
            Err(error) if is_not_found(&error) => None,
            Err(error) => return Err(Error::away(error)),
        };
        if found == Some(log.born) {
            log.looked = Instant::now();
            self.know(Some(log.clone()));
            return Ok(log);
        }
        self.is_gone();
        self.ready().await
    }

    fn events_config(&self) -> stream::Config {
        let prefix = &self.names.prefix;
        stream::Config {
            name: self.names.stream.clone(),
            description: Some("Tutti: events that somebody has yet to take".into()),
            subjects: vec![format!("{prefix}.event.>"), format!("{prefix}.to.>")],
            retention: RetentionPolicy::Interest,
            storage: StorageType::File,
            num_replicas: self.options.replicas,
            max_bytes: self.options.max_bytes.unwrap_or(-1),
            // A full stream refuses, and the outboxes keep.
            discard: DiscardPolicy::New,
            duplicate_window: KNOWN,
            allow_atomic_publish: true,
            ..stream::Config::default()
        }
    }

    fn dead_config(&self) -> stream::Config {
        stream::Config {
            name: self.names.dead.clone(),
            description: Some("Tutti: deliveries that were given up, with the reason".into()),
            subjects: vec![format!("{}.dead.>", self.names.prefix)],
            retention: RetentionPolicy::Limits,
            storage: StorageType::File,
            num_replicas: self.options.replicas,
            // One letter per consumer and event: who is buried twice is dead once.
            max_messages_per_subject: 1,
            ..stream::Config::default()
        }
    }

    fn consumer_config(&self, subscription: &Subscription) -> consumer::pull::Config {
        let mut filters: Vec<String> = subscription.subjects.iter().map(|subject| self.names.event(subject)).collect();
        filters.push(format!("{}.>", self.names.only_to(&subscription.name)));
        consumer::pull::Config {
            durable_name: Some(names::token(&subscription.name)),
            filter_subjects: filters,
            // One that is new hears what is published from now on. In a stream that was made anew that is everything.
            deliver_policy: DeliverPolicy::New,
            ack_policy: AckPolicy::Explicit,
            ack_wait: subscription.lease,
            // Giving up is our decision, with a dead letter.
            max_deliver: -1,
            max_ack_pending: UNANSWERED,
            metadata: HashMap::from([("tutti.consumer".to_owned(), subscription.name.clone())]),
            ..consumer::pull::Config::default()
        }
    }
}

/// NATS's clock library is another one; both count from 1970.
pub(super) fn time(at: async_nats::datetime::DateTime) -> Result<DateTime<Utc>, Error> {
    i64::try_from(at.unix_timestamp_nanos()).map(DateTime::from_timestamp_nanos).map_err(|_| Error::away("the server's time can't be read"))
}

/// Whether it is the stream that is missing, and not the server that is silent.
fn is_not_found(error: &GetStreamError) -> bool {
    matches!(error.kind(), GetStreamErrorKind::JetStream(error) if error.code() == 404)
}

fn of_stream(error: CreateStreamError, name: &str) -> Error {
    match error.kind() {
        CreateStreamErrorKind::JetStream(cause) => of_server(&cause, &format!("the stream {name}"), error),
        _ => Error::away(error),
    }
}

fn of_consumer(error: ConsumerError, name: &str) -> Error {
    match error.kind() {
        ConsumerErrorKind::JetStream(cause) => of_server(&cause, &format!("the consumer {name}"), error),
        _ => Error::away(error),
    }
}

/// A 4xx of JetStream means that what was asked for is wrong and will be next time (a 404, that the stream has just gone); a server
/// without a cluster says 500 to more than one replica.
fn of_server(cause: &jetstream::Error, what: &str, error: impl Into<Source>) -> Error {
    let wrong = (400..500).contains(&cause.code()) && cause.code() != 404;
    if wrong || cause.error_code() == ErrorCode::STREAM_REPLICAS_NOT_SUPPORTED { Error::Options(format!("{what} can't be made: {cause}")) } else { Error::away(error) }
}
