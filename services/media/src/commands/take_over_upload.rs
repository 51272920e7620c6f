//! Takes an upload over from the request that has it.
//!
//! Invariant: from the commit on, no request of any process writes to the upload under an older epoch.

use contract::AccountId;
use db::Lane;

use crate::Media;
use crate::error::Error;
use crate::store;
use crate::store::uploads::Upload;
use crate::upload_locks::UploadLock;

/// Locks an upload in this process, and takes it over from the request that has it, in whatever process.
pub(crate) async fn take_over_upload(media: &Media, id: &str, owner: AccountId) -> Result<(Upload, UploadLock), Error> {
    let lock = media.upload_locks.acquire(id).await?;
    let (id, now) = (id.to_owned(), media.context.clock.now());
    let expires_at = now + media.config.upload_ttl();
    let lane = Lane::of(&id);
    let taken = media
        .context
        .db
        .write(lane, async move |tx| Ok::<_, Error>(store::uploads::take_over(tx, &id, owner, expires_at, now).await?))
        .await?;
    Ok((taken.ok_or(Error::NoSuchUpload)?, lock))
}
