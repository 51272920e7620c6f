//! Resumable uploads: which request may write to one, from which offset, and which bytes are durable.
//!
//! Owns appending to an upload and its completion. Does not own the protocol ([`crate::api`]). Invariant: the row of an
//! upload never names a byte that is not on the disk, and only the newest request for an upload writes to it.

mod append;
mod lock;
mod resume;

pub(crate) use append::{AppendOutcome, AppendRequest};
pub(crate) use lock::{UploadLock, UploadLocks};

use contract::AccountId;

use crate::Media;
use crate::error::Error;
use crate::model::{ItemDetails, limits};
use crate::quota;
use crate::store;
use crate::store::uploads::{Fence, Upload};

impl Media {
    /// Creates an upload of `length` bytes.
    pub(crate) async fn begin_upload(
        &self,
        owner: AccountId,
        length: u64,
        details: ItemDetails,
    ) -> Result<Upload, Error> {
        if length == 0 {
            return Err(Error::EmptyFile);
        }
        limits::check_any_size(&self.config, length)?;
        let now = self.context.clock.now();
        let upload = Upload {
            id: kit::id::random(),
            owner,
            length,
            details,
            received: 0,
            checkpoint: None,
            hash_state: None,
            format: None,
            epoch: 0,
            item: None,
            created_at: now,
            expires_at: now + self.config.upload_ttl(),
        };
        let (limits, max_open) = (self.quota.limits(), self.config.max_open_uploads);
        self.context
            .db
            .write(move |tx| {
                Box::pin(async move {
                    // The row of the upload reserves its bytes from here on, so the check and the row are one
                    // transaction.
                    let used = store::usage::lock(tx, owner, now).await?;
                    let open = store::uploads::sum_open(tx, owner, None).await?;
                    if open.uploads >= max_open && !used.closed {
                        return Err(Error::QuotaUploads(max_open));
                    }
                    quota::check(&used, open, length, limits, now)?;
                    store::uploads::insert(tx, &upload).await?;
                    Ok(upload)
                })
            })
            .await
    }

    /// Locks an upload, and takes it over from the request that has it.
    pub(crate) async fn lock_upload(&self, id: &str, owner: AccountId) -> Result<(Upload, UploadLock), Error> {
        let lock = self.upload_locks.acquire(id).await?;
        let (id, now) = (id.to_owned(), self.context.clock.now());
        let expires_at = now + self.config.upload_ttl();
        let upload: Result<_, kit::db::Error> = self
            .context
            .db
            .write(move |tx| Box::pin(async move { store::uploads::take_over(tx, &id, owner, expires_at, now).await }))
            .await;
        Ok((upload?.ok_or(Error::NoSuchUpload)?, lock))
    }

    /// Returns the state of an upload. A request that appends to it is stopped first, so that the state stays true.
    pub(crate) async fn upload_state(&self, id: &str, owner: AccountId) -> Result<Upload, Error> {
        let now = self.context.clock.now();
        let find = async || {
            Ok::<_, Error>(
                store::uploads::find(self.context.db.read(), id, owner)
                    .await?
                    .filter(|upload| upload.item.is_some() || upload.expires_at > now),
            )
        };
        let found = find().await?.ok_or(Error::NoSuchUpload)?;
        if found.item.is_some() {
            return Ok(found);
        }
        let (upload, lock) = self.lock_upload(id, owner).await?;
        if upload.item.is_none() && upload.received == upload.length {
            // All bytes were durable when the last process ended; only the item is missing.
            self.complete_stored(&upload).await?;
            drop(lock);
            return find().await?.ok_or(Error::NoSuchUpload);
        }
        Ok(upload)
    }

    /// Cancels an upload. An item that it became stays.
    pub(crate) async fn cancel_upload(&self, id: &str, owner: AccountId) -> Result<(), Error> {
        let _lock = self.upload_locks.acquire(id).await?;
        if self.remove_upload(id, owner).await? { Ok(()) } else { Err(Error::NoSuchUpload) }
    }
}

impl Upload {
    /// Returns the fencing token of the upload, for the epoch in which it was read.
    fn fence(&self) -> Fence {
        Fence { id: self.id.clone(), epoch: self.epoch }
    }
}
