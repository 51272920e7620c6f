//! Removes uploads and the bytes that they stored. An item that an upload became stays.
//!
//! Invariant: the row and the record of its object as an orphan are one transaction; the object is removed after it.

use contract::AccountId;
use db::Lane;

use super::orphan_object::remove_orphan;
use crate::Media;
use crate::error::Error;
use crate::store;

/// Cancels an upload, after the request of this process that appends to it has stopped.
pub(crate) async fn cancel_upload(media: &Media, id: &str, owner: AccountId) -> Result<(), Error> {
    let _lock = media.upload_locks.acquire(id).await?;
    if remove_upload(media, id, owner).await? { Ok(()) } else { Err(Error::NoSuchUpload) }
}

/// Removes an upload and the bytes that it stored. Returns `false` where there is none.
pub(super) async fn remove_upload(media: &Media, id: &str, owner: AccountId) -> Result<bool, Error> {
    remove(media, id, owner, false).await
}

/// Removes an upload if it has expired by now. Returns `false` where it has not, or there is none.
pub(crate) async fn remove_expired_upload(media: &Media, id: &str, owner: AccountId) -> Result<bool, Error> {
    remove(media, id, owner, true).await
}

async fn remove(media: &Media, id: &str, owner: AccountId, only_expired: bool) -> Result<bool, Error> {
    let (id, now) = (id.to_owned(), media.context.clock.now());
    let lane = Lane::of(&owner).and(&id);
    let removed = media
        .context
        .db
        .write(lane, async move |tx| {
            let removed = if only_expired {
                store::uploads::remove_expired(tx, &id, owner, now).await?
            } else {
                store::uploads::remove(tx, &id, owner).await?
            };
            let Some(upload) = removed else { return Ok::<_, Error>(None) };
            let object = upload.checkpoint.map(|checkpoint| checkpoint.key);
            if let Some(object) = &object {
                store::objects::orphan_unless_referenced(tx, object, now).await?;
            }
            Ok(Some(object))
        })
        .await?;
    let Some(object) = removed else { return Ok(false) };
    if let Some(object) = object {
        remove_orphan(media, object).await;
    }
    Ok(true)
}
