//! Where one piece is worked on: its item, its scratch folder, its children, its objects.
//!
//! Invariant: the key of every object that is stored from here is written down before its first byte, so none is ever lost sight of.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use codec::sniff::Format;
use contract::ObjectKey;
use futures::future::try_join_all;
use kit::objects::{KeyLease, Source, Stored, Writer};
use tokio::io::AsyncReadExt;
use tokio_util::sync::CancellationToken;

use super::Worker;
use super::permits::Permit;
use super::scratch::Scratch;
use super::staging::Copy;
use crate::error::Error;
use crate::ffmpeg::cost::{Cost, Frame};
use crate::ffmpeg::progress::Progress;
use crate::ffmpeg::{self, Command, Complaint, Input, Limits, Tools};
use crate::flow::{self, Made};
use crate::model::{Piece, Plan, Queue};
use crate::store::Job;

/// Files that are stored at once.
const AT_ONCE: usize = 8;
/// How much of a file is read at once.
const CHUNK: usize = 256 * 1024;

/// See the module.
pub(crate) struct Desk {
    pub worker: Worker,
    pub tools: Arc<Tools>,
    pub job: Job,
    pub piece: Piece,
    pub queue: Queue,
    /// The nice level of its children and of its own heavy work.
    pub nice: i32,
    /// A thread can't be ended from outside, so one that works for this task holds the permit too.
    pub permit: Arc<Permit>,
    scratch: Scratch,
    pub cancel: CancellationToken,
    /// Objects that were begun here and that no row names yet.
    begun: Mutex<Vec<KeyLease>>,
    told: Mutex<Option<tokio::time::Instant>>,
    /// The copy of an original that lies elsewhere, kept until this piece is over.
    copy: Mutex<Option<Arc<Copy>>>,
}

/// What to store as an object.
pub(crate) enum Content {
    File(PathBuf),
    Bytes(Bytes),
}

impl Desk {
    pub fn new(
        worker: Worker,
        tools: Arc<Tools>,
        job: Job,
        (piece, queue): (Piece, Queue),
        (nice, permit): (i32, Arc<Permit>),
        scratch: Scratch,
        cancel: CancellationToken,
    ) -> Self {
        Self { worker, tools, job, piece, queue, nice, permit, scratch, cancel, begun: Mutex::default(), told: Mutex::default(), copy: Mutex::default() }
    }

    /// The folder that children work in.
    pub fn folder(&self) -> &Path {
        self.scratch.path()
    }

    pub fn plan(&self) -> Result<&Plan, Error> {
        self.job.plan.as_ref().ok_or(Error::Corrupt("plan"))
    }

    pub fn format(&self) -> Result<Format, Error> {
        self.job.received.format.parse().map_err(|_| Error::Corrupt("format"))
    }

    /// The upload, as an input for ffmpeg.
    pub async fn input(&self) -> Result<Input, Error> {
        let source = self.worker.context.objects.source(&self.job.received.object).await?;
        let path = match source {
            Source::File(path) if tokio::fs::try_exists(&path).await.unwrap_or(false) => path,
            Source::File(_) => return Err(kit::objects::Error::Missing.into()),
            Source::Url(_) => {
                let (objects, received) = (&self.worker.context.objects, &self.job.received);
                let copy = self.worker.staging.copy(objects, &self.job.media, &received.object, received.bytes, &self.cancel).await?;
                let path = copy.path().to_owned();
                *self.copy.lock().unwrap_or_else(PoisonError::into_inner) = Some(copy);
                path
            }
        };
        Input::of(path, self.format()?).ok_or(Error::Corrupt("format"))
    }

    /// The item's length as `media` found it, in microseconds; 0 where nobody knows.
    pub fn span_us(&self) -> u64 {
        self.job.received.duration_ms.unwrap_or(0).saturating_mul(1000)
    }

    /// The item's length in whole seconds, for what its index costs: what `media` found, or as much as is accepted where nobody knows.
    pub fn seconds(&self) -> u64 {
        self.job.received.duration_ms.map_or(3600, |ms| ms.div_ceil(1000)).min(self.worker.config.longest_hours.saturating_mul(3600))
    }

    /// The item's picture as `media` found it.
    pub fn frame(&self) -> Option<Frame> {
        let received = &self.job.received;
        Some(Frame { width: received.width?, height: received.height?, deep: true })
    }

    /// What a child of this piece may use, for `span_us` of material.
    pub fn limits(&self, span_us: u64, cost: Cost) -> Limits {
        self.worker.config.limits(Duration::from_micros(span_us), self.nice, cost)
    }

    /// Runs a child that reports its progress; `out_us` follows it.
    pub async fn run(&self, command: &Command, cancel: &CancellationToken, out_us: &AtomicI64) -> Result<Complaint, ffmpeg::Failure> {
        let mut progress = Progress::default();
        ffmpeg::run(&self.tools, command, cancel, |printed| {
            let on = progress.feed(printed);
            out_us.store(progress.out_us, Ordering::Relaxed);
            on
        })
        .await
    }

    /// Runs a child whose progress nobody follows.
    pub async fn run_quietly(&self, command: &Command) -> Result<Complaint, ffmpeg::Failure> {
        self.run(command, &self.cancel, &AtomicI64::new(0)).await
    }

    /// Runs a child and collects what it prints, up to `most` bytes (the rest is dropped).
    pub async fn ask(&self, command: &Command, most: usize) -> Result<Vec<u8>, ffmpeg::Failure> {
        let mut printed = Vec::new();
        ffmpeg::run(&self.tools, command, &self.cancel, |chunk| {
            let room = most.saturating_sub(printed.len()).min(chunk.len());
            printed.extend_from_slice(chunk.get(..room).unwrap_or_default());
            true
        })
        .await?;
        Ok(printed)
    }

    /// Stores contents as objects, in their order.
    pub async fn keep(&self, contents: Vec<Content>) -> Result<Vec<Stored>, Error> {
        let mut stored = Vec::with_capacity(contents.len());
        let mut contents = contents.into_iter();
        loop {
            let batch: Vec<Content> = contents.by_ref().take(AT_ONCE).collect();
            if batch.is_empty() {
                return Ok(stored);
            }
            let leases = self.worker.orphans.register(batch.len()).await?;
            let keys: Vec<ObjectKey> = leases.iter().map(|lease| lease.key().clone()).collect();
            self.begun.lock().unwrap_or_else(PoisonError::into_inner).extend(leases);
            let writers = try_join_all(keys.into_iter().map(|key| self.worker.context.objects.create_as(key))).await?;
            stored.extend(try_join_all(writers.into_iter().zip(batch).map(|(writer, content)| fill(writer, content))).await?);
        }
    }

    /// Stores one file.
    pub async fn keep_file(&self, name: &str) -> Result<Stored, Error> {
        self.keep(vec![Content::File(self.folder().join(name))]).await?.pop().ok_or(Error::Corrupt("object"))
    }

    /// Stores bytes.
    pub async fn keep_bytes(&self, bytes: impl Into<Bytes>) -> Result<Stored, Error> {
        self.keep(vec![Content::Bytes(bytes.into())]).await?.pop().ok_or(Error::Corrupt("object"))
    }

    /// Records what was made; with `done`, that this piece is.
    pub async fn advance(&self, made: Made, done: bool) -> Result<(), Error> {
        self.worker.advance(&self.job.media, made, done.then_some(self.piece)).await?;
        self.named();
        Ok(())
    }

    /// Everything that was begun is now named by a row, or removed.
    pub fn named(&self) {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Tells how far this piece is, at most once a second.
    pub async fn progress(&self, permille: u32) -> Result<(), Error> {
        let now = tokio::time::Instant::now();
        {
            let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
            if told.is_some_and(|before| now - before < Duration::from_secs(1)) {
                return Ok(());
            }
            *told = Some(now);
        }
        let (media, piece, at) = (self.job.media.clone(), self.piece, self.worker.context.clock.now());
        self.worker.context.db.write(move |tx| Box::pin(async move { flow::progress(tx, &media, piece, permille.min(999), at).await })).await
    }

    /// Leaves the desk; answers the keys of objects that were begun and that nothing names.
    pub async fn leave(self) -> Vec<KeyLease> {
        let begun = self.begun.into_inner().unwrap_or_else(PoisonError::into_inner);
        let scratch = self.scratch;
        // Removing files can be slow on a busy disk.
        let _ = tokio::task::spawn_blocking(move || drop(scratch)).await;
        begun
    }
}

async fn fill(mut writer: Writer, content: Content) -> Result<Stored, Error> {
    match content {
        Content::Bytes(bytes) => writer.write(bytes).await?,
        Content::File(path) => {
            let mut file = tokio::fs::File::open(path).await.map_err(Error::Scratch)?;
            loop {
                let mut chunk = bytes::BytesMut::with_capacity(CHUNK);
                if file.read_buf(&mut chunk).await.map_err(Error::Scratch)? == 0 {
                    break;
                }
                writer.write(chunk.freeze()).await?;
            }
        }
    }
    Ok(writer.finish().await?)
}
