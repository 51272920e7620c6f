//! The `Objects` port: bytes under random keys, written once, never renamed.
//!
//! Owns bytes only. Which objects exist is for a database to say: a row is inserted after [`Writer::finish`], and a
//! sweep removes objects without a row. Invariant: when `finish` or `checkpoint` returns, the bytes survive a power
//! cut; those of a [`Batch`] do when its `sync` returns.

mod batch;
mod folder;
mod key_log;
pub mod orphans;
pub mod reconcile;
pub mod removal_hold;
mod sync;
mod writer;

pub use base::object_key::{InvalidObjectKey, ObjectKey};
pub use batch::Batch;
pub use key_log::{log_key, log_key_with};
pub use orphans::{KeyLease, ObjectColumn, Orphans};
pub use writer::{Stored, Writer};

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use base::{EngineError, Transient};
use bytes::Bytes;
use futures::stream::BoxStream;

/// An error of the object store.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no object under this key.
    #[error("the object is gone")]
    Missing,
    /// The store is full.
    #[error("the server's storage is full; try again later")]
    Full,
    /// The engine failed or did not respond.
    #[error("the storage did not respond; try again shortly")]
    Engine(#[source] std::io::Error),
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::NotFound => Self::Missing,
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Self::Full,
            _ => Self::Engine(error),
        }
    }
}

impl Transient for Error {
    fn is_transient(&self) -> bool {
        matches!(self, Self::Full | Self::Engine(_))
    }
}

impl EngineError for Error {
    fn full(&self) -> Option<&'static str> {
        matches!(self, Self::Full).then_some("the object store is full")
    }
}

/// Where another program (ffmpeg) can read an object.
#[derive(Clone, PartialEq, Eq)]
pub enum Source {
    /// A file on this machine.
    File(PathBuf),
    /// A presigned URL: any holder of it can read the object, so it must not be in a log or an error.
    Url(String),
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Url(_) => f.write_str("Url(…)"),
        }
    }
}

/// The headers that a browser gets with an object that it fetches from the store itself.
#[derive(Debug, Clone, Copy)]
pub struct PresignOptions<'a> {
    /// The content type, whatever the bytes look like.
    pub content_type: &'a str,
    /// The value of `Content-Disposition`.
    pub disposition: &'a str,
    /// How long the URL is valid.
    pub valid_for: Duration,
}

/// A durable position in an unfinished object: enough to resume after a restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The object's key.
    pub key: ObjectKey,
    /// How many bytes are durable.
    pub bytes: u64,
    /// The engine's own state (opaque; empty for the folder).
    pub state: String,
}

/// Returns all shards: the first two characters of keys.
pub fn shards() -> impl Iterator<Item = String> {
    let digits = || ('0'..='9').chain('a'..='z');
    digits().flat_map(move |first| digits().map(move |second| [first, second].iter().collect()))
}

/// An engine of the store.
#[async_trait]
pub trait Engine: Send + Sync {
    /// Starts an object under a key.
    async fn create(&self, key: &ObjectKey) -> Result<Box<dyn Sink>, Error>;
    /// Starts a batch of objects; `None` if each is durable when it is complete, at no more cost.
    async fn batch(&self) -> Result<Option<Box<dyn Barrier>>, Error> {
        Ok(None)
    }
    /// Continues an unfinished object from a checkpoint; the finished one may be under `fresh`.
    async fn resume(&self, checkpoint: &Checkpoint, fresh: ObjectKey) -> Result<Box<dyn Sink>, Error>;
    /// Streams the bytes of a checkpoint.
    async fn read_back(&self, checkpoint: &Checkpoint) -> Result<BoxStream<'static, Result<Bytes, Error>>, Error>;
    /// Returns an object's size in bytes.
    async fn len(&self, key: &ObjectKey) -> Result<u64, Error>;
    /// Streams a range of an object.
    async fn read(&self, key: &ObjectKey, range: Range<u64>)
    -> Result<BoxStream<'static, Result<Bytes, Error>>, Error>;
    /// Returns where another program can read the object.
    async fn source(&self, key: &ObjectKey) -> Result<Source, Error>;
    /// Returns a URL for a browser, if the engine can and may.
    async fn presign(&self, key: &ObjectKey, options: &PresignOptions<'_>) -> Result<Option<String>, Error>;
    /// Removes everything under a key.
    async fn remove(&self, key: &ObjectKey) -> Result<(), Error>;
    /// Lists the objects of a shard, or every object if it is empty.
    async fn list(&self, shard: &str) -> Result<Vec<Listed>, Error>;
    /// Whether anything is stored under a key.
    async fn exists(&self, key: &ObjectKey) -> Result<bool, Error>;
    /// Whether the engine responds.
    async fn ping(&self) -> Result<(), Error>;
    /// The origin from which browsers fetch objects themselves, if they do.
    fn downloads_from(&self) -> Option<&str> {
        None
    }
    /// How long after a writer is gone one of its requests may still be applied.
    fn settles_within(&self) -> Duration;
}

/// Where an engine writes the bytes of one object.
#[async_trait]
pub trait Sink: Send {
    /// Appends bytes.
    async fn write(&mut self, bytes: Bytes) -> Result<(), Error>;
    /// Makes the written bytes durable and returns the engine's state. A call implies that the caller has stored the
    /// previous state.
    async fn save(&mut self) -> Result<String, Error>;
    /// Completes the object and returns its key.
    async fn finish(&mut self) -> Result<ObjectKey, Error>;
    /// Completes an object of a batch, whose barrier makes it durable, and returns its key.
    async fn finish_in_batch(&mut self) -> Result<ObjectKey, Error> {
        self.finish().await
    }
    /// Removes what no checkpoint names.
    async fn discard_unsaved(&mut self);
}

/// What makes the objects of a batch durable.
#[async_trait]
pub trait Barrier: Send + Sync {
    /// Returns when the objects that were completed before the call survive a power cut. An error may be about any
    /// bytes that were written since the batch began, and is returned once.
    async fn sync(&self) -> Result<(), Error>;
}

/// An object in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its key.
    pub key: ObjectKey,
    /// Its size in bytes.
    pub bytes: u64,
    /// When it was last written to, if the engine reports it.
    pub modified: Option<SystemTime>,
}

/// The object store, on any of its engines.
#[derive(Clone)]
pub struct Objects(Arc<dyn Engine>);

impl std::fmt::Debug for Objects {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Objects")
    }
}

impl Objects {
    /// Opens the embedded store: a folder, sharded by the key's first two characters.
    pub async fn folder(root: &Path) -> Result<Self, Error> {
        Ok(Self(Arc::new(folder::Folder::open(root).await?)))
    }

    /// Returns a store on another engine.
    pub fn on(engine: impl Engine + 'static) -> Self {
        Self(Arc::new(engine))
    }

    /// Whether the store responds.
    pub async fn ping(&self) -> Result<(), Error> {
        self.0.ping().await
    }

    /// Starts a new object under a random key.
    pub async fn create(&self) -> Result<Writer, Error> {
        self.create_as(ObjectKey::random()).await
    }

    /// Starts a new object under a random key that the caller has recorded before, so that it can be swept if the
    /// caller dies.
    pub async fn create_as(&self, key: ObjectKey) -> Result<Writer, Error> {
        log_key_with("created", &key, "");
        let sink = self.0.create(&key).await?;
        Ok(Writer::new(self.clone(), key, sink))
    }

    /// Starts a batch: objects that become durable together.
    pub async fn batch(&self) -> Result<Batch, Error> {
        Ok(Batch::new(self.clone(), self.0.batch().await?))
    }

    /// Resumes an unfinished object. What was written after the checkpoint is dropped, and an earlier writer of the
    /// object can't corrupt it.
    ///
    /// `fresh` is another random key that the caller has recorded. The finished object may be under it: see
    /// [`Stored::key`]. Then the checkpoint's key still has the parts of the object, until the caller removes it.
    pub async fn resume(&self, checkpoint: &Checkpoint, fresh: ObjectKey) -> Result<Writer, Error> {
        log_key_with("resumed", &checkpoint.key, format_args!("from {} bytes, to end as {fresh}", checkpoint.bytes));
        let sink = self.0.resume(checkpoint, fresh).await?;
        Ok(Writer::resumed(self.clone(), checkpoint, sink))
    }

    /// Streams the bytes of a checkpoint. A writer that still has the unfinished object loses it, as with
    /// [`Objects::resume`].
    pub async fn read_back(&self, checkpoint: &Checkpoint) -> Result<BoxStream<'static, Result<Bytes, Error>>, Error> {
        self.0.read_back(checkpoint).await
    }

    /// Stores `bytes` as one object.
    pub async fn put(&self, bytes: Bytes) -> Result<Stored, Error> {
        let mut writer = self.create().await?;
        writer.write(bytes).await?;
        writer.finish().await
    }

    /// Stores the content of a local file.
    pub async fn put_file(&self, path: &Path) -> Result<Stored, Error> {
        use tokio::io::AsyncReadExt as _;
        let mut file = tokio::fs::File::open(path).await?;
        let mut writer = self.create().await?;
        loop {
            let mut chunk = bytes::BytesMut::with_capacity(256 * 1024);
            if file.read_buf(&mut chunk).await? == 0 {
                return writer.finish().await;
            }
            writer.write(chunk.freeze()).await?;
        }
    }

    /// Returns an object's size in bytes.
    pub async fn len(&self, key: &ObjectKey) -> Result<u64, Error> {
        self.0.len(key).await
    }

    /// Streams a range of an object, in chunks of at most 256 KB, read on demand. A range beyond the end of the object
    /// ends with an error there.
    pub async fn read(
        &self,
        key: &ObjectKey,
        range: Range<u64>,
    ) -> Result<BoxStream<'static, Result<Bytes, Error>>, Error> {
        self.0.read(key, range).await
    }

    /// Reads a whole object of at most `max_bytes` bytes ([`Error::Engine`] if it is larger).
    pub async fn get(&self, key: &ObjectKey, max_bytes: u64) -> Result<Bytes, Error> {
        use futures::TryStreamExt as _;
        let len = self.len(key).await?;
        if len > max_bytes {
            return Err(Error::Engine(std::io::Error::new(
                std::io::ErrorKind::FileTooLarge,
                format!("{len} bytes, {max_bytes} allowed"),
            )));
        }
        let mut chunks = self.read(key, 0..len).await?;
        let mut whole = bytes::BytesMut::with_capacity(usize::try_from(len).unwrap_or(0));
        while let Some(chunk) = chunks.try_next().await? {
            whole.extend_from_slice(&chunk);
        }
        Ok(whole.freeze())
    }

    /// Returns where another program can read the object.
    pub async fn source(&self, key: &ObjectKey) -> Result<Source, Error> {
        self.0.source(key).await
    }

    /// Returns a URL from which a browser can fetch the object itself, if the operator allows that and the engine can.
    pub async fn presign(&self, key: &ObjectKey, options: &PresignOptions<'_>) -> Result<Option<String>, Error> {
        self.0.presign(key, options).await
    }

    /// Returns the origin from which browsers fetch objects themselves; `None` if all bytes go through this product.
    pub fn downloads_from(&self) -> Option<&str> {
        self.0.downloads_from()
    }

    /// Removes an object, finished or not, and everything that was stored to make it. A missing object is not an error.
    pub async fn remove(&self, key: &ObjectKey) -> Result<(), Error> {
        let removed = match self.0.remove(key).await {
            Err(Error::Missing) => Ok(()),
            other => other,
        };
        match &removed {
            Ok(()) => log_key("removed", [key]),
            Err(error) => log_key_with("not removed", key, error),
        }
        removed
    }

    /// Whether anything is stored under a key, finished or not.
    pub async fn exists(&self, key: &ObjectKey) -> Result<bool, Error> {
        self.0.exists(key).await
    }

    /// Returns how long after a writer is gone the store may still apply one of its requests, so that a removed object
    /// appears again.
    pub fn settles_within(&self) -> chrono::TimeDelta {
        chrono::TimeDelta::from_std(self.0.settles_within()).unwrap_or(chrono::TimeDelta::MAX)
    }

    /// Returns the objects of one shard (the key's first two characters), for sweeps; unfinished ones with the bytes
    /// that they take.
    pub async fn list(&self, shard: &str) -> Result<Vec<Listed>, Error> {
        self.0.list(shard).await
    }

    /// Returns the objects of all shards in a few requests, for stores that are known to be small: all are in memory at
    /// once.
    pub async fn list_all(&self) -> Result<Vec<Listed>, Error> {
        self.0.list("").await
    }
}
