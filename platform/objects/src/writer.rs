//! Writes one object, on any engine.
//!
//! Owns what is left when a writer is dropped: nothing if there is no checkpoint; otherwise what the checkpoint names.
//! Invariant: only the caller removes an object that a checkpoint names.

use bytes::Bytes;

use super::key_log::log_key_with;
use super::{Checkpoint, Error, ObjectKey, Objects, Sink};

/// A finished object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its key.
    pub key: ObjectKey,
    /// Its size in bytes.
    pub bytes: u64,
}

/// Writes one object. Dropped before `finish`, it removes what it wrote after the last checkpoint that it returned or
/// resumed from.
pub struct Writer {
    key: ObjectKey,
    bytes: u64,
    sink: Option<Box<dyn Sink>>,
    /// Whether a checkpoint exists from which the object can be resumed.
    has_checkpoint: bool,
    /// Whether the object becomes durable with its batch.
    is_in_batch: bool,
    store: Objects,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("key", &self.key).field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

impl Writer {
    pub(super) fn new(store: Objects, key: ObjectKey, sink: Box<dyn Sink>) -> Self {
        Self { key, bytes: 0, sink: Some(sink), has_checkpoint: false, is_in_batch: false, store }
    }

    pub(super) fn resumed(store: Objects, checkpoint: &Checkpoint, sink: Box<dyn Sink>) -> Self {
        let mut writer = Self::new(store, checkpoint.key.clone(), sink);
        (writer.bytes, writer.has_checkpoint) = (checkpoint.bytes, true);
        writer
    }

    pub(super) fn in_batch(mut self) -> Self {
        self.is_in_batch = true;
        self
    }

    /// The key of the object while it is unfinished.
    pub fn key(&self) -> &ObjectKey {
        &self.key
    }

    /// Bytes written so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether a checkpoint may exist, so that only the owner of all checkpoints may remove the object.
    pub fn has_checkpoint(&self) -> bool {
        self.has_checkpoint
    }

    /// Appends `bytes`.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), Error> {
        self.bytes += bytes.len() as u64;
        match &mut self.sink {
            Some(sink) => sink.write(bytes).await,
            None => Err(Error::Missing),
        }
    }

    /// Makes the written bytes durable and stays ready for more; [`Objects::resume`] goes on from here if this writer
    /// can't.
    ///
    /// Store the result before calling again: of two checkpoints of one writer, the older one may then be useless.
    pub async fn save(&mut self) -> Result<Checkpoint, Error> {
        let Some(sink) = &mut self.sink else { return Err(Error::Missing) };
        let state = sink.save().await?;
        log_key_with("saved", &self.key, format_args!("{} bytes", self.bytes));
        self.has_checkpoint = true;
        Ok(Checkpoint { key: self.key.clone(), bytes: self.bytes, state })
    }

    /// Makes the written bytes durable and ends this writer; [`Objects::resume`] goes on from here.
    pub async fn checkpoint(mut self) -> Result<Checkpoint, Error> {
        let checkpoint = self.save().await?;
        self.sink.take();
        Ok(checkpoint)
    }

    /// Makes the whole object durable; one of a batch is complete, and durable once that is synced. If this fails, the
    /// object can still be resumed from a checkpoint.
    pub async fn finish(mut self) -> Result<Stored, Error> {
        let Some(sink) = &mut self.sink else { return Err(Error::Missing) };
        let key = if self.is_in_batch { sink.finish_in_batch().await? } else { sink.finish().await? };
        log_key_with("completed", &key, format_args!("{} bytes, started as {}", self.bytes, self.key));
        self.sink.take();
        Ok(Stored { key, bytes: self.bytes })
    }

    /// Removes the object, including what a checkpoint names.
    pub async fn abort(mut self) -> Result<(), Error> {
        if let Some(mut sink) = self.sink.take() {
            sink.discard_unsaved().await;
        }
        self.store.remove(&self.key).await
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let Some(mut sink) = self.sink.take() else { return };
        let (store, key, has_checkpoint) = (self.store.clone(), self.key.clone(), self.has_checkpoint);
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            sink.discard_unsaved().await;
            drop(sink);
            if has_checkpoint {
                return;
            }
            if let Err(error) = store.remove(&key).await {
                tracing::warn!(object = %key, %error, "an unfinished object could not be removed; the sweep will");
            }
        });
    }
}
