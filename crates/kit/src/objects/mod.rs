//! The `Objects` port: bytes under random keys, written once, never renamed.
//!
//! Owns bytes only; which objects exist is for a database to say: a row is inserted after
//! [`Writer::finish`], and a sweep removes objects without a row. Invariant: when `finish` or
//! `checkpoint` returns, the bytes survive a power cut.

mod folder;
mod key;
mod sync;

pub use key::{NotAnObjectKey, ObjectKey, base62};

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;

/// What can go wrong with objects.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No object under this key.
    #[error("the object is gone")]
    Missing,
    /// The store is full.
    #[error("the server's storage is full; try again later")]
    Full,
    /// The engine failed.
    #[error("the storage did not answer; try again shortly")]
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

/// Where another program (ffmpeg) can read an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A file of this machine.
    File(PathBuf),
    /// A presigned address.
    Url(String),
}

/// A durable place in an unfinished object: enough to go on after a restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The object's key.
    pub key: ObjectKey,
    /// How many bytes are safe.
    pub bytes: u64,
    /// What the engine must know besides (opaque; empty for the folder).
    pub state: String,
}

/// An engine of the store.
#[async_trait]
pub(crate) trait Engine: Send + Sync {
    async fn create(&self, key: &ObjectKey) -> Result<Box<dyn Sink>, Error>;
    async fn resume(&self, at: &Checkpoint) -> Result<Box<dyn Sink>, Error>;
    async fn len(&self, key: &ObjectKey) -> Result<u64, Error>;
    async fn read(&self, key: &ObjectKey, range: Range<u64>) -> Result<BoxStream<'static, Result<Bytes, Error>>, Error>;
    async fn source(&self, key: &ObjectKey) -> Result<Source, Error>;
    async fn remove(&self, key: &ObjectKey) -> Result<(), Error>;
    async fn list(&self, shard: &str) -> Result<Vec<Listed>, Error>;
}

/// Where an engine takes bytes.
#[async_trait]
pub(crate) trait Sink: Send {
    async fn write(&mut self, bytes: Bytes) -> Result<(), Error>;
    async fn checkpoint(&mut self) -> Result<String, Error>;
    async fn finish(self: Box<Self>) -> Result<(), Error>;
}

/// An object that lies in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its key.
    pub key: ObjectKey,
    /// Its size in bytes.
    pub bytes: u64,
    /// When it was last written to.
    pub modified: SystemTime,
}

/// The store, whichever engine it runs on.
#[derive(Clone)]
pub struct Objects(Arc<dyn Engine>);

impl std::fmt::Debug for Objects {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Objects")
    }
}

impl Objects {
    /// The embedded store: a folder, sharded by the key's first two characters.
    pub async fn folder(root: &Path) -> Result<Self, Error> {
        Ok(Self(Arc::new(folder::Folder::open(root).await?)))
    }

    /// Starts a new object under a random key.
    pub async fn create(&self) -> Result<Writer, Error> {
        self.create_as(ObjectKey::random()).await
    }

    /// Starts a new object under a random key that the caller has written down before, so that it can be swept if the caller dies.
    pub async fn create_as(&self, key: ObjectKey) -> Result<Writer, Error> {
        let sink = self.0.create(&key).await?;
        Ok(Writer { key, bytes: 0, sink: Some(sink), store: self.clone() })
    }

    /// Goes on with an unfinished object; what was written after the checkpoint is dropped.
    pub async fn resume(&self, at: &Checkpoint) -> Result<Writer, Error> {
        let sink = self.0.resume(at).await?;
        Ok(Writer { key: at.key.clone(), bytes: at.bytes, sink: Some(sink), store: self.clone() })
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

    /// An object's size in bytes.
    pub async fn len(&self, key: &ObjectKey) -> Result<u64, Error> {
        self.0.len(key).await
    }

    /// Streams a range of an object, in chunks of at most 256 KB, read as they are asked for.
    pub async fn read(&self, key: &ObjectKey, range: Range<u64>) -> Result<BoxStream<'static, Result<Bytes, Error>>, Error> {
        self.0.read(key, range).await
    }

    /// Reads a whole object of at most `most` bytes ([`Error::Engine`] if it is larger).
    pub async fn get(&self, key: &ObjectKey, most: u64) -> Result<Bytes, Error> {
        use futures::TryStreamExt as _;
        let len = self.len(key).await?;
        if len > most {
            return Err(Error::Engine(std::io::Error::new(std::io::ErrorKind::FileTooLarge, format!("{len} bytes, {most} allowed"))));
        }
        let mut chunks = self.read(key, 0..len).await?;
        let mut whole = bytes::BytesMut::with_capacity(usize::try_from(len).unwrap_or(0));
        while let Some(chunk) = chunks.try_next().await? {
            whole.extend_from_slice(&chunk);
        }
        Ok(whole.freeze())
    }

    /// Where another program can read the object.
    pub async fn source(&self, key: &ObjectKey) -> Result<Source, Error> {
        self.0.source(key).await
    }

    /// Removes an object; one that is gone already is no error.
    pub async fn remove(&self, key: &ObjectKey) -> Result<(), Error> {
        match self.0.remove(key).await {
            Err(Error::Missing) => Ok(()),
            other => other,
        }
    }

    /// The objects of one shard (the key's first two characters), for sweeps.
    pub async fn list(&self, shard: &str) -> Result<Vec<Listed>, Error> {
        self.0.list(shard).await
    }
}

/// A finished object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its key.
    pub key: ObjectKey,
    /// Its size in bytes.
    pub bytes: u64,
}

/// Writes one object. Dropped before `finish` or `checkpoint`, it removes what it wrote.
pub struct Writer {
    key: ObjectKey,
    bytes: u64,
    sink: Option<Box<dyn Sink>>,
    store: Objects,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("key", &self.key).field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

impl Writer {
    /// The object's key.
    pub fn key(&self) -> &ObjectKey {
        &self.key
    }

    /// Bytes written so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Appends `bytes`.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), Error> {
        self.bytes += bytes.len() as u64;
        match &mut self.sink {
            Some(sink) => sink.write(bytes).await,
            None => Err(Error::Missing),
        }
    }

    /// Makes what was written durable and stops for now; [`Objects::resume`] goes on from here.
    pub async fn checkpoint(mut self) -> Result<Checkpoint, Error> {
        let Some(mut sink) = self.sink.take() else { return Err(Error::Missing) };
        let state = sink.checkpoint().await?;
        Ok(Checkpoint { key: self.key.clone(), bytes: self.bytes, state })
    }

    /// Makes the whole object durable.
    pub async fn finish(mut self) -> Result<Stored, Error> {
        let Some(sink) = self.sink.take() else { return Err(Error::Missing) };
        let result = sink.finish().await;
        if let Err(error) = result {
            let _ = self.store.remove(&self.key).await;
            return Err(error);
        }
        Ok(Stored { key: self.key.clone(), bytes: self.bytes })
    }

    /// Removes what was written.
    pub async fn abort(mut self) -> Result<(), Error> {
        self.sink.take();
        self.store.remove(&self.key).await
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if self.sink.take().is_some() {
            let (store, key) = (self.store.clone(), self.key.clone());
            if let Ok(runtime) = tokio::runtime::Handle::try_current() {
                runtime.spawn(async move {
                    if let Err(error) = store.remove(&key).await {
                        tracing::warn!(object = %key, %error, "an unfinished object could not be removed; the sweep will");
                    }
                });
            }
        }
    }
}
