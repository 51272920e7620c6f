//! The stream as this process knows it: whether it is there with every consumer, and since when.
//!
//! Invariant: nothing is published before every declared consumer exists in the stream that takes it.

use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_nats::connection::State;
use async_nats::jetstream::context::{GetStreamError, GetStreamErrorKind};
use chrono::{DateTime, Utc};
use futures::TryStreamExt as _;
use sha2::{Digest as _, Sha256};

use super::declare::Wanted;
use super::options::PATIENCE;
use super::{Nats, names};
use crate::bus::Error;

/// How old what we know of the stream may be before we look whether it is still the same one.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// The stream as this process found or made it, with all consumers.
#[derive(Debug, Clone)]
pub(super) struct Log {
    pub(super) born: DateTime<Utc>,
    /// Stands for the names of the consumers that we know.
    consumers: Arc<str>,
    /// How often a connection had been made or lost when we last looked: a server that we have come back to may have another.
    turns: u64,
    looked: Instant,
}

/// What a process knows of its stream.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// It is there, as far as we know.
    ready: Option<Log>,
    /// When the stream was born in which this process has made these consumers.
    made: Option<(DateTime<Utc>, Wanted)>,
}

impl Log {
    /// What the ids of messages begin with: the stream's birth and the consumers that their sender knows.
    ///
    /// So a stream doesn't take for known what somebody sent to it who took it for the one before (when not every consumer was there
    /// again), or who knows fewer consumers (an operator's command).
    pub(super) fn mark(&self) -> String {
        format!("{}-{}", self.born.timestamp_micros(), self.consumers)
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
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The stream or a consumer did not answer: before the next use we look whether it is there, and make it if not.
    pub(super) fn is_gone(&self) {
        self.known().ready = None;
    }

    /// As [`Nats::is_gone`] where looking at the stream of events is not enough: everything is made before the next use.
    pub(super) fn start_over(&self) {
        *self.known() = Known::default();
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

    /// What is known since the connection was made.
    fn ready_here(&self) -> Option<Log> {
        self.known().ready.clone().filter(|log| log.turns == self.turns.load(Ordering::Acquire))
    }

    /// Whether a delivery may still be answered: its lease is held, and the stream is the one that gave it.
    pub(super) async fn may_answer(&self, token: &str) -> Result<bool, Error> {
        let Some(giver) = self.leases.giver(token) else { return Ok(false) };
        let same = giver.born == self.ready().await?.born;
        if !same {
            self.leases.end(token);
        }
        Ok(same)
    }

    /// The stream, with every consumer; makes what is missing.
    pub(super) async fn ready(&self) -> Result<Log, Error> {
        if let Some(log) = self.ready_here() {
            return Ok(log);
        }
        self.connected(PATIENCE).await?;
        // Whoever waits for its turn while the server is silent must not wait for as often as there are others.
        let _only_one = tokio::time::timeout(PATIENCE, self.making.lock()).await.map_err(Error::away)?;
        if let Some(log) = self.ready_here() {
            return Ok(log);
        }
        let turns = self.turns.load(Ordering::Acquire);
        let wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let made = self.known().made.clone().filter(|(_, made)| *made == wanted);
        let found = match made {
            Some((born, _)) => self.repair(born, &wanted).await?,
            None => None,
        };
        let born = match found {
            Some(born) => born,
            None => self.make_all(&wanted).await?,
        };
        let log = Log { born, consumers: digest(wanted.keys()), turns, looked: Instant::now() };
        // Consumers that were remembered meanwhile are not made yet: the next use does that.
        let all = *self.wanted.lock().unwrap_or_else(PoisonError::into_inner) == wanted;
        *self.known() = Known { ready: all.then(|| log.clone()), made: Some((born, wanted)) };
        Ok(log)
    }

    /// Makes the consumers that the stream lacks: three of a cluster without a leader for a moment must not be asked to make all of them.
    /// `None` if it is another stream, or none.
    async fn repair(&self, born: DateTime<Utc>, wanted: &Wanted) -> Result<Option<DateTime<Utc>>, Error> {
        let stream = match self.jetstream.get_stream(&self.names.stream).await {
            Ok(stream) if time(stream.cached_info().created)? == born => stream,
            Ok(_) => return Ok(None),
            Err(error) if is_not_found(&error) => return Ok(None),
            Err(error) => return Err(Error::away(error)),
        };
        let there: Vec<String> = stream.consumer_names().try_collect().await.map_err(Error::away)?;
        let missing: Vec<_> = wanted.values().filter(|(subscription, _)| !there.contains(&names::token(&subscription.name))).collect();
        if !missing.is_empty() {
            tracing::warn!(consumers = missing.len(), "consumers were missing on the bus; they are made again and hear from now on");
        }
        futures::future::try_join_all(missing.into_iter().map(|(subscription, runs)| self.make(subscription, *runs))).await?;
        Ok(Some(born))
    }

    /// As [`Nats::ready`], and looks now and then whether the stream is still the one that we know.
    pub(super) async fn looked_at(&self) -> Result<Log, Error> {
        let log = self.ready().await?;
        if log.looked.elapsed() < LOOK_AGAIN {
            return Ok(log);
        }
        // Everybody else goes on meanwhile with what we know.
        self.connected(PATIENCE).await?;
        let wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if self.repair(log.born, &wanted).await?.is_none() {
            self.is_gone();
            return self.ready().await;
        }
        let log = Log { looked: Instant::now(), ..log };
        if let Some(ready) = self.known().ready.as_mut().filter(|ready| ready.born == log.born) {
            ready.looked = log.looked;
        }
        Ok(log)
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
