//! The embedded store: one file per object in one of 1,296 shard folders.
//!
//! A write into the page cache takes microseconds, less than handing it to another thread, and the bytes are still in
//! this core's cache; so it is done directly. When a write was slow, the kernel is making writers wait for the disk:
//! for a while bytes are then buffered and written on blocking threads, so that a slow disk does not stall the async
//! ones. All buffers together are bounded ([`MAX_BUFFERED_BYTES`]). Invariant: a file is only ever appended to.

use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};

use super::sync::Syncer;
use super::{Barrier, Checkpoint, Engine, Error, Listed, ObjectKey, PresignOptions, Sink, Source};

/// Bytes that all writers together may buffer before they write.
const MAX_BUFFERED_BYTES: usize = 48 * 1024 * 1024;
const MAX_WRITER_BYTES: usize = 256 * 1024;
const MIN_WRITER_BYTES: usize = 16 * 1024;
/// The largest direct write; larger chunks go to a blocking thread.
const MAX_DIRECT_WRITE_BYTES: usize = 64 * 1024;
/// A write that takes longer has waited for the disk.
const SLOW_WRITE: Duration = Duration::from_millis(20);
/// For how long writes are buffered after a slow one.
const BUFFERING_PERIOD: Duration = Duration::from_millis(100);
/// How much one read returns.
const READ_CHUNK_BYTES: u64 = 256 * 1024;

pub(super) struct Folder {
    root: PathBuf,
    syncer: Syncer,
    disk: Arc<Disk>,
}

/// The speed of the disk, and the number of its writers.
struct Disk {
    writers: AtomicUsize,
    opened: Instant,
    /// Until when writers buffer, in microseconds since `opened`.
    buffer_until: AtomicU64,
}

impl Disk {
    fn new() -> Self {
        Self { writers: AtomicUsize::new(0), opened: Instant::now(), buffer_until: AtomicU64::new(0) }
    }

    /// Writes directly. Returns `false`, without writing, if that might take long.
    fn try_write_now(&self, mut file: &File, bytes: &[u8]) -> std::io::Result<bool> {
        let started = self.opened.elapsed();
        if bytes.len() > MAX_DIRECT_WRITE_BYTES || micros(started) < self.buffer_until.load(Ordering::Relaxed) {
            return Ok(false);
        }
        file.write_all(bytes)?;
        let ended = self.opened.elapsed();
        if ended.saturating_sub(started) > SLOW_WRITE {
            self.buffer_until.fetch_max(micros(ended + BUFFERING_PERIOD), Ordering::Relaxed);
        }
        Ok(true)
    }

    /// Returns how much one writer may buffer.
    fn writer_share(&self) -> usize {
        (MAX_BUFFERED_BYTES / self.writers.load(Ordering::Relaxed).max(1)).clamp(MIN_WRITER_BYTES, MAX_WRITER_BYTES)
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

impl Folder {
    pub(super) async fn open(root: &Path) -> Result<Self, Error> {
        tokio::fs::create_dir_all(root).await?;
        Ok(Self { root: root.to_owned(), syncer: Syncer::start(root)?, disk: Arc::new(Disk::new()) })
    }

    fn path(&self, key: &ObjectKey) -> PathBuf {
        self.root.join(key.as_str())
    }

    fn sink(&self, key: &ObjectKey, file: File, folder: PathBuf) -> Box<dyn Sink> {
        self.disk.writers.fetch_add(1, Ordering::Relaxed);
        Box::new(FileSink {
            key: key.clone(),
            file: Arc::new(file),
            folder,
            buffered: Vec::new(),
            buffered_bytes: 0,
            syncer: self.syncer.clone(),
            disk: self.disk.clone(),
        })
    }
}

#[async_trait]
impl Engine for Folder {
    async fn create(&self, key: &ObjectKey) -> Result<Box<dyn Sink>, Error> {
        let path = self.path(key);
        let folder = path.parent().unwrap_or(&self.root).to_owned();
        let parent = folder.clone();
        let new_file = blocking(move || {
            let open = || OpenOptions::new().write(true).create_new(true).open(&path);
            let file = match open() {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                    std::fs::create_dir_all(&parent)?;
                    open()?
                }
                other => other?,
            };
            Ok(NewFile { file: Some(file), path })
        })
        .await?;
        Ok(self.sink(key, new_file.take()?, folder))
    }

    async fn batch(&self) -> Result<Option<Box<dyn Barrier>>, Error> {
        let root = self.root.clone();
        let root = blocking(move || File::open(root)).await?;
        Ok(Some(Box::new(FileSystem(Arc::new(root)))))
    }

    /// The file keeps its own name; the fresh key isn't needed.
    async fn resume(&self, checkpoint: &Checkpoint, _: ObjectKey) -> Result<Box<dyn Sink>, Error> {
        let path = self.path(&checkpoint.key);
        let folder = path.parent().unwrap_or(&self.root).to_owned();
        let safe = checkpoint.bytes;
        let file = blocking(move || {
            let mut file = OpenOptions::new().write(true).open(&path)?;
            if file.metadata()?.len() < safe {
                return Err(std::io::Error::from(std::io::ErrorKind::NotFound));
            }
            file.set_len(safe)?;
            file.seek(SeekFrom::End(0))?;
            Ok(file)
        })
        .await?;
        Ok(self.sink(&checkpoint.key, file, folder))
    }

    async fn read_back(&self, checkpoint: &Checkpoint) -> Result<BoxStream<'static, Result<Bytes, Error>>, Error> {
        self.read(&checkpoint.key, 0..checkpoint.bytes).await
    }

    async fn len(&self, key: &ObjectKey) -> Result<u64, Error> {
        Ok(tokio::fs::metadata(self.path(key)).await?.len())
    }

    async fn read(
        &self,
        key: &ObjectKey,
        range: Range<u64>,
    ) -> Result<BoxStream<'static, Result<Bytes, Error>>, Error> {
        let path = self.path(key);
        let file = Arc::new(blocking(move || File::open(path)).await?);
        Ok(stream::try_unfold((file, range), |(file, range)| async move {
            if range.start >= range.end {
                return Ok(None);
            }
            let (reader, at) = (file.clone(), range.start);
            let wanted = usize::try_from(READ_CHUNK_BYTES.min(range.end - at)).unwrap_or(0);
            // Allocated and freed by the async threads: an idle blocking thread would keep the memory.
            let mut chunk = vec![0; wanted];
            let chunk = blocking(move || {
                reader.read_exact_at(&mut chunk, at)?;
                Ok(Bytes::from(chunk))
            })
            .await?;
            let next = at + chunk.len() as u64..range.end;
            Ok(Some((chunk, (file, next))))
        })
        .boxed())
    }

    async fn source(&self, key: &ObjectKey) -> Result<Source, Error> {
        Ok(Source::File(self.path(key)))
    }

    async fn presign(&self, _: &ObjectKey, _: &PresignOptions<'_>) -> Result<Option<String>, Error> {
        Ok(None)
    }

    async fn remove(&self, key: &ObjectKey) -> Result<(), Error> {
        Ok(tokio::fs::remove_file(self.path(key)).await?)
    }

    async fn list(&self, shard: &str) -> Result<Vec<Listed>, Error> {
        let (root, shard) = (self.root.clone(), shard.to_owned());
        blocking(move || {
            if !shard.is_empty() {
                return list_shard(&root, &shard);
            }
            let mut listed = Vec::new();
            for entry in std::fs::read_dir(&root)? {
                let entry = entry?;
                if let (true, Some(shard)) = (entry.file_type()?.is_dir(), entry.file_name().to_str()) {
                    listed.extend(list_shard(&root, shard)?);
                }
            }
            Ok(listed)
        })
        .await
    }

    async fn exists(&self, key: &ObjectKey) -> Result<bool, Error> {
        Ok(tokio::fs::try_exists(self.path(key)).await?)
    }

    async fn ping(&self) -> Result<(), Error> {
        tokio::fs::metadata(&self.root).await?;
        Ok(())
    }

    /// A removed file does not appear again: its writer has it open, and nothing creates it anew.
    fn settles_within(&self) -> Duration {
        Duration::ZERO
    }
}

/// A file that was just created. It is removed if its creator was cancelled meanwhile, because the removal of its key
/// may have come first.
struct NewFile {
    file: Option<File>,
    path: PathBuf,
}

impl NewFile {
    fn take(mut self) -> Result<File, Error> {
        self.file.take().ok_or(Error::Missing)
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if self.file.is_some()
            && let Err(error) = std::fs::remove_file(&self.path)
        {
            tracing::warn!(path = %self.path.display(), %error, "a file whose creator was cancelled could not be \
                removed");
        }
    }
}

struct FileSink {
    key: ObjectKey,
    file: Arc<File>,
    folder: PathBuf,
    buffered: Vec<Bytes>,
    buffered_bytes: usize,
    syncer: Syncer,
    disk: Arc<Disk>,
}

impl FileSink {
    async fn flush(&mut self) -> Result<(), Error> {
        if self.buffered.is_empty() {
            return Ok(());
        }
        let (chunks, file) = (std::mem::take(&mut self.buffered), self.file.clone());
        self.buffered_bytes = 0;
        blocking(move || {
            let mut file = &*file;
            chunks.iter().try_for_each(|chunk| file.write_all(chunk))
        })
        .await
    }
}

#[async_trait]
impl Sink for FileSink {
    async fn write(&mut self, bytes: Bytes) -> Result<(), Error> {
        if self.buffered.is_empty() && self.disk.try_write_now(&self.file, &bytes)? {
            return Ok(());
        }
        self.buffered_bytes += bytes.len();
        self.buffered.push(bytes);
        if self.buffered_bytes >= self.disk.writer_share() { self.flush().await } else { Ok(()) }
    }

    async fn save(&mut self) -> Result<String, Error> {
        self.flush().await?;
        self.syncer.sync(self.file.clone(), self.folder.clone()).await?;
        Ok(String::new())
    }

    async fn finish(&mut self) -> Result<ObjectKey, Error> {
        self.save().await?;
        Ok(self.key.clone())
    }

    async fn finish_in_batch(&mut self) -> Result<ObjectKey, Error> {
        self.flush().await?;
        Ok(self.key.clone())
    }

    /// The writer that resumes truncates bytes after the last checkpoint.
    async fn discard_unsaved(&mut self) {}
}

impl Drop for FileSink {
    fn drop(&mut self) {
        self.disk.writers.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The file system of the store, through a descriptor of the batch's own: the kernel returns an error once to each
/// descriptor that was open when it occurred.
struct FileSystem(Arc<File>);

#[async_trait]
impl Barrier for FileSystem {
    async fn sync(&self) -> Result<(), Error> {
        let root = self.0.clone();
        blocking(move || Ok(rustix::fs::syncfs(&*root)?)).await
    }
}

/// Returns the objects of a shard, whose folder may not exist yet.
fn list_shard(root: &Path, shard: &str) -> std::io::Result<Vec<Listed>> {
    let entries = match std::fs::read_dir(root.join(shard)) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let mut listed = Vec::new();
    for entry in entries {
        let entry = entry?;
        let Some(key) = entry.file_name().to_str().and_then(|name| format!("{shard}/{name}").parse().ok()) else {
            continue;
        };
        // A file that disappeared meanwhile was removed by its owner.
        let Ok(metadata) = entry.metadata() else { continue };
        listed.push(Listed { key, bytes: metadata.len(), modified: Some(metadata.modified()?) });
    }
    Ok(listed)
}

/// Runs file work on a blocking thread.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> std::io::Result<T> + Send + 'static) -> Result<T, Error> {
    let done = tokio::task::spawn_blocking(work).await;
    Ok(done.map_err(std::io::Error::other)??)
}
