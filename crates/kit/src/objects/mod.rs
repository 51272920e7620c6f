//! The `Objects` port: bytes under random keys, written once, never renamed.
//!
//! Owns bytes only; which objects exist is for a database to say: a row is inserted after
//! [`Writer::finish`], and a sweep removes objects without a row. Invariant: when `finish` or
//! `checkpoint` returns, the bytes survive a power cut.

mod folder;
mod key;
mod key_log;
pub mod orphans;
pub mod reconcile;
mod s3;
mod sync;
mod writer;

pub use key::{NotAnObjectKey, ObjectKey, base62};
pub use key_log::log_key;
pub use orphans::{KeyLease, Names, Orphans};
pub use s3::S3Options;
pub use writer::{Stored, Writer};

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

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
#[derive(Clone, PartialEq, Eq)]
pub enum Source {
    /// A file of this machine.
    File(PathBuf),
    /// A presigned address: whoever has it can read the object, so it belongs in no log and in nobody's error.
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

/// What a browser is told of an object that it fetches from the store itself.
#[derive(Debug, Clone, Copy)]
pub struct PresignOptions<'a> {
    /// The type that the store says it is, whatever the bytes look like.
    pub content_type: &'a str,
    /// The value of `Content-Disposition`.
    pub disposition: &'a str,
    /// How long the address works.
    pub lasts: Duration,
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

/// The first two characters of keys.
pub(crate) fn shards() -> impl Iterator<Item = String> {
    let digits = || ('0'..='9').chain('a'..='z');
    digits().flat_map(move |first| digits().map(move |second| [first, second].iter().collect()))
}

/// An engine of the store.
#[async_trait]
pub(crate) trait Engine: Send + Sync {
    async fn create(&self, key: &ObjectKey) -> Result<Box<dyn Sink>, Error>;
    async fn resume(&self, checkpoint: &Checkpoint, fresh: ObjectKey) -> Result<Box<dyn Sink>, Error>;
    async fn read_back(&self, checkpoint: &Checkpoint) -> Result<BoxStream<'static, Result<Bytes, Error>>, Error>;
    async fn len(&self, key: &ObjectKey) -> Result<u64, Error>;
    async fn read(&self, key: &ObjectKey, range: Range<u64>) -> Result<BoxStream<'static, Result<Bytes, Error>>, Error>;
    async fn source(&self, key: &ObjectKey) -> Result<Source, Error>;
    async fn presign(&self, key: &ObjectKey, options: &PresignOptions<'_>) -> Result<Option<String>, Error>;
    async fn remove(&self, key: &ObjectKey) -> Result<(), Error>;
    async fn list(&self, shard: &str) -> Result<Vec<Listed>, Error>;
    async fn is_there(&self, key: &ObjectKey) -> Result<bool, Error>;
    async fn ping(&self) -> Result<(), Error>;
    fn settles_within(&self) -> Duration;
}

/// Where an engine takes bytes.
#[async_trait]
pub(crate) trait Sink: Send {
    async fn write(&mut self, bytes: Bytes) -> Result<(), Error>;
    /// Makes what was written durable. Asking says that the caller has written down what it was answered before.
    async fn save(&mut self) -> Result<String, Error>;
    /// Answers the key under which the object lies.
    async fn finish(&mut self) -> Result<ObjectKey, Error>;
    /// Removes what no checkpoint names.
    async fn discard_unsaved(&mut self);
}

/// An object that lies in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its key.
    pub key: ObjectKey,
    /// Its size in bytes.
    pub bytes: u64,
    /// When it was last written to, where the engine tells.
    pub modified: Option<SystemTime>,
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

    /// A store on S3. Asks nothing yet: whether it is there, [`Objects::ping`] tells.
    pub fn s3(options: &S3Options) -> Result<Self, Error> {
        Ok(Self(Arc::new(s3::S3::open(options)?)))
    }

    /// The store that the options name: S3 if they name a bucket, else the folder.
    pub async fn open(options: &S3Options, folder: &Path) -> Result<Self, Error> {
        if options.bucket.is_empty() { Self::folder(folder).await } else { Self::s3(options) }
    }

    /// Whether the store answers now.
    pub async fn ping(&self) -> Result<(), Error> {
        self.0.ping().await
    }

    /// Starts a new object under a random key.
    pub async fn create(&self) -> Result<Writer, Error> {
        self.create_as(ObjectKey::random()).await
    }

    /// Starts a new object under a random key that the caller has written down before, so that it can be swept if the caller dies.
    pub async fn create_as(&self, key: ObjectKey) -> Result<Writer, Error> {
        key_log::log_key_with("created", &key, "");
        let sink = self.0.create(&key).await?;
        Ok(Writer::new(self.clone(), key, sink))
    }

    /// Goes on with an unfinished object; what was written after the checkpoint is dropped, and a writer that had it before can't spoil it.
    ///
    /// `fresh` is another random key that the caller has written down. The finished object may lie under it: [`Stored::key`] tells. Then
    /// the checkpoint's key still has what the object was made of, until the caller removes it.
    pub async fn resume(&self, checkpoint: &Checkpoint, fresh: ObjectKey) -> Result<Writer, Error> {
        key_log::log_key_with("resumed", &checkpoint.key, format_args!("from {} bytes, to end as {fresh}", checkpoint.bytes));
        let sink = self.0.resume(checkpoint, fresh).await?;
        Ok(Writer::resumed(self.clone(), checkpoint, sink))
    }

    /// Streams the bytes of a checkpoint. A writer that still has the unfinished object loses it, as by [`Objects::resume`].
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

    /// An object's size in bytes.
    pub async fn len(&self, key: &ObjectKey) -> Result<u64, Error> {
        self.0.len(key).await
    }

    /// Streams a range of an object, in chunks of at most 256 KB, read as they are asked for. One that reaches behind the end ends with
    /// an error there.
    pub async fn read(&self, key: &ObjectKey, range: Range<u64>) -> Result<BoxStream<'static, Result<Bytes, Error>>, Error> {
        self.0.read(key, range).await
    }

    /// Reads a whole object of at most `max_bytes` bytes ([`Error::Engine`] if it is larger).
    pub async fn get(&self, key: &ObjectKey, max_bytes: u64) -> Result<Bytes, Error> {
        use futures::TryStreamExt as _;
        let len = self.len(key).await?;
        if len > max_bytes {
            return Err(Error::Engine(std::io::Error::new(std::io::ErrorKind::FileTooLarge, format!("{len} bytes, {max_bytes} allowed"))));
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

    /// An address from which a browser can fetch the object itself, where the operator wants that and the engine can.
    pub async fn presign(&self, key: &ObjectKey, options: &PresignOptions<'_>) -> Result<Option<String>, Error> {
        self.0.presign(key, options).await
    }

    /// Removes an object, finished or not, and everything that was stored to make it; one that is gone already is no error.
    pub async fn remove(&self, key: &ObjectKey) -> Result<(), Error> {
        let removed = match self.0.remove(key).await {
            Err(Error::Missing) => Ok(()),
            other => other,
        };
        match &removed {
            Ok(()) => log_key("removed", [key]),
            Err(error) => key_log::log_key_with("not removed", key, error),
        }
        removed
    }

    /// Whether anything lies under a key, finished or not.
    pub async fn is_there(&self, key: &ObjectKey) -> Result<bool, Error> {
        self.0.is_there(key).await
    }

    /// How long after a writer is gone the store may still apply one of its requests, so that an object appears that was removed before.
    pub fn settles_within(&self) -> chrono::TimeDelta {
        chrono::TimeDelta::from_std(self.0.settles_within()).unwrap_or(chrono::TimeDelta::MAX)
    }

    /// The objects of one shard (the key's first two characters), for sweeps; unfinished ones with the bytes that they take.
    pub async fn list(&self, shard: &str) -> Result<Vec<Listed>, Error> {
        self.0.list(shard).await
    }
}
