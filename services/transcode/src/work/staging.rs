//! Local copies of originals in a remote object store: child processes read files and open no connection.
//!
//! Owns the copies, how long they stay and how much space they take. All tasks of an item in this process share one
//! copy; it stays for a while after the last of them, because the next one usually follows soon. Invariant: the copies
//! never take more space than configured (except a single larger one, which is then alone), and none is returned before
//! all of its bytes are there.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use contract::{MediaId, ObjectKey};
use futures::TryStreamExt as _;
use objects::Objects;
use parking_lot::{Mutex, MutexGuard};
use tokio::io::AsyncWriteExt as _;
use tokio::sync::{Notify, OnceCell};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::error::Error;

/// How long an unused copy stays: the next task of an item usually follows at once, and on a busy day the original is
/// fetched again.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// The interval of removing such copies.
const SWEEP_INTERVAL: Duration = Duration::from_secs(5);
/// How long a task waits for space before it fails with `StagingFull`; copies in use stay as long as their tasks run.
const SPACE_TIMEOUT: Duration = Duration::from_mins(30);
/// How often a waiting task checks again, should a wake-up have been missed.
const RECHECK_INTERVAL: Duration = Duration::from_secs(5);
/// The write buffer in bytes.
const BUFFER_BYTES: usize = 1 << 20;

/// The copies; see the module. Clones share their state.
#[derive(Clone)]
pub(crate) struct Staging(Arc<Inner>);

struct Inner {
    folder: PathBuf,
    max_bytes: u64,
    copies: Mutex<HashMap<MediaId, CacheEntry>>,
    /// The number of the next file: a new copy of an item must not replace one that is still being read.
    next: AtomicU64,
    freed: Notify,
}

/// An entry of the table: its size counts from before its first byte.
struct CacheEntry {
    copy: Arc<StagedFile>,
    used: Instant,
}

/// A copy of one object; its file is removed with the last user.
pub(crate) struct StagedFile {
    path: PathBuf,
    bytes: u64,
    fetched: OnceCell<()>,
}

impl StagedFile {
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for StagedFile {
    fn drop(&mut self) {
        // It may not have been created.
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Staging {
    /// Returns an empty staging area in `folder` for copies of `max_bytes` bytes together.
    pub fn new(folder: PathBuf, max_bytes: u64) -> Self {
        Self(Arc::new(Inner {
            folder,
            max_bytes,
            copies: Mutex::default(),
            next: AtomicU64::default(),
            freed: Notify::new(),
        }))
    }

    /// Returns the copy of an item's original of `bytes`, fetched if it is not here; callers that ask at the same time
    /// wait for one fetch.
    pub async fn stage(
        &self,
        objects: &Objects,
        media: &MediaId,
        key: &ObjectKey,
        bytes: u64,
        cancel: &CancellationToken,
    ) -> Result<Arc<StagedFile>, Error> {
        let work = async {
            let copy = self.wait_for_space(media, bytes).await?;
            copy.fetched.get_or_try_init(|| fetch(objects, key, &copy)).await?;
            Ok(copy)
        };
        let done = tokio::select! {
            () = cancel.cancelled() => Err(Error::Gone),
            done = work => done,
        };
        if done.is_err() {
            // A failed fetch leaves no entry for the next caller, unless another caller is just fetching it.
            self.drop_unused(|entry| entry.copy.fetched.get().is_none());
        }
        done
    }

    /// Drops the entry of an item that is done or gone. Tasks that still read the copy keep it.
    pub fn remove(&self, media: &MediaId) {
        self.0.copies().remove(media);
        self.0.freed.notify_waiters();
    }

    /// Removes copies that no task has used for a while, until `stop`.
    pub async fn sweep(&self, stop: CancellationToken) {
        while tokio::time::timeout(SWEEP_INTERVAL, stop.cancelled()).await.is_err() {
            let now = Instant::now();
            self.0
                .copies()
                .values_mut()
                .filter(|entry| Arc::strong_count(&entry.copy) > 1)
                .for_each(|entry| entry.used = now);
            self.drop_unused(|entry| now.duration_since(entry.used) > IDLE_TIMEOUT);
        }
    }

    /// Returns the copy's entry in the table, once there is space for it.
    async fn wait_for_space(&self, media: &MediaId, bytes: u64) -> Result<Arc<StagedFile>, Error> {
        let started = Instant::now();
        loop {
            let freed = self.0.freed.notified();
            if let Some(copy) = self.reserve(media, bytes) {
                return Ok(copy);
            }
            if started.elapsed() > SPACE_TIMEOUT {
                return Err(Error::StagingFull);
            }
            let _ = tokio::time::timeout(RECHECK_INTERVAL, freed).await;
        }
    }

    fn reserve(&self, media: &MediaId, bytes: u64) -> Option<Arc<StagedFile>> {
        let mut copies = self.0.copies();
        let now = Instant::now();
        if let Some(entry) = copies.get_mut(media) {
            entry.used = now;
            return Some(entry.copy.clone());
        }
        loop {
            let taken: u64 = copies.values().map(|entry| entry.copy.bytes).sum();
            if taken + bytes <= self.0.max_bytes || copies.is_empty() {
                break;
            }
            // The least recently used copy is evicted.
            let idle = copies
                .iter()
                .filter(|(_, entry)| Arc::strong_count(&entry.copy) == 1)
                .min_by_key(|(_, entry)| entry.used)
                .map(|(media, _)| media.clone())?;
            copies.remove(&idle);
        }
        let path = self.0.folder.join(format!("{}.original", self.0.next.fetch_add(1, Ordering::Relaxed)));
        let copy = Arc::new(StagedFile { path, bytes, fetched: OnceCell::new() });
        copies.insert(media.clone(), CacheEntry { copy: copy.clone(), used: now });
        Some(copy)
    }

    fn drop_unused(&self, which: impl Fn(&CacheEntry) -> bool) {
        self.0.copies().retain(|_, entry| Arc::strong_count(&entry.copy) > 1 || !which(entry));
        self.0.freed.notify_waiters();
    }
}

impl Inner {
    fn copies(&self) -> MutexGuard<'_, HashMap<MediaId, CacheEntry>> {
        self.copies.lock()
    }
}

/// Fetches all of an object. A fetch that the store ended early never counts as complete: it is an error of the
/// store's, which is retried.
async fn fetch(objects: &Objects, key: &ObjectKey, copy: &StagedFile) -> Result<(), Error> {
    let bytes = objects.len(key).await?;
    let folder = copy.path.parent().unwrap_or(Path::new("."));
    tokio::fs::create_dir_all(folder).await.map_err(Error::Scratch)?;
    let file = tokio::fs::File::create(&copy.path).await.map_err(Error::Scratch)?;
    let mut file = tokio::io::BufWriter::with_capacity(BUFFER_BYTES, file);
    let mut chunks = objects.read(key, 0..bytes).await?;
    let mut written = 0;
    while let Some(chunk) = chunks.try_next().await? {
        written += chunk.len() as u64;
        file.write_all(&chunk).await.map_err(Error::Scratch)?;
    }
    file.flush().await.map_err(Error::Scratch)?;
    if written != bytes {
        return Err(objects::Error::Engine(std::io::Error::new(
            std::io::ErrorKind::UnexpectedEof,
            "the object ended early",
        ))
        .into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn stored(objects: &Objects, byte: u8, bytes: usize) -> ObjectKey {
        let mut writer = objects.create().await.unwrap();
        writer.write(vec![byte; bytes].into()).await.unwrap();
        writer.finish().await.unwrap().key
    }

    #[tokio::test]
    async fn tasks_share_a_copy_and_copies_share_the_space() {
        let folder = tempfile::tempdir().unwrap();
        let objects = Objects::folder(&folder.path().join("objects")).await.unwrap();
        let staging = Staging::new(folder.path().join("staged"), 2500);
        let keys = [
            stored(&objects, 1, 1000).await,
            stored(&objects, 2, 1000).await,
            stored(&objects, 3, 1000).await,
            stored(&objects, 4, 9000).await,
        ];
        let items = [(); 4].map(|()| MediaId::random());
        let get = async |at: usize, bytes: u64| {
            staging.stage(&objects, &items[at], &keys[at], bytes, &CancellationToken::new()).await
        };
        let (one, again) = tokio::join!(get(0, 1000), get(0, 1000));
        let (one, again) = (one.unwrap(), again.unwrap());
        assert!(Arc::ptr_eq(&one, &again) && std::fs::read(one.path()).unwrap() == vec![1; 1000]);
        let two = get(1, 1000).await.unwrap();
        // Full, and both are in use: the third waits until one is released.
        let mut third = Box::pin(get(2, 1000));
        assert!(tokio::time::timeout(Duration::from_millis(50), &mut third).await.is_err());
        let gone = two.path().to_owned();
        drop(two);
        staging.drop_unused(|_| false);
        assert_eq!(std::fs::read(third.await.unwrap().path()).unwrap(), vec![3; 1000]);
        assert!(!gone.exists(), "the unused copy is evicted");
        drop((one, again));
        items[..3].iter().for_each(|media| staging.remove(media));
        assert_eq!(std::fs::read_dir(folder.path().join("staged")).unwrap().count(), 0);
        // A copy that is larger than all the space is fetched when it is alone.
        assert_eq!(get(3, 9000).await.unwrap().path().metadata().unwrap().len(), 9000);
    }

    #[tokio::test]
    async fn a_missing_object_leaves_no_copy() {
        let folder = tempfile::tempdir().unwrap();
        let objects = Objects::folder(&folder.path().join("objects")).await.unwrap();
        let staging = Staging::new(folder.path().join("staged"), 2500);
        let missing =
            staging.stage(&objects, &MediaId::random(), &ObjectKey::random(), 10, &CancellationToken::new()).await;
        assert!(matches!(missing, Err(Error::Objects(objects::Error::Missing))));
        assert!(staging.0.copies().is_empty());
    }
}
