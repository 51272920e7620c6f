//! Appends the bytes of one request to an upload.
//!
//! It runs in a task of its own, so bytes that have arrived are saved even if the connection breaks. Invariant: with a
//! checksum, the bytes of a request are kept all or none; without one, every byte that arrived is kept.

use std::time::Duration;

use base::Trace;
use codec::digest::{Checksum, Hasher};
use tokio::time::Instant;

use super::complete_upload::complete_upload;
use super::remove_upload::remove_upload;
use super::resume_upload::resume_upload;
use super::save_progress::save_progress;
use crate::Media;
use crate::error::Error;
use crate::ingest::{BodyReader, Ingest};
use crate::model::Item;
use crate::store::uploads::Upload;
use crate::upload_locks::UploadLock;

/// How long, at most, a request that lost its upload still reads what has arrived already …
const DRAIN_TIMEOUT: Duration = Duration::from_millis(500);
/// … and how long it waits for more of it.
const DRAIN_IDLE_TIMEOUT: Duration = Duration::from_millis(50);

/// The bytes of one request.
pub(crate) struct AppendRequest {
    pub body: BodyReader,
    /// The checksum that the client announced for the bytes of this request.
    pub checksum: Option<Checksum>,
}

/// The outcome of an append.
pub(crate) enum AppendOutcome {
    /// The upload has this many durable bytes now.
    Received(u64),
    /// All bytes have arrived, and they are an item now.
    Completed(Box<Item>),
}

/// Appends the bytes of a request to an upload. Also returns the body, which may have unread bytes.
pub(crate) async fn append_to_upload(
    media: &Media,
    upload: Upload,
    lock: UploadLock,
    request: AppendRequest,
) -> (Result<AppendOutcome, Error>, Option<BodyReader>) {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let owned = media.clone();
    media.context.tasks.spawn(Trace::within(Trace::current(), async move {
        let AppendRequest { mut body, checksum } = request;
        let outcome = append_to_end(&owned, &upload, lock, &mut body, checksum).await;
        // The caller may have gone.
        let _ = sender.send((outcome, Some(body)));
    }));
    receiver.await.unwrap_or((Err(Error::TaskFailed), None))
}

async fn append_to_end(
    media: &Media,
    upload: &Upload,
    mut lock: UploadLock,
    body: &mut BodyReader,
    checksum: Option<Checksum>,
) -> Result<AppendOutcome, Error> {
    let outcome = append_bytes(media, upload, &mut lock, body, checksum).await;
    if let Err(error) = &outcome
        && error.is_final()
    {
        tracing::info!(upload.id = upload.id, %error, "an upload was refused");
        remove_upload(media, &upload.id, upload.owner).await?;
    }
    outcome
}

async fn append_bytes(
    media: &Media,
    upload: &Upload,
    lock: &mut UploadLock,
    body: &mut BodyReader,
    checksum: Option<Checksum>,
) -> Result<AppendOutcome, Error> {
    let ingest = resume_upload(media, upload).await?;
    let mut session = AppendSession {
        media,
        upload,
        ingest,
        hasher: checksum.is_some().then(Hasher::with_sha1),
        unsaved_bytes: 0,
        checkpoint_at: Instant::now() + Duration::from_secs(media.config.checkpoint_seconds),
    };
    let ended = session.run(body, lock).await;
    let AppendSession { ingest, hasher, .. } = session;
    if let (Some(checksum), Some(hasher)) = (checksum, hasher) {
        let matches = checksum.matches(&hasher.finish());
        if ended.is_err() || !matches {
            ingest.discard().await;
            return Err(ended.err().unwrap_or(Error::ChecksumMismatch));
        }
    }
    match ended {
        Ok(()) if ingest.bytes() == upload.length => {
            complete_upload(upload, ingest).await.map(|item| AppendOutcome::Completed(Box::new(item)))
        }
        Ok(()) => suspend(media, upload, ingest).await,
        // Bytes that were not written completely, or are refused, are not kept.
        Err(error) if error.is_final() || matches!(error, Error::Objects(_) | Error::Db(_)) => {
            ingest.discard().await;
            Err(error)
        }
        Err(error) => {
            suspend(media, upload, ingest).await?;
            Err(error)
        }
    }
}

async fn suspend(media: &Media, upload: &Upload, mut ingest: Ingest) -> Result<AppendOutcome, Error> {
    let saved = async {
        let Some(saved) = ingest.checkpoint().await? else { return Ok(upload.received) };
        let bytes = saved.checkpoint.bytes;
        save_progress(media, upload, saved).await.map(|()| bytes)
    };
    match saved.await {
        Ok(bytes) => {
            ingest.suspend();
            Ok(AppendOutcome::Received(bytes))
        }
        // Whether the row names the object is unknown.
        Err(error) => {
            ingest.discard().await;
            Err(error)
        }
    }
}

/// A request that appends.
struct AppendSession<'a> {
    media: &'a Media,
    upload: &'a Upload,
    ingest: Ingest,
    hasher: Option<Hasher>,
    unsaved_bytes: u64,
    checkpoint_at: Instant,
}

impl AppendSession<'_> {
    /// Reads bytes until the request or the upload ends, or another request takes the upload over.
    async fn run(&mut self, body: &mut BodyReader, lock: &mut UploadLock) -> Result<(), Error> {
        while self.ingest.bytes() < self.upload.length {
            let checkpoint_at = self.checkpoint_at;
            let chunk = tokio::select! {
                chunk = body.next() => chunk?,
                () = lock.superseded() => return self.drain_body(body).await,
                () = self.media.context.tasks.stopping() => return Err(Error::Busy),
                () = tokio::time::sleep_until(checkpoint_at), if self.unsaved_bytes > 0 && self.hasher.is_none() => {
                    body.pause();
                    self.checkpoint().await?;
                    continue;
                }
            };
            let Some(chunk) = chunk else { return Ok(()) };
            if let Some(hasher) = &mut self.hasher {
                hasher.update(&chunk);
            }
            self.unsaved_bytes += chunk.len() as u64;
            self.ingest.push(chunk).await?;
            let whole = self.ingest.bytes() >= self.upload.length;
            if self.unsaved_bytes >= self.media.config.checkpoint_bytes && self.hasher.is_none() && !whole {
                self.checkpoint().await?;
            }
        }
        Ok(())
    }

    /// Reads what has reached this machine already, before another request takes over.
    async fn drain_body(&mut self, body: &mut BodyReader) -> Result<(), Error> {
        let until = Instant::now() + DRAIN_TIMEOUT;
        // Without its last byte, a request with a checksum is void.
        while self.hasher.is_none() && self.ingest.bytes() < self.upload.length && Instant::now() < until {
            match tokio::time::timeout(DRAIN_IDLE_TIMEOUT, body.next()).await {
                Ok(Ok(Some(chunk))) => self.ingest.push(chunk).await?,
                Ok(Ok(None) | Err(_)) | Err(_) => break,
            }
        }
        if self.ingest.bytes() < self.upload.length { Err(Error::TakenOver) } else { Ok(()) }
    }

    async fn checkpoint(&mut self) -> Result<(), Error> {
        if let Some(saved) = self.ingest.checkpoint().await? {
            save_progress(self.media, self.upload, saved).await?;
            self.ingest.mark_checkpointed().await?;
        }
        self.unsaved_bytes = 0;
        self.checkpoint_at = Instant::now() + Duration::from_secs(self.media.config.checkpoint_seconds);
        Ok(())
    }
}
