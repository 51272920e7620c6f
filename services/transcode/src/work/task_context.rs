//! The context of one running task: its item, its scratch folder, its child processes, its objects.
//!
//! Invariant: the key of every object that is stored from here is recorded before its first byte, so none is ever lost.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use codec::sniff::Format;
use contract::ObjectKey;
use futures::future::try_join_all;
use objects::{KeyLease, Source, Stored, Writer};
use parking_lot::Mutex;
use tokio::io::AsyncReadExt;
use tokio_util::sync::CancellationToken;

use super::permits::Permit;
use super::scratch::Scratch;
use super::staging::StagedFile;
use crate::commands::{self, Outputs};
use crate::error::Error;
use crate::ffmpeg::memory_estimate::{Frame, MemoryEstimate};
use crate::ffmpeg::progress::Progress;
use crate::ffmpeg::{self, Command, Input, Limits, StderrText, Tools};
use crate::model::{Plan, Queue, RejectReason, State, Task};
use crate::mp4;
use crate::state::Worker;
use crate::store::Job;

/// The number of files that are stored at once.
const MAX_CONCURRENT: usize = 8;
/// The bytes of a file that are read at once.
const CHUNK_BYTES: usize = 256 * 1024;

/// The context; see the module.
pub(crate) struct TaskContext {
    pub worker: Worker,
    pub tools: Arc<Tools>,
    pub job: Job,
    pub name: Task,
    pub queue: Queue,
    /// The nice level of its child processes and of its own heavy work.
    pub nice: i32,
    /// A thread cannot be ended from outside, so one that works for this task holds the permit too.
    pub permit: Arc<Permit>,
    scratch: Scratch,
    pub cancel: CancellationToken,
    /// Leases of objects that were stored here and that no row references yet.
    leases: Mutex<Vec<KeyLease>>,
    /// Whether a player can start, as far as this task knows.
    playable: AtomicBool,
    progress_published_at: Mutex<Option<tokio::time::Instant>>,
    /// The local copy of an original in a remote store, kept until this task is over.
    copy: Mutex<Option<Arc<StagedFile>>>,
}

/// The content of an object to store.
pub(crate) enum Content {
    File(PathBuf),
    /// The muxer's files of one segment.
    Joined(Vec<PathBuf>),
    Bytes(Bytes),
}

impl TaskContext {
    pub fn new(
        worker: Worker,
        tools: Arc<Tools>,
        job: Job,
        (name, queue): (Task, Queue),
        (nice, permit): (i32, Arc<Permit>),
        scratch: Scratch,
        cancel: CancellationToken,
    ) -> Self {
        let playable = AtomicBool::new(job.state == State::Playable);
        Self {
            worker,
            tools,
            job,
            name,
            queue,
            nice,
            permit,
            scratch,
            cancel,
            leases: Mutex::default(),
            playable,
            progress_published_at: Mutex::default(),
            copy: Mutex::default(),
        }
    }

    /// Returns the folder in which child processes work.
    pub fn folder(&self) -> &Path {
        self.scratch.path()
    }

    pub fn plan(&self) -> Result<&Plan, Error> {
        self.job.plan.as_ref().ok_or(Error::Corrupt("plan"))
    }

    pub fn format(&self) -> Result<Format, Error> {
        self.job.received.format.parse().map_err(|_| Error::Corrupt("format"))
    }

    /// Returns the upload, as an input for ffmpeg.
    pub async fn input(&self) -> Result<Input, Error> {
        let source = self.worker.context.objects.source(&self.job.received.object).await?;
        let path = match source {
            Source::File(path) if tokio::fs::try_exists(&path).await.unwrap_or(false) => path,
            Source::File(_) => return Err(objects::Error::Missing.into()),
            Source::Url(_) => {
                let (objects, received) = (&self.worker.context.objects, &self.job.received);
                let copy = self
                    .worker
                    .staging
                    .stage(objects, &self.job.media, &received.object, received.bytes, &self.cancel)
                    .await?;
                let path = copy.path().to_owned();
                *self.copy.lock() = Some(copy);
                path
            }
        };
        Input::of(path, self.format()?).ok_or(Error::Corrupt("format"))
    }

    /// Returns the item's duration as `media` found it, in microseconds; 0 where it is unknown.
    pub fn declared_duration_us(&self) -> u64 {
        self.job.received.duration_ms.unwrap_or(0).saturating_mul(1000)
    }

    /// Returns the item's duration in whole seconds, for the memory of its index: what `media` found, or the accepted
    /// maximum where it is unknown.
    pub fn index_seconds(&self) -> u64 {
        self.job
            .received
            .duration_ms
            .map_or(3600, |ms| ms.div_ceil(1000))
            .min(self.worker.config.max_duration_hours.saturating_mul(3600))
    }

    /// Returns the item's frame size as `media` found it.
    pub fn declared_frame(&self) -> Option<Frame> {
        let received = &self.job.received;
        Some(Frame { width: received.width?, height: received.height?, deep: true })
    }

    /// Returns the limits of a child process of this task, for `span_us` of material.
    pub fn limits(&self, span_us: u64, cost: MemoryEstimate) -> Limits {
        self.worker.config.limits(Duration::from_micros(span_us), self.nice, cost)
    }

    /// Runs a child process that reports its progress; `out_us` follows it.
    pub async fn run(
        &self,
        command: &Command,
        cancel: &CancellationToken,
        out_us: &AtomicI64,
    ) -> Result<StderrText, ffmpeg::ProcessError> {
        let mut progress = Progress::default();
        ffmpeg::run(&self.tools, command, cancel, |printed| {
            let progressed = progress.feed(printed);
            out_us.store(progress.out_us, Ordering::Relaxed);
            progressed
        })
        .await
    }

    /// Runs a child process without following its progress.
    pub async fn run_without_progress(&self, command: &Command) -> Result<StderrText, ffmpeg::ProcessError> {
        self.run(command, &self.cancel, &AtomicI64::new(0)).await
    }

    /// Runs a child process and collects its output, up to `max_bytes` bytes (the rest is dropped).
    pub async fn capture(&self, command: &Command, max_bytes: usize) -> Result<Vec<u8>, ffmpeg::ProcessError> {
        let mut printed = Vec::new();
        ffmpeg::run(&self.tools, command, &self.cancel, |chunk| {
            let room = max_bytes.saturating_sub(printed.len()).min(chunk.len());
            printed.extend_from_slice(chunk.get(..room).unwrap_or_default());
            true
        })
        .await?;
        Ok(printed)
    }

    /// Processes pixels on a thread of its own, at the task's nice level; its errors are the file's fault.
    pub async fn on_pixels<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, codec::pixels::Error> + Send + 'static,
    ) -> Result<T, Error> {
        let permit = self.permit.clone();
        let work = move || {
            let done = work();
            drop(permit);
            done
        };
        let done = base::tasks::on_thread(self.nice, work)
            .await
            .ok_or_else(|| Error::Scratch(std::io::Error::other("the thread that works on pixels ended early")))?;
        done.map_err(|error| RejectReason::Photo(error.to_string()).into())
    }

    /// Stores contents as objects, in their order.
    pub async fn store(&self, contents: Vec<Content>) -> Result<Vec<Stored>, Error> {
        let mut stored = Vec::with_capacity(contents.len());
        let mut contents = contents.into_iter();
        loop {
            let batch: Vec<Content> = contents.by_ref().take(MAX_CONCURRENT).collect();
            if batch.is_empty() {
                return Ok(stored);
            }
            let leases = self.worker.orphans.register(batch.len()).await?;
            let keys: Vec<ObjectKey> = leases.iter().map(|lease| lease.key().clone()).collect();
            self.leases.lock().extend(leases);
            let writers = try_join_all(keys.into_iter().map(|key| self.worker.context.objects.create_as(key))).await?;
            stored.extend(
                try_join_all(writers.into_iter().zip(batch).map(|(writer, content)| fill(writer, content))).await?,
            );
        }
    }

    /// Stores one file.
    pub async fn store_file(&self, name: &str) -> Result<Stored, Error> {
        self.store(vec![Content::File(self.folder().join(name))]).await?.pop().ok_or(Error::Corrupt("object"))
    }

    /// Stores bytes.
    pub async fn store_bytes(&self, bytes: impl Into<Bytes>) -> Result<Stored, Error> {
        self.store(vec![Content::Bytes(bytes.into())]).await?.pop().ok_or(Error::Corrupt("object"))
    }

    /// Records and announces outputs; the task continues.
    pub async fn announce(&self, outputs: Outputs) -> Result<(), Error> {
        let playable = self.playable.load(Ordering::Relaxed);
        let playable = commands::announce(&self.worker, &self.job.media, outputs, playable).await?;
        self.playable.store(playable, Ordering::Relaxed);
        self.clear_leases();
        Ok(())
    }

    /// Records and announces the last outputs, and that this task is done.
    pub async fn complete(&self, outputs: Outputs) -> Result<(), Error> {
        commands::complete(&self.worker, &self.job.media, self.name, outputs).await?;
        self.clear_leases();
        Ok(())
    }

    /// Drops the leases: every stored object is now referenced by a row, or removed.
    pub fn clear_leases(&self) {
        self.leases.lock().clear();
    }

    /// Reports the progress of this task, at most once a second.
    pub async fn progress(&self, permille: u32) -> Result<(), Error> {
        let now = tokio::time::Instant::now();
        {
            let mut progress_published_at = self.progress_published_at.lock();
            if progress_published_at.is_some_and(|before| now - before < Duration::from_secs(1)) {
                return Ok(());
            }
            *progress_published_at = Some(now);
        }
        commands::progress(&self.worker, &self.job.media, self.name, permille).await
    }

    /// Ends the context; returns the keys of stored objects that no row references.
    pub async fn close(self) -> Vec<KeyLease> {
        let leases = self.leases.into_inner();
        let scratch = self.scratch;
        // Removing files can be slow on a busy disk.
        let _ = tokio::task::spawn_blocking(move || drop(scratch)).await;
        leases
    }
}

async fn fill(mut writer: Writer, content: Content) -> Result<Stored, Error> {
    match content {
        Content::Bytes(bytes) => writer.write(bytes).await?,
        Content::Joined(paths) => {
            for (number, path) in paths.iter().enumerate() {
                writer.write(read_fragments(path, number == 0).await?.into()).await?;
            }
        }
        Content::File(path) => {
            let mut file = tokio::fs::File::open(path).await.map_err(Error::Scratch)?;
            loop {
                let mut chunk = bytes::BytesMut::with_capacity(CHUNK_BYTES);
                if file.read_buf(&mut chunk).await.map_err(Error::Scratch)? == 0 {
                    break;
                }
                writer.write(chunk.freeze()).await?;
            }
        }
    }
    Ok(writer.finish().await?)
}

/// Reads a file of the muxer that is one of several of a segment.
pub(super) async fn read_fragments(path: &Path, is_first: bool) -> Result<Vec<u8>, Error> {
    let bytes = tokio::fs::read(path).await.map_err(Error::Scratch)?;
    mp4::fragments(&bytes, is_first).ok_or(Error::Corrupt("segment"))
}
