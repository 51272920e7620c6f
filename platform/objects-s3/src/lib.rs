//! The distributed store: any S3.
//!
//! Owns how an object is stored on S3: a finished object under its key; an unfinished one as a multipart upload at that
//! key and staged parts under `unfinished/KEY/` ([decision 15](../../../docs/decisions/0015-objects-on-s3.md)).
//! Invariant: removing a key removes everything that was ever stored for it.

mod memory_budget;
mod options;
mod read;
mod resume;
mod state;
mod store;
mod write;
mod xml;

pub use options::S3Options;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::path::Path;
use tokio::sync::{Semaphore, SemaphorePermit};

use base::ObjectKey;
use memory_budget::{Held, MemoryBudget};
use objects::{Checkpoint, Engine, Error, Listed, Objects, PresignOptions, Sink, Source};
use state::{PartLocation, StagedPart};
use store::{Store, folder_of};
use write::S3Writer;

/// Concurrent requests of one removal.
const MAX_CONCURRENT_REMOVALS: usize = 8;

/// Opens a store on S3. Sends no request; [`Objects::ping`] reports whether the store responds.
pub fn open(options: &S3Options) -> Result<Objects, Error> {
    Ok(Objects::on(S3::open(options)?))
}

/// The engine.
struct S3(Arc<Inner>);

/// The state that its writers share.
struct Inner {
    store: Arc<Store>,
    memory: Arc<MemoryBudget>,
    /// Permits for fetching staged parts back to merge them into a part.
    merges: Semaphore,
    part_bytes: usize,
    source_url_lifetime: Duration,
    presign: bool,
    downloads_from: Option<String>,
    settles_within: Duration,
}

impl S3 {
    fn open(options: &S3Options) -> Result<Self, Error> {
        // A third for buffers, which may wait; a quarter for staged parts that come back; the rest for parts that are
        // being sent.
        let merges = (options.memory_bytes / 4 / options.part_bytes.max(1)).max(1);
        Ok(Self(Arc::new(Inner {
            store: Arc::new(Store::open(options)?),
            memory: MemoryBudget::new(options.memory_bytes / 3),
            merges: Semaphore::new(merges),
            part_bytes: options.part_bytes,
            source_url_lifetime: options.source_url_lifetime(),
            presign: options.direct_downloads,
            downloads_from: options.downloads_from().map(str::to_owned),
            settles_within: Duration::from_secs(options.settle_seconds),
        })))
    }
}

impl Inner {
    fn path_of(&self, key: &ObjectKey, location: &PartLocation) -> Path {
        match location {
            PartLocation::Key => self.store.path(key),
            PartLocation::Named(name) => self.store.staged_path(key, name),
        }
    }

    /// Returns the bytes of staged parts and of the buffer, in order. The permit bounds how many callers do this at
    /// once.
    async fn load_parts<'a>(
        &'a self,
        key: &ObjectKey,
        staged: &[StagedPart],
        held: &Held,
    ) -> Result<(Vec<Bytes>, Option<SemaphorePermit<'a>>), Error> {
        if staged.is_empty() {
            return Ok((held.chunks(), None));
        }
        let permit = tokio::time::timeout(self.store.deadline() * 3, self.merges.acquire()).await;
        let permit = permit
            .map_err(|late| Error::Engine(late.into()))?
            .map_err(|closed| Error::Engine(std::io::Error::other(closed)))?;
        let mut chunks = Vec::new();
        for part in staged {
            let stream = read::read(self.store.clone(), self.path_of(key, &part.0), 0..part.1).await?;
            chunks.extend(stream.try_collect::<Vec<_>>().await?);
        }
        chunks.extend(held.chunks());
        Ok((chunks, Some(permit)))
    }

    /// Removes staged parts that nothing names any more. Those that can't be removed go with the object.
    async fn remove_staged(&self, key: &ObjectKey, names: Vec<String>) {
        let removals =
            stream::iter(names).map(|name| async move { self.store.remove(&self.store.staged_path(key, &name)).await });
        let failed = removals
            .buffer_unordered(MAX_CONCURRENT_REMOVALS)
            .filter_map(|result| std::future::ready(result.err()))
            .collect::<Vec<_>>()
            .await;
        if let Some(error) = failed.first() {
            tracing::debug!(object = %key, %error, staged = failed.len(), "staged parts could not be removed; they \
                will go with their object");
        }
    }

    /// Removes everything that was stored to make the object.
    async fn remove_unfinished(&self, key: &ObjectKey) -> Result<(), Error> {
        let listed = self.store.list(&format!("unfinished/{key}")).await?;
        stream::iter(listed)
            .map(|meta| async move { self.store.remove(&meta.location).await })
            .buffer_unordered(MAX_CONCURRENT_REMOVALS)
            .try_collect()
            .await
    }

    async fn abort_uploads(&self, path: &Path) -> Result<(), Error> {
        for upload in self.store.uploads(path).await? {
            self.store.abort(path, &upload).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl Engine for S3 {
    async fn create(&self, key: &ObjectKey) -> Result<Box<dyn Sink>, Error> {
        Ok(Box::new(S3Writer::first(&self.0, key.clone())))
    }

    async fn resume(&self, checkpoint: &Checkpoint, fresh: ObjectKey) -> Result<Box<dyn Sink>, Error> {
        let (staged, rest) = resume::take_over(&self.0, checkpoint).await?;
        Ok(Box::new(S3Writer::resumed(&self.0, checkpoint.key.clone(), fresh, staged, rest)))
    }

    async fn read_back(&self, checkpoint: &Checkpoint) -> Result<BoxStream<'static, Result<Bytes, Error>>, Error> {
        let (staged, rest) = resume::take_over(&self.0, checkpoint).await?;
        let (inner, key) = (self.0.clone(), checkpoint.key.clone());
        let staged = stream::iter(staged.into_iter().chain(rest).map(Ok));
        Ok(staged
            .and_then(move |part| {
                let (inner, path) = (inner.clone(), inner.path_of(&key, &part.0));
                async move { read::read(inner.store.clone(), path, 0..part.1).await }
            })
            .try_flatten()
            .boxed())
    }

    async fn len(&self, key: &ObjectKey) -> Result<u64, Error> {
        Ok(self.0.store.head(&self.0.store.path(key)).await?.size)
    }

    async fn read(
        &self,
        key: &ObjectKey,
        range: Range<u64>,
    ) -> Result<BoxStream<'static, Result<Bytes, Error>>, Error> {
        read::read(self.0.store.clone(), self.0.store.path(key), range).await
    }

    async fn source(&self, key: &ObjectKey) -> Result<Source, Error> {
        Ok(Source::Url(self.0.store.presigned_url(&self.0.store.path(key), self.0.source_url_lifetime).await?))
    }

    async fn presign(&self, key: &ObjectKey, download: &PresignOptions<'_>) -> Result<Option<String>, Error> {
        if !self.0.presign {
            return Ok(None);
        }
        self.0
            .store
            .public_presigned_url(
                &self.0.store.path(key),
                download.valid_for,
                download.content_type,
                download.disposition,
            )
            .await
            .map(Some)
    }

    async fn remove(&self, key: &ObjectKey) -> Result<(), Error> {
        let path = self.0.store.path(key);
        // Uploads first, as they could still become an object.
        self.0.abort_uploads(&path).await?;
        tokio::try_join!(self.0.store.remove(&path), self.0.remove_unfinished(key)).map(drop)
    }

    async fn list(&self, shard: &str) -> Result<Vec<Listed>, Error> {
        let store = &self.0.store;
        let (whole, unfinished) = (folder_of(shard), "unfinished/");
        let beside = format!("{unfinished}{shard}");
        let (objects, staged, begun) =
            tokio::try_join!(store.list(shard), store.list(&beside), store.open_uploads(shard))?;
        let mut listed = BTreeMap::new();
        let objects = objects
            .iter()
            .filter_map(|meta| Some((meta, store.name(meta, &whole).map(|rest| format!("{whole}{rest}"))?)));
        let staged =
            staged.iter().filter_map(|meta| Some((meta, store.name(meta, unfinished)?.rsplit_once('/')?.0.to_owned())));
        for (meta, key) in objects.chain(staged) {
            let Ok(key) = key.parse::<ObjectKey>() else { continue };
            let entry = listed.entry(key.clone()).or_insert(Listed { key, bytes: 0, modified: None });
            entry.bytes += meta.size;
            entry.modified = entry.modified.max(Some(meta.last_modified.into()));
        }
        for (key, initiated) in begun {
            // The size and the times of its parts are not listed.
            let entry = listed.entry(key.clone()).or_insert(Listed { key, bytes: 0, modified: None });
            entry.modified = entry.modified.max(initiated);
        }
        Ok(listed.into_values().collect())
    }

    async fn exists(&self, key: &ObjectKey) -> Result<bool, Error> {
        let path = self.0.store.path(key);
        match self.0.store.head(&path).await {
            Err(Error::Missing) => {}
            other => return other.map(|_| true),
        }
        let beside = format!("unfinished/{key}");
        let (staged, uploads) = tokio::try_join!(self.0.store.list(&beside), self.0.store.uploads(&path))?;
        Ok(!(staged.is_empty() && uploads.is_empty()))
    }

    async fn ping(&self) -> Result<(), Error> {
        self.0.store.ping().await
    }

    fn downloads_from(&self) -> Option<&str> {
        self.0.downloads_from.as_deref()
    }

    fn settles_within(&self) -> Duration {
        self.0.settles_within
    }
}
