//! Appending the bytes of one request.
//!
//! It runs in a task of its own: what has arrived is written down also when the connection breaks. Invariant: with a checksum, a
//! request's bytes are kept all or none; without, every byte that arrived is.

use std::time::Duration;

use codec::digest::{Checksum, Hasher};
use contract::AccountId;
use kit::objects::orphans;
use tokio::time::Instant;

use super::Hold;
use super::resume::hash_state;
use crate::Media;
use crate::error::Error;
use crate::ingest::{Feed, Finish, Ingest, Saved, accept};
use crate::model::Item;
use crate::store;
use crate::store::uploads::{Progress, Upload};

/// How long a request that lost its upload goes on taking what has arrived already, at most …
const LAST_GRASP: Duration = Duration::from_millis(500);
/// … and how long it waits for more of it.
const LAST_GAP: Duration = Duration::from_millis(50);

/// What one request brings.
pub(crate) struct Request {
    pub feed: Feed,
    /// What the sender expects the bytes of this request to be.
    pub checksum: Option<Checksum>,
}

/// What came of it.
pub(crate) enum Outcome {
    /// So many bytes are safe now.
    At(u64),
    /// All bytes are here, and they are an item.
    Done(Box<Item>),
}

impl Media {
    /// Appends a request's bytes to an upload at its place. The feed comes back for what it still holds.
    pub(crate) async fn append(&self, upload: Upload, hold: Hold, request: Request) -> (Result<Outcome, Error>, Option<Feed>) {
        let (answer, answered) = tokio::sync::oneshot::channel();
        let media = self.clone();
        self.context.tasks.spawn(async move {
            let Request { mut feed, checksum } = request;
            let outcome = media.take_in(&upload, hold, &mut feed, checksum).await;
            // Whoever asked may have gone.
            let _ = answer.send((outcome, Some(feed)));
        });
        answered.await.unwrap_or((Err(Error::Worker), None))
    }

    async fn take_in(&self, upload: &Upload, mut hold: Hold, feed: &mut Feed, checksum: Option<Checksum>) -> Result<Outcome, Error> {
        let outcome = self.take_bytes(upload, &mut hold, feed, checksum).await;
        if let Err(error) = &outcome
            && error.is_final()
        {
            tracing::info!(upload.id = upload.id, %error, "an upload is refused");
            self.remove_upload(&upload.id, upload.owner).await?;
        }
        outcome
    }

    async fn take_bytes(&self, upload: &Upload, hold: &mut Hold, feed: &mut Feed, checksum: Option<Checksum>) -> Result<Outcome, Error> {
        let ingest = self.resume_ingest(upload).await?;
        let mut appending = Appending {
            media: self,
            upload,
            ingest,
            hasher: checksum.is_some().then(Hasher::with_sha1),
            unsaved: 0,
            save_at: Instant::now() + Duration::from_secs(self.config.checkpoint_seconds),
        };
        let ended = appending.run(feed, hold).await;
        let Appending { ingest, hasher, .. } = appending;
        if let (Some(checksum), Some(hasher)) = (checksum, hasher) {
            let matches = checksum.matches(&hasher.finish());
            if ended.is_err() || !matches {
                ingest.discard().await;
                return Err(ended.err().unwrap_or(Error::ChecksumMismatch));
            }
        }
        match ended {
            Ok(()) if ingest.bytes() == upload.length => self.finish(upload, ingest).await.map(|item| Outcome::Done(Box::new(item))),
            Ok(()) => self.leave(upload, ingest).await,
            // What was not written whole, or must go, is not kept.
            Err(error) if error.is_final() || matches!(error, Error::Objects(_) | Error::Db(_)) => {
                ingest.discard().await;
                Err(error)
            }
            Err(error) => {
                self.leave(upload, ingest).await?;
                Err(error)
            }
        }
    }

    async fn leave(&self, upload: &Upload, mut ingest: Ingest) -> Result<Outcome, Error> {
        let saved = async {
            let Some(saved) = ingest.save().await? else { return Ok(upload.received) };
            let bytes = saved.checkpoint.bytes;
            self.write_down(upload, saved).await.map(|()| bytes)
        };
        match saved.await {
            Ok(bytes) => {
                ingest.leave();
                Ok(Outcome::At(bytes))
            }
            // Whether the row names the object, nobody may know.
            Err(error) => {
                ingest.discard().await;
                Err(error)
            }
        }
    }

    async fn write_down(&self, upload: &Upload, saved: Saved) -> Result<(), Error> {
        let Saved { checkpoint, hash, format } = saved;
        let progress = Progress { checkpoint, hash_state: hash_state(&hash), format };
        let (fence, expires_at) = (upload.fence(), self.context.clock.now() + self.config.upload_lasts());
        let advanced = self.context.db.write(move |tx| {
            Box::pin(async move {
                let ours = store::uploads::advance(tx, &fence, &progress, expires_at).await?;
                if ours {
                    // Held until the first time.
                    orphans::named(tx, &[progress.checkpoint.key]).await?;
                }
                Ok::<_, kit::db::Error>(ours)
            })
        });
        if advanced.await? { Ok(()) } else { Err(Error::TakenOver) }
    }

    async fn finish(&self, upload: &Upload, ingest: Ingest) -> Result<Item, Error> {
        let finish = Finish { owner: upload.owner, details: upload.details.clone(), digest: None, upload: Some(upload.fence()) };
        accept(ingest, finish).await
    }

    /// Ends an upload whose bytes are all safe already.
    pub(super) async fn conclude(&self, upload: &Upload) -> Result<(), Error> {
        let owner: AccountId = upload.owner;
        let ended = match self.resume_ingest(upload).await {
            Ok(ingest) => self.finish(upload, ingest).await.map(drop),
            Err(error) => Err(error),
        };
        if let Err(error) = &ended
            && error.is_final()
        {
            self.remove_upload(&upload.id, owner).await?;
        }
        ended
    }
}

/// A request at work.
struct Appending<'a> {
    media: &'a Media,
    upload: &'a Upload,
    ingest: Ingest,
    hasher: Option<Hasher>,
    unsaved: u64,
    save_at: Instant,
}

impl Appending<'_> {
    /// Takes bytes until the request or the upload ends, or somebody else wants it.
    async fn run(&mut self, feed: &mut Feed, hold: &mut Hold) -> Result<(), Error> {
        while self.ingest.bytes() < self.upload.length {
            let chunk = tokio::select! {
                chunk = feed.next() => chunk?,
                () = hold.superseded() => return self.take_what_is_here(feed).await,
                () = self.media.context.tasks.stopping() => return Err(Error::Busy),
                () = tokio::time::sleep_until(self.save_at), if self.unsaved > 0 && self.hasher.is_none() => {
                    feed.rest();
                    self.save().await?;
                    continue;
                }
            };
            let Some(chunk) = chunk else { return Ok(()) };
            if let Some(hasher) = &mut self.hasher {
                hasher.update(&chunk);
            }
            self.unsaved += chunk.len() as u64;
            self.ingest.push(chunk).await?;
            let whole = self.ingest.bytes() >= self.upload.length;
            if self.unsaved >= self.media.config.checkpoint_bytes && self.hasher.is_none() && !whole {
                self.save().await?;
            }
        }
        Ok(())
    }

    /// Takes what has reached this machine already, before somebody else goes on.
    async fn take_what_is_here(&mut self, feed: &mut Feed) -> Result<(), Error> {
        let until = Instant::now() + LAST_GRASP;
        // Without its end, a request with a checksum counts for nothing.
        while self.hasher.is_none() && self.ingest.bytes() < self.upload.length && Instant::now() < until {
            match tokio::time::timeout(LAST_GAP, feed.next()).await {
                Ok(Ok(Some(chunk))) => self.ingest.push(chunk).await?,
                Ok(Ok(None) | Err(_)) | Err(_) => break,
            }
        }
        if self.ingest.bytes() < self.upload.length { Err(Error::TakenOver) } else { Ok(()) }
    }

    async fn save(&mut self) -> Result<(), Error> {
        if let Some(saved) = self.ingest.save().await? {
            self.media.write_down(self.upload, saved).await?;
            self.ingest.keep().await?;
        }
        self.unsaved = 0;
        self.save_at = Instant::now() + Duration::from_secs(self.media.config.checkpoint_seconds);
        Ok(())
    }
}
