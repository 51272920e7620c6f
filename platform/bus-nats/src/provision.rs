//! Creates the streams and consumers on the server.
//!
//! A stream with the retention policy *interest* keeps a message until every consumer that wants it has acknowledged
//! it, and deletes at once what no consumer wants. Invariant: all of it is created here; an operator never has to set
//! up anything on the server.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use async_nats::jetstream::consumer::{self, AckPolicy, DeliverPolicy};
use async_nats::jetstream::context::{CreateStreamError, CreateStreamErrorKind};
use async_nats::jetstream::stream::{
    self, ConsumerCreateStrictErrorKind, ConsumerError, ConsumerErrorKind, DiscardPolicy, RetentionPolicy, StorageType,
};
use async_nats::jetstream::{self, ErrorCode};
use chrono::{DateTime, Utc};

use super::server_time::time;
use super::{Nats, subjects};
use bus::{Error, Source};
use bus::{RunsIn, Subscription};

/// How long the server remembers ids, so that publishing twice changes nothing. Longer than the margin after which
/// `log_reset` makes its second pass.
const DUPLICATE_WINDOW: Duration = Duration::from_secs(300);
/// Deliveries of one consumer that may be unacknowledged, including those that wait for a retry.
const MAX_ACK_PENDING: i64 = 20_000;
/// Declared consumers by name.
pub(super) type Declared = BTreeMap<String, (Subscription, RunsIn)>;

impl Nats {
    /// Remembers consumers. New ones are created before the next use.
    pub(super) fn remember(&self, subscriptions: &[Subscription], runs: RunsIn) {
        let mut declared = self.declared.lock();
        for subscription in subscriptions {
            let known = declared.get(&subscription.name);
            let is_better = known.is_none_or(|(same, ran)| {
                runs == RunsIn::ThisProcess && (*ran == RunsIn::Other || same != subscription)
            });
            if is_better {
                declared.insert(subscription.name.clone(), (subscription.clone(), runs));
                self.mark_gone();
            }
        }
    }

    /// Creates everything, or updates it. Returns when the stream was created.
    pub(super) async fn provision_all(&self, declared: &Declared) -> Result<DateTime<Utc>, Error> {
        let info = self
            .jetstream
            .create_or_update_stream(self.events_config())
            .await
            .map_err(|error| stream_error(error, &self.subjects.stream))?;
        self.jetstream
            .create_or_update_stream(self.dead_config())
            .await
            .map_err(|error| stream_error(error, &self.subjects.dead))?;
        futures::future::try_join_all(
            declared.values().map(|(subscription, runs)| self.create_consumer(subscription, *runs)),
        )
        .await?;
        let created_at = time(info.created)?;
        tracing::info!(log.created_at = %created_at, consumers = declared.len(), "the bus is ready");
        Ok(created_at)
    }

    pub(super) async fn create_consumer(&self, subscription: &Subscription, runs: RunsIn) -> Result<(), Error> {
        let (config, stream) = (self.consumer_config(subscription), &self.subjects.stream);
        if runs == RunsIn::ThisProcess {
            return self
                .jetstream
                .create_consumer_on_stream(config, stream)
                .await
                .map(drop)
                .map_err(|error| consumer_error(error, &subscription.name));
        }
        match self.jetstream.create_consumer_strict_on_stream(config, stream).await {
            // The process that runs it has other settings, and those count.
            Err(error) if matches!(error.kind(), ConsumerCreateStrictErrorKind::AlreadyExists) => Ok(()),
            Err(error) => Err(Error::unavailable(error)),
            Ok(_) => Ok(()),
        }
    }

    fn events_config(&self) -> stream::Config {
        let prefix = &self.subjects.prefix;
        stream::Config {
            name: self.subjects.stream.clone(),
            description: Some("Tutti: events that a consumer has yet to handle".into()),
            subjects: vec![format!("{prefix}.event.>"), format!("{prefix}.to.>")],
            retention: RetentionPolicy::Interest,
            storage: StorageType::File,
            num_replicas: self.options.replicas,
            max_bytes: self.options.max_bytes.unwrap_or(-1),
            // A full stream refuses, and the outboxes keep the events.
            discard: DiscardPolicy::New,
            duplicate_window: DUPLICATE_WINDOW,
            allow_atomic_publish: true,
            ..stream::Config::default()
        }
    }

    fn dead_config(&self) -> stream::Config {
        stream::Config {
            name: self.subjects.dead.clone(),
            description: Some("Tutti: dead letters, with the reason".into()),
            subjects: vec![format!("{}.dead.>", self.subjects.prefix)],
            retention: RetentionPolicy::Limits,
            storage: StorageType::File,
            num_replicas: self.options.replicas,
            // One letter per consumer and event: a second dead letter replaces the first.
            max_messages_per_subject: 1,
            ..stream::Config::default()
        }
    }

    fn consumer_config(&self, subscription: &Subscription) -> consumer::pull::Config {
        let mut filters: Vec<String> =
            subscription.subjects.iter().map(|subject| self.subjects.event(subject)).collect();
        filters.push(format!("{}.>", self.subjects.direct_to(&subscription.name)));
        consumer::pull::Config {
            durable_name: Some(subjects::token(&subscription.name)),
            filter_subjects: filters,
            // A new consumer gets what is published from now on. In a stream that was created anew that is everything.
            deliver_policy: DeliverPolicy::New,
            ack_policy: AckPolicy::Explicit,
            ack_wait: subscription.lease,
            // The `bus` crate decides when to give up, and writes a dead letter.
            max_deliver: -1,
            max_ack_pending: MAX_ACK_PENDING,
            metadata: HashMap::from([("tutti.consumer".to_owned(), subscription.name.clone())]),
            ..consumer::pull::Config::default()
        }
    }
}

fn stream_error(error: CreateStreamError, name: &str) -> Error {
    match error.kind() {
        CreateStreamErrorKind::JetStream(cause) => server_error(&cause, &format!("the stream {name}"), error),
        _ => Error::unavailable(error),
    }
}

fn consumer_error(error: ConsumerError, name: &str) -> Error {
    match error.kind() {
        ConsumerErrorKind::JetStream(cause) => server_error(&cause, &format!("the consumer {name}"), error),
        _ => Error::unavailable(error),
    }
}

/// Classifies a JetStream error. A 4xx means that the request is wrong and will be next time (except 404: the stream
/// has just disappeared). A server without a cluster responds with 500 to more than one replica.
fn server_error(cause: &jetstream::Error, what: &str, error: impl Into<Source>) -> Error {
    let is_refused = (400..500).contains(&cause.code()) && cause.code() != 404;
    if is_refused || cause.error_code() == ErrorCode::STREAM_REPLICAS_NOT_SUPPORTED {
        Error::Options(format!("{what} can't be created: {cause}"))
    } else {
        Error::unavailable(error)
    }
}
