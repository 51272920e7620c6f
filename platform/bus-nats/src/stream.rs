//! The stream as this process knows it: whether it exists with every consumer, and since when.
//!
//! Invariant: nothing is published before every declared consumer exists in the stream that stores it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::connection::State;
use async_nats::jetstream::context::{GetStreamError, GetStreamErrorKind};
use chrono::{DateTime, Utc};
use futures::TryStreamExt as _;
use parking_lot::MutexGuard;
use sha2::{Digest as _, Sha256};

use super::options::REQUEST_TIMEOUT;
use super::provision::Declared;
use super::server_time::time;
use super::{Connection, Nats, subjects};
use bus::{Error, Subscription};

/// After this time the process checks whether the stream is still the same one.
const RECHECK_INTERVAL: Duration = Duration::from_secs(5);

/// How much of a server's id tells it from others: it has 56 random letters after the first one.
const ID_LETTERS: usize = 16;
/// How long consumers may be missing from a stream that is still the same: a server that starts recovers them one after
/// the other, and one that is created meanwhile would get no event from before.
const RECOVERY_TIMEOUT: Duration = Duration::from_secs(3);
const RECOVERY_INTERVAL: Duration = Duration::from_millis(250);

/// The stream as this process found or created it, with all consumers.
#[derive(Debug, Clone)]
pub(super) struct Log {
    pub(super) created_at: DateTime<Utc>,
    /// A digest of the names of the consumers that this process knows.
    consumers: Arc<str>,
    /// The connection at the last check: after a reconnection the server may have another stream.
    connection: Connection,
    checked_at: Instant,
}

/// What a process knows of its stream.
#[derive(Debug, Default)]
pub(super) struct StreamState {
    /// The stream, if it exists as far as the process knows.
    ready: Option<Log>,
    /// When the stream was created in which this process has created these consumers.
    made: Option<(DateTime<Utc>, Declared)>,
    /// The connection on which it found them last.
    connection: Option<Connection>,
}

impl Log {
    /// Returns the prefix of message ids: the stream's creation time, a digest of the consumers that the sender knows,
    /// and the server's own id.
    ///
    /// So a stream does not treat as known what a sender published to it that took it for the previous stream (when not
    /// every consumer existed again), or that knows fewer consumers (an operator's command). And a server that was
    /// started again does not treat as known what reached it from a client's buffer before it had recovered its
    /// consumers: it removes such a message at once, as one that nobody wants, and remembers its id.
    pub(super) fn id_prefix(&self) -> String {
        let server = self.connection.server.get(..ID_LETTERS).unwrap_or(&self.connection.server);
        format!("{}-{}-{server}", self.created_at.timestamp_micros(), self.consumers)
    }

    /// Whether it was checked on this connection.
    pub(super) fn is_of(&self, connection: &Connection) -> bool {
        self.connection == *connection
    }
}

fn digest<'a>(names: impl Iterator<Item = &'a String>) -> Arc<str> {
    let mut digest = Sha256::new();
    for name in names {
        digest.update(name.as_bytes());
        digest.update([0]);
    }
    hex::encode(&digest.finalize()[..6]).into()
}

impl Nats {
    fn known(&self) -> MutexGuard<'_, StreamState> {
        self.known.lock()
    }

    /// Records that the stream or a consumer did not respond: before the next use the process checks whether it exists,
    /// and creates it if not.
    pub(super) fn mark_gone(&self) {
        self.known().ready = None;
    }

    /// As [`Nats::mark_gone`], if checking the stream of events is not enough: everything is created before the next
    /// use.
    pub(super) fn reset_state(&self) {
        *self.known() = StreamState::default();
    }

    /// Waits for a connection, at most `timeout`.
    pub(super) async fn connected(&self, timeout: Duration) -> Result<(), Error> {
        let mut gaps = self.gaps.clone();
        let wait = async {
            // The state changes a moment before or after the event is reported, so it is also polled.
            while self.client.connection_state() != State::Connected {
                let _ = tokio::time::timeout(Duration::from_millis(100), gaps.changed()).await;
            }
        };
        tokio::time::timeout(timeout, wait).await.map_err(|_| Error::unavailable("there is no connection to NATS"))
    }

    /// Returns what is known of the stream since the connection was made.
    fn cached(&self) -> Option<Log> {
        let connection = self.connection();
        self.known().ready.clone().filter(|log| log.is_of(&connection))
    }

    /// Whether a delivery may still be acknowledged: its lease is held, and the stream is the one that gave it.
    pub(super) async fn may_answer(&self, token: &str) -> Result<bool, Error> {
        let Some(stream_of) = self.leases.stream_of(token) else { return Ok(false) };
        let same = stream_of.created_at == self.ready().await?.created_at;
        if !same {
            self.leases.end(token);
        }
        Ok(same)
    }

    /// Returns the stream with every consumer; creates what is missing.
    pub(super) async fn ready(&self) -> Result<Log, Error> {
        if let Some(log) = self.cached() {
            return Ok(log);
        }
        self.connected(REQUEST_TIMEOUT).await?;
        // While the server is unresponsive, each of the waiting callers must wait for one timeout only, and not one
        // after the other.
        let _only_one =
            tokio::time::timeout(REQUEST_TIMEOUT, self.provisioning.lock()).await.map_err(Error::unavailable)?;
        if let Some(log) = self.cached() {
            return Ok(log);
        }
        let connection = self.connection();
        let declared = self.declared.lock().clone();
        let made = self.known().made.clone().filter(|(_, made)| *made == declared);
        let found = match made {
            Some((created_at, _)) => {
                let is_new_connection = self.known().connection.as_ref() != Some(&connection);
                let grace = if is_new_connection { RECOVERY_TIMEOUT } else { Duration::ZERO };
                self.repair(created_at, &declared, grace).await?
            }
            None => None,
        };
        let created_at = match found {
            Some(created_at) => created_at,
            None => self.provision_all(&declared).await?,
        };
        let consumers = digest(declared.keys());
        let log = Log { created_at, consumers, connection: connection.clone(), checked_at: Instant::now() };
        // Consumers that were declared meanwhile are not created yet: the next use does that.
        let is_complete = *self.declared.lock() == declared;
        *self.known() = StreamState {
            ready: is_complete.then(|| log.clone()),
            made: Some((created_at, declared)),
            connection: Some(connection),
        };
        Ok(log)
    }

    /// Creates only the consumers that the stream still lacks after `grace`: a cluster without a leader for a moment
    /// must not be asked to create all of them. Returns `None` if it is another stream, or none.
    async fn repair(
        &self,
        created_at: DateTime<Utc>,
        declared: &Declared,
        grace: Duration,
    ) -> Result<Option<DateTime<Utc>>, Error> {
        let stream = match self.jetstream.get_stream(&self.subjects.stream).await {
            Ok(stream) if time(stream.cached_info().created)? == created_at => stream,
            Ok(_) => return Ok(None),
            Err(error) if is_not_found(&error) => return Ok(None),
            Err(error) => return Err(Error::unavailable(error)),
        };
        let give_up_at = Instant::now() + grace;
        let missing: Vec<_> = loop {
            let existing: Vec<String> = stream.consumer_names().try_collect().await.map_err(Error::unavailable)?;
            let is_missing = |subscription: &Subscription| !existing.contains(&subjects::token(&subscription.name));
            let missing: Vec<_> = declared.values().filter(|(subscription, _)| is_missing(subscription)).collect();
            if missing.is_empty() || Instant::now() >= give_up_at {
                break missing;
            }
            tokio::time::sleep(RECOVERY_INTERVAL).await;
        };
        if !missing.is_empty() {
            tracing::warn!(
                consumers = missing.len(),
                "consumers were missing on the bus; they are created again and get events from now on"
            );
        }
        futures::future::try_join_all(
            missing.into_iter().map(|(subscription, runs)| self.create_consumer(subscription, *runs)),
        )
        .await?;
        Ok(Some(created_at))
    }

    /// As [`Nats::ready`], and checks now and then whether the stream is still the known one.
    pub(super) async fn rechecked(&self) -> Result<Log, Error> {
        let log = self.ready().await?;
        if log.checked_at.elapsed() < RECHECK_INTERVAL {
            return Ok(log);
        }
        // Other callers go on with the known state meanwhile.
        self.connected(REQUEST_TIMEOUT).await?;
        let declared = self.declared.lock().clone();
        if self.repair(log.created_at, &declared, Duration::ZERO).await?.is_none() {
            self.mark_gone();
            return self.ready().await;
        }
        let log = Log { checked_at: Instant::now(), ..log };
        if let Some(ready) = self.known().ready.as_mut().filter(|ready| ready.created_at == log.created_at) {
            ready.checked_at = log.checked_at;
        }
        Ok(log)
    }
}

/// Whether the stream is missing, rather than the server unresponsive.
pub(super) fn is_not_found(error: &GetStreamError) -> bool {
    matches!(error.kind(), GetStreamErrorKind::JetStream(error) if error.code() == 404)
}
