//! Reads a range on demand, and resumes after a broken connection.
//!
//! Invariant: the output is exactly the range, in order, in chunks of at most [`MAX_CHUNK_BYTES`], or ends with an
//! error.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt as _};
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectStore as _};
use tokio::time::Instant;

use super::store::{MIN_TIMEOUT, Store, map_error};
use objects::Error;

const MAX_CHUNK_BYTES: usize = 256 * 1024;
/// Failures in a row after which reading is given up. Every byte that arrives resets the count.
const MAX_TRIES: u32 = 4;

type Body = BoxStream<'static, object_store::Result<Bytes>>;

struct Reading {
    store: Arc<Store>,
    path: Path,
    range: Range<u64>,
    body: Option<Body>,
    buffered: Bytes,
    /// Since the last byte arrived: the number of failures, and the start of the first failing request.
    tries: u32,
    failing_since: Option<Instant>,
}

/// Opens the range, so that a missing object is reported now, and streams it.
pub(super) async fn read(
    store: Arc<Store>,
    path: Path,
    range: Range<u64>,
) -> Result<BoxStream<'static, Result<Bytes, Error>>, Error> {
    if range.start >= range.end {
        store.head(&path).await?;
        return Ok(stream::empty().boxed());
    }
    let mut reading = Reading { store, path, range, body: None, buffered: Bytes::new(), tries: 0, failing_since: None };
    while reading.body.is_none() {
        reading.open().await?;
    }
    Ok(stream::try_unfold(
        reading,
        |mut reading| async move { Ok(reading.next().await?.map(|chunk| (chunk, reading))) },
    )
    .boxed())
}

impl Reading {
    /// Returns the timeout for one read: two of them fit into the deadline, and a third has what is left. It runs only
    /// while the caller reads, so a slow reader may be slow.
    fn read_timeout(&self) -> Duration {
        self.time_left().max(MIN_TIMEOUT).min(self.store.deadline() * 2 / 5)
    }

    /// Returns what is left of the deadline since the last byte arrived.
    fn time_left(&self) -> Duration {
        self.failing_since.map_or(self.store.deadline(), |failing_since| {
            (failing_since + self.store.deadline()).saturating_duration_since(Instant::now())
        })
    }

    async fn open(&mut self) -> Result<(), Error> {
        let started = Instant::now();
        let options = GetOptions { range: Some(GetRange::Bounded(self.range.clone())), ..GetOptions::default() };
        match tokio::time::timeout(self.read_timeout(), self.store.bulk().get_opts(&self.path, options)).await {
            Ok(Ok(got)) => {
                self.body = Some(got.into_stream());
                Ok(())
            }
            Ok(Err(object_store::Error::NotFound { .. })) => Err(Error::Missing),
            Ok(Err(error)) => self.retry(started, map_error(error)).await,
            Err(_) => self.retry(started, Error::Engine(std::io::ErrorKind::TimedOut.into())).await,
        }
    }

    async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            if !self.buffered.is_empty() {
                let chunk = self.buffered.split_to(self.buffered.len().min(MAX_CHUNK_BYTES));
                self.range.start += chunk.len() as u64;
                return Ok(Some(chunk));
            }
            if self.range.start >= self.range.end {
                return Ok(None);
            }
            let (started, read_timeout) = (Instant::now(), self.read_timeout());
            let Some(body) = &mut self.body else {
                self.open().await?;
                continue;
            };
            match tokio::time::timeout(read_timeout, body.next()).await {
                Ok(Some(Ok(chunk))) => {
                    let wanted = usize::try_from(self.range.end - self.range.start).unwrap_or(usize::MAX);
                    self.buffered = chunk.slice(..chunk.len().min(wanted));
                    (self.tries, self.failing_since) = (0, None);
                }
                // The object ends before the range does.
                Ok(None) => return Err(Error::Engine(std::io::ErrorKind::UnexpectedEof.into())),
                Ok(Some(Err(error))) => self.retry(started, map_error(error)).await?,
                Err(_) => self.retry(started, Error::Engine(std::io::ErrorKind::TimedOut.into())).await?,
            }
        }
    }

    /// Waits a little before another try; returns the error once there have been enough.
    async fn retry(&mut self, started: Instant, error: Error) -> Result<(), Error> {
        self.body = None;
        self.tries += 1;
        self.failing_since.get_or_insert(started);
        let pause = Duration::from_millis(100 << self.tries.min(5));
        if self.tries >= MAX_TRIES || self.time_left() <= pause {
            return Err(error);
        }
        tracing::debug!(object = %self.path, %error, tries = self.tries, "reading is resumed after a failed request");
        tokio::time::sleep(pause).await;
        Ok(())
    }
}
