//! Resets an upload whose stored bytes are missing, so that it starts again.
//!
//! Invariant: what may still exist of the lost object is recorded as an orphan in the same transaction.

use contract::ObjectKey;
use db::Lane;

use crate::Media;
use crate::error::Error;
use crate::store;
use crate::store::uploads::Upload;

/// Resets an upload, unless another request has taken it over. `lost` is the object that its row named.
pub(super) async fn reset_upload(media: &Media, upload: &Upload, lost: ObjectKey) -> Result<(), Error> {
    let (fence, now) = (upload.fence(), media.context.clock.now());
    let lane = Lane::of(&upload.owner).and(&upload.id);
    media
        .context
        .db
        .write(lane, async move |tx| {
            store::uploads::reset(tx, &fence).await?;
            store::objects::orphan_unless_referenced(tx, &lost, now).await?;
            Ok::<_, Error>(())
        })
        .await
}
