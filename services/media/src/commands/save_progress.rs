//! Records which bytes of an upload are durable.
//!
//! Invariant: the row of an upload never names a byte that is not on the disk, and only the newest request for an
//! upload moves its offset.

use db::Lane;
use objects::orphans;

use crate::Media;
use crate::error::Error;
use crate::ingest::SavedState;
use crate::model::hash_state;
use crate::store;
use crate::store::uploads::{Upload, UploadProgress};

/// Records a checkpoint of an upload. [`Error::TakenOver`] where another request has taken the upload over.
pub(super) async fn save_progress(media: &Media, upload: &Upload, saved: SavedState) -> Result<(), Error> {
    let SavedState { checkpoint, hash, format } = saved;
    let progress = UploadProgress { checkpoint, hash_state: hash_state::to_column(&hash), format };
    let (fence, expires_at) = (upload.fence(), media.context.clock.now() + media.config.upload_ttl());
    let lane = Lane::of(&upload.id);
    let has_advanced = media
        .context
        .db
        .write(lane, async move |tx| {
            let has_advanced = store::uploads::set_progress(tx, &fence, &progress, expires_at).await?;
            if has_advanced {
                // The key is held until the row names it for the first time.
                orphans::mark_referenced(tx, &[progress.checkpoint.key]).await?;
            }
            Ok::<_, Error>(has_advanced)
        })
        .await?;
    if has_advanced { Ok(()) } else { Err(Error::TakenOver) }
}
