//! Settles where an upload stands, for a client that wants to continue it.
//!
//! Invariant: a request that appends to the upload is stopped first, so that the returned offset stays true.

use contract::AccountId;

use super::complete_upload::complete_stored;
use super::take_over_upload::take_over_upload;
use crate::Media;
use crate::error::Error;
use crate::store;
use crate::store::uploads::Upload;

/// Returns the upload after the request that appends to it has stopped. An upload whose bytes are all durable is
/// completed.
pub(crate) async fn settle_upload(media: &Media, id: &str, owner: AccountId) -> Result<Upload, Error> {
    let found = find(media, id, owner).await?;
    if found.item.is_some() {
        return Ok(found);
    }
    let (upload, lock) = take_over_upload(media, id, owner).await?;
    if upload.item.is_none() && upload.received == upload.length {
        // All bytes were durable when the last process ended; only the item is missing.
        complete_stored(media, &upload).await?;
        drop(lock);
        return find(media, id, owner).await;
    }
    Ok(upload)
}

/// Returns an upload that has not expired.
async fn find(media: &Media, id: &str, owner: AccountId) -> Result<Upload, Error> {
    let now = media.context.clock.now();
    store::uploads::find(media.context.db.read(), id, owner)
        .await?
        .filter(|upload| upload.item.is_some() || upload.expires_at > now)
        .ok_or(Error::NoSuchUpload)
}
