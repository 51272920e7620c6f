//! Resumable uploads: who goes on with one, from where, and what is safe of it.
//!
//! Owns appending to an upload and its end. Does not own the protocol ([`crate::api`]). Invariant: an upload's row never names a byte that
//! is not on the disk, and only the newest request that asked for it writes to it.

mod append;
mod hold;
mod resume;

pub(crate) use append::{Outcome, Request};
pub(crate) use hold::{Hold, Holds};

use contract::AccountId;

use crate::Media;
use crate::error::Error;
use crate::model::{Details, limits};
use crate::quota;
use crate::store;
use crate::store::uploads::{Fence, Upload};

impl Media {
    /// Begins an upload of `length` bytes.
    pub(crate) async fn begin_upload(&self, owner: AccountId, length: u64, details: Details) -> Result<Upload, Error> {
        if length == 0 {
            return Err(Error::Empty);
        }
        limits::any_size(&self.config, length)?;
        let now = self.context.clock.now();
        let upload = Upload {
            id: kit::objects::base62(),
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
            expires_at: now + self.config.upload_lasts(),
        };
        let (most, most_open) = (self.quota.most(), self.config.open_uploads);
        self.context
            .db
            .write(move |tx| {
                Box::pin(async move {
                    // The row of the upload holds its room from here on, so the look and the row are one transaction.
                    let used = store::usage::lock(tx, owner, now).await?;
                    let open = store::uploads::open(tx, owner, None).await?;
                    if open.uploads >= most_open && !used.closed {
                        return Err(Error::QuotaUploads(most_open));
                    }
                    quota::check(&used, open, length, most, now)?;
                    store::uploads::insert(tx, &upload).await?;
                    Ok(upload)
                })
            })
            .await
    }

    /// Takes an upload over from whoever has it.
    pub(crate) async fn take_upload(&self, id: &str, owner: AccountId) -> Result<(Upload, Hold), Error> {
        let hold = self.holds.take(id).await?;
        let (id, now) = (id.to_owned(), self.context.clock.now());
        let expires_at = now + self.config.upload_lasts();
        let upload: Result<_, kit::db::Error> = self.context.db.write(move |tx| Box::pin(async move { store::uploads::take(tx, &id, owner, expires_at, now).await })).await;
        Ok((upload?.ok_or(Error::NoUpload)?, hold))
    }

    /// Where an upload is. Whoever appended to it is stopped first, so that the answer holds.
    pub(crate) async fn upload_state(&self, id: &str, owner: AccountId) -> Result<Upload, Error> {
        let now = self.context.clock.now();
        let look = async || Ok::<_, Error>(store::uploads::find(self.context.db.read(), id, owner).await?.filter(|upload| upload.item.is_some() || upload.expires_at > now));
        let seen = look().await?.ok_or(Error::NoUpload)?;
        if seen.item.is_some() {
            return Ok(seen);
        }
        let (upload, hold) = self.take_upload(id, owner).await?;
        if upload.item.is_none() && upload.received == upload.length {
            // All of it was safe when the last process ended; only the end is missing.
            self.conclude(&upload).await?;
            drop(hold);
            return look().await?.ok_or(Error::NoUpload);
        }
        Ok(upload)
    }

    /// Cancels an upload; what it became, stays.
    pub(crate) async fn cancel_upload(&self, id: &str, owner: AccountId) -> Result<(), Error> {
        let _hold = self.holds.take(id).await?;
        if self.remove_upload(id, owner).await? { Ok(()) } else { Err(Error::NoUpload) }
    }
}

impl Upload {
    /// The right to write to it, under the epoch in which it was read.
    fn fence(&self) -> Fence {
        Fence { id: self.id.clone(), epoch: self.epoch }
    }
}
