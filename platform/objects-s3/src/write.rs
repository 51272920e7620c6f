//! Writes one object: buffers bytes into parts, sends them, and saves checkpoints.
//!
//! The first writer of an object sends parts of a multipart upload at the object's own key; finishing completes it. A
//! writer that resumes has ended that upload (see [`super::resume`]) and stores staged parts under `unfinished/KEY/`
//! instead, each under a name of its own; finishing composes them under a fresh key, by copies within the store. Bytes
//! that are too few for a part and must become durable, or leave memory, are stored as a staged part too. Invariant:
//! nothing is written twice under one name, so a writer that hung and comes back can't corrupt another's bytes.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use object_store::path::Path;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use super::Inner;
use super::memory_budget::{Held, PartBuffer};
use super::options::MIN_PART_BYTES;
use super::state::{self, PartLocation, Parts, StagedPart, State};
use super::store::MIN_TIMEOUT;
use base::ObjectKey;
use base::random::Random;
use objects::{Error, Sink};

/// Parts of one writer that are being sent while it buffers the next.
const MAX_IN_FLIGHT: usize = 2;
/// After so many parts their size doubles: S3 accepts 10,000 (Amazon S3 User Guide, "multipart upload limits").
const PARTS_PER_DOUBLING: usize = 1000;
/// Bytes of one copy within the store.
const COPY_BYTES: u64 = 256 << 20;
const MAX_CONCURRENT_COPIES: usize = 8;

/// The result of sending a part.
enum WriteOutcome {
    /// A part of the upload, with its tag.
    Part(String, u64),
    StagedPart(StagedPart),
}

pub(super) struct S3Writer {
    inner: Arc<Inner>,
    key: ObjectKey,
    /// The key of the finished object, for a writer that resumed.
    fresh: Option<ObjectKey>,
    /// The upload at the object's own key, for the first writer, once it has begun.
    parts: Option<Parts>,
    /// The staged parts of a writer that resumed.
    staged: Vec<StagedPart>,
    /// Staged parts that will be merged into the next part, before the buffer.
    rest: Vec<StagedPart>,
    buffer: PartBuffer,
    in_flight: VecDeque<AbortOnDropHandle<Result<WriteOutcome, Error>>>,
    /// Parts that were sent or are being sent.
    sent: usize,
    /// Names stored since the last checkpoint: no checkpoint has them.
    unsaved: Vec<String>,
    /// Names merged into a part since the last checkpoint, which may still name them.
    merged: Vec<String>,
    /// Names merged before the last checkpoint: only older checkpoints name them, and those are useless once the caller
    /// asks for another.
    stale: Vec<String>,
    /// Fails every call after one that failed or was dropped halfway: bytes might be missing.
    is_intact: bool,
}

impl S3Writer {
    pub(super) fn first(inner: &Arc<Inner>, key: ObjectKey) -> Self {
        Self::new(inner, key, None, Vec::new(), Vec::new())
    }

    pub(super) fn resumed(
        inner: &Arc<Inner>,
        key: ObjectKey,
        fresh: ObjectKey,
        staged: Vec<StagedPart>,
        rest: Vec<StagedPart>,
    ) -> Self {
        Self::new(inner, key, Some(fresh), staged, rest)
    }

    fn new(
        inner: &Arc<Inner>,
        key: ObjectKey,
        fresh: Option<ObjectKey>,
        staged: Vec<StagedPart>,
        rest: Vec<StagedPart>,
    ) -> Self {
        let buffer = PartBuffer::new(&inner.memory);
        let (in_flight, unsaved, merged, stale) = (VecDeque::new(), Vec::new(), Vec::new(), Vec::new());
        Self {
            inner: inner.clone(),
            key,
            fresh,
            parts: None,
            staged,
            rest,
            buffer,
            in_flight,
            sent: 0,
            unsaved,
            merged,
            stale,
            is_intact: true,
        }
    }

    fn part_bytes(&self) -> usize {
        self.inner.part_bytes << (self.sent / PARTS_PER_DOUBLING).min(8)
    }

    fn pending_bytes(&self) -> usize {
        usize::try_from(state::bytes(&self.rest)).unwrap_or(usize::MAX).saturating_add(self.buffer.len())
    }

    fn begin_call(&mut self) -> Result<(), Error> {
        if std::mem::replace(&mut self.is_intact, false) {
            Ok(())
        } else {
            Err(Error::Engine(std::io::ErrorKind::BrokenPipe.into()))
        }
    }

    async fn buffer_bytes(&mut self, mut bytes: Bytes) -> Result<(), Error> {
        while !bytes.is_empty() {
            let room = self.part_bytes().saturating_sub(self.pending_bytes()).max(1);
            self.buffer.push(bytes.split_to(room.min(bytes.len())));
            if self.pending_bytes() >= self.part_bytes() {
                self.send().await?;
            } else if self.buffer.should_flush() {
                self.flush_early().await?;
            }
        }
        Ok(())
    }

    /// Sends the pending bytes as a part, in the background.
    async fn send(&mut self) -> Result<(), Error> {
        while self.in_flight.len() >= if self.inner.memory.is_tight() { 1 } else { MAX_IN_FLIGHT } {
            self.await_oldest().await?;
        }
        let upload = match &self.fresh {
            None => Some(self.upload().await?),
            Some(_) => None,
        };
        let (inner, key, number, rest, held) =
            (self.inner.clone(), self.key.clone(), self.sent, std::mem::take(&mut self.rest), self.buffer.take());
        let name = Random::system().id();
        if upload.is_none() {
            self.unsaved.push(name.clone());
        }
        self.merged.extend(rest.iter().filter_map(staged_name));
        self.sent += 1;
        self.in_flight.push_back(AbortOnDropHandle::new(tokio::spawn(async move {
            let bytes = state::bytes(&rest) + held.len() as u64;
            let (chunks, _room) = inner.load_parts(&key, &rest, &held).await?;
            Ok(match upload {
                Some(upload) => WriteOutcome::Part(
                    inner.store.put_part(&inner.store.path(&key), &upload, number, chunks).await?,
                    bytes,
                ),
                None => {
                    inner.store.put(&inner.store.staged_path(&key, &name), chunks).await?;
                    WriteOutcome::StagedPart(StagedPart(PartLocation::Named(name), bytes))
                }
            })
        })));
        Ok(())
    }

    /// Returns the id of the upload, which is created if needed.
    async fn upload(&mut self) -> Result<String, Error> {
        if let Some(parts) = &self.parts {
            return Ok(parts.id.clone());
        }
        let id = self.inner.store.create_upload(&self.inner.store.path(&self.key)).await?;
        self.parts = Some(Parts { id: id.clone(), tags: Vec::new(), bytes: 0 });
        Ok(id)
    }

    /// Waits for the oldest part that is being sent.
    async fn await_oldest(&mut self) -> Result<(), Error> {
        let Some(in_flight) = self.in_flight.pop_front() else { return Ok(()) };
        match (in_flight.await.map_err(|error| Error::Engine(std::io::Error::other(error)))??, &mut self.parts) {
            (WriteOutcome::Part(tag, bytes), Some(parts)) => {
                parts.tags.push(tag);
                parts.bytes += bytes;
            }
            (WriteOutcome::StagedPart(part), _) => self.staged.push(part),
            (WriteOutcome::Part(..), None) => return Err(Error::Missing),
        }
        Ok(())
    }

    async fn await_all(&mut self) -> Result<(), Error> {
        while !self.in_flight.is_empty() {
            self.await_oldest().await?;
        }
        Ok(())
    }

    /// Stores the buffer as a staged part that is too short for a part.
    async fn flush_early(&mut self) -> Result<(), Error> {
        let (held, name) = (self.buffer.take(), Random::system().id());
        self.unsaved.push(name.clone());
        self.inner.store.put(&self.inner.store.staged_path(&self.key, &name), held.chunks()).await?;
        self.rest.push(StagedPart(PartLocation::Named(name), held.len() as u64));
        Ok(())
    }

    async fn save_all(&mut self) -> Result<String, Error> {
        // A checkpoint of the first writer always has an upload: ending it makes the next writer the only one.
        if self.fresh.is_none() {
            self.upload().await?;
        }
        if self.pending_bytes() >= MIN_PART_BYTES {
            self.send().await?;
        } else if self.buffer.len() > 0 {
            self.flush_early().await?;
        }
        self.await_all().await?;
        let state =
            State { parts: self.parts.clone(), staged: self.staged.clone(), rest: self.rest.clone() }.write()?;
        // A caller that asks for this checkpoint has stored the last one, or given it up.
        let stale = std::mem::replace(&mut self.stale, std::mem::take(&mut self.merged));
        self.unsaved.clear();
        self.inner.remove_staged(&self.key, stale).await;
        Ok(state)
    }

    /// Finishes the object of the first writer, at its key.
    async fn complete(&mut self) -> Result<(), Error> {
        let path = self.inner.store.path(&self.key);
        if self.parts.is_none() {
            let held = self.buffer.take();
            let (chunks, _room) = self.inner.load_parts(&self.key, &self.rest, &held).await?;
            self.inner.store.put(&path, chunks).await?;
        } else {
            if self.pending_bytes() > 0 || self.sent == 0 {
                self.send().await?;
            }
            self.await_all().await?;
            let Some(parts) = &self.parts else { return Err(Error::Missing) };
            let started = Instant::now();
            if let Err(error) = self.inner.store.complete(&path, &parts.id, &parts.tags, parts.bytes).await {
                // It may have succeeded, and only the response was lost.
                let exists =
                    self.inner.store.head_after(&path, started).await.is_ok_and(|meta| meta.size == parts.bytes);
                if !exists {
                    return Err(error);
                }
            }
        }
        // The object has these bytes now, also for a writer that resumes from an older checkpoint. They are removed
        // before the call returns, so none is left over.
        let rest = self.rest.iter().filter_map(staged_name);
        let names: Vec<String> =
            self.merged.drain(..).chain(self.stale.drain(..)).chain(self.unsaved.drain(..)).chain(rest).collect();
        let removals: Vec<BoxFuture<'_, Result<(), Error>>> =
            names.iter().map(|name| -> BoxFuture<'_, _> { Box::pin(remove(&self.inner, &self.key, name)) }).collect();
        stream::iter(removals).buffer_unordered(MAX_CONCURRENT_COPIES).try_collect().await
    }

    /// Finishes the object of a writer that resumed: composes all staged parts under the fresh key. They stay until the
    /// unfinished object is removed.
    async fn compose(&mut self, fresh: &ObjectKey) -> Result<(), Error> {
        self.await_all().await?;
        let (inner, path, held) = (self.inner.clone(), self.inner.store.path(fresh), self.buffer.take());
        if self.staged.is_empty() {
            let (chunks, _room) = inner.load_parts(&self.key, &self.rest, &held).await?;
            return inner.store.put(&path, chunks).await;
        }
        let upload = inner.store.create_upload(&path).await?;
        let composed = self.compose_parts(&path, &upload, &held).await;
        if composed.is_err() {
            let (store, fresh) = (inner.store.clone(), fresh.clone());
            let abort = tokio::spawn(async move {
                if let Err(error) = store.abort(&path, &upload).await {
                    tracing::warn!(object = %fresh, %error, "an upload could not be aborted; removing its object will \
                        abort it");
                }
            });
            // If the store is unresponsive, the caller has waited long enough.
            drop(tokio::time::timeout(MIN_TIMEOUT, abort).await);
        }
        composed
    }

    async fn compose_parts(&self, path: &Path, upload: &str, held: &Held) -> Result<(), Error> {
        let store = &self.inner.store;
        let mut copies: Vec<BoxFuture<'_, Result<String, Error>>> = Vec::new();
        for part in &self.staged {
            for range in ranges(part.1) {
                let (number, from) = (copies.len(), self.inner.path_of(&self.key, &part.0));
                copies.push(Box::pin(async move { store.copy_part(path, upload, number, &from, range).await }));
            }
        }
        let count = copies.len();
        let mut tags: Vec<String> = stream::iter(copies).buffered(MAX_CONCURRENT_COPIES).try_collect().await?;
        if state::bytes(&self.rest) + held.len() as u64 > 0 {
            let (chunks, _room) = self.inner.load_parts(&self.key, &self.rest, held).await?;
            tags.push(store.put_part(path, upload, count, chunks).await?);
        }
        store.complete(path, upload, &tags, state::bytes(&self.staged)).await
    }
}

#[async_trait::async_trait]
impl Sink for S3Writer {
    async fn write(&mut self, bytes: Bytes) -> Result<(), Error> {
        self.begin_call()?;
        self.buffer_bytes(bytes).await?;
        self.is_intact = true;
        Ok(())
    }

    async fn save(&mut self) -> Result<String, Error> {
        self.begin_call()?;
        let state = self.save_all().await?;
        self.is_intact = true;
        Ok(state)
    }

    async fn finish(&mut self) -> Result<ObjectKey, Error> {
        self.begin_call()?;
        match self.fresh.clone() {
            None => self.complete().await.map(|()| self.key.clone()),
            Some(fresh) => self.compose(&fresh).await.map(|()| fresh),
        }
    }

    async fn discard_unsaved(&mut self) {
        self.in_flight.clear();
        let unsaved = std::mem::take(&mut self.unsaved);
        self.inner.remove_staged(&self.key, unsaved).await;
    }
}

fn staged_name(part: &StagedPart) -> Option<String> {
    match &part.0 {
        PartLocation::Named(name) => Some(name.clone()),
        PartLocation::Key => None,
    }
}

async fn remove(inner: &Inner, key: &ObjectKey, name: &str) -> Result<(), Error> {
    inner.store.remove(&inner.store.staged_path(key, name)).await
}

/// Splits a staged part into ranges to copy; none is shorter than a part must be.
fn ranges(bytes: u64) -> Vec<std::ops::Range<u64>> {
    let count = (bytes / COPY_BYTES).max(1);
    (0..count)
        .map(|number| number * COPY_BYTES..if number + 1 == count { bytes } else { (number + 1) * COPY_BYTES })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_cover_a_staged_part_without_a_short_one() {
        for bytes in [1, MIN_PART_BYTES as u64, COPY_BYTES - 1, COPY_BYTES, COPY_BYTES + 1, 5 * COPY_BYTES + 17] {
            let ranges = ranges(bytes);
            assert_eq!((ranges[0].start, ranges[ranges.len() - 1].end), (0, bytes));
            assert!(ranges.windows(2).all(|pair| pair[0].end == pair[1].start));
            assert!(ranges.iter().all(|range| range.end - range.start >= COPY_BYTES.min(bytes)));
        }
    }
}
