//! Creates a resumable upload.
//!
//! Invariant: the row of an upload reserves its bytes from its commit on, so the check of the quota and the row are one
//! transaction in the lane of the owner.

use contract::AccountId;
use db::Lane;
use http_server::Effect;
use service::Flag;

use crate::Media;
use crate::error::Error;
use crate::model::{ItemDetails, limits, quota};
use crate::store;
use crate::store::uploads::Upload;

/// Creates an upload of `length` bytes. Fails while uploads are turned off.
pub(crate) async fn begin_upload(
    media: &Media,
    owner: AccountId,
    length: u64,
    details: ItemDetails,
    effect: Effect,
) -> Result<Upload, Error> {
    media.context.flags.require(Flag::Uploads)?;
    if length == 0 {
        return Err(Error::EmptyFile);
    }
    limits::check_any_size(&media.config, length)?;
    let now = media.context.clock.now();
    let upload = Upload {
        id: media.context.random.id(),
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
        expires_at: now + media.config.upload_ttl(),
    };
    let (limits, max_open) = (media.quota.limits(), media.config.max_open_uploads);
    let lane = Lane::of(&owner);
    media
        .context
        .db
        .write(lane, async move |tx| {
            let used = store::usage::lock(tx, owner, now).await?;
            let open = store::uploads::sum_open(tx, owner, None).await?;
            if open.uploads >= max_open && !used.closed {
                return Err(Error::QuotaUploads(max_open));
            }
            quota::check(&used, open, length, limits, now)?;
            store::uploads::insert(tx, &upload).await?;
            effect.begun(tx, format!("/v1/uploads/{}", upload.id)).await?;
            Ok(upload)
        })
        .await
}
