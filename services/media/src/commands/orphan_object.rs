//! Removes objects that no row names any more.
//!
//! Does not sweep objects of processes that are gone: that is [`objects::Orphans`]'s. Invariant: an object is
//! removed only after the transaction that recorded it as an orphan.

use contract::{AccountId, ObjectKey};
use db::Lane;

use crate::Media;
use crate::cleanup::cleanup;
use crate::store;

/// Removes an object that is recorded as an orphan. An object that cannot be removed now stays recorded.
pub(crate) async fn remove_orphan(media: &Media, object: ObjectKey) {
    let orphans = media.object_keys.orphans().clone();
    cleanup(async move {
        if let Err(error) = orphans.remove(std::slice::from_ref(&object)).await {
            tracing::warn!(%object, %error, "an object could not be removed; the sweep will remove it");
        }
    })
    .await;
}

/// Removes an unfinished object of `owner` if no row names it, after a request that wrote to it failed. Another request
/// may have completed or removed the upload, and the object with it, before the last write of this one.
pub(crate) async fn orphan_unreferenced(media: &Media, owner: AccountId, object: ObjectKey) {
    let media = media.clone();
    cleanup(async move {
        match orphan(&media, owner, object.clone()).await {
            Ok(true) => remove_orphan(&media, object).await,
            Ok(false) => {}
            Err(error @ db::Error::Corrupt(_)) => {
                tracing::error!(%object, %error, "an unfinished object could not be checked");
            }
            Err(error) => tracing::warn!(
                %object,
                %error,
                "an unfinished object could not be checked; `tutti objects` finds what it may have left"
            ),
        }
    })
    .await;
}

async fn orphan(media: &Media, owner: AccountId, object: ObjectKey) -> Result<bool, db::Error> {
    let (db, now) = (&media.context.db, media.context.clock.now());
    // Usually its row exists, and then no writer has to wait for this check.
    if store::objects::is_referenced(db.read(), &object).await? {
        return Ok(false);
    }
    let lane = Lane::of(&owner);
    db.write(lane, async move |tx| store::objects::orphan_unless_referenced(tx, &object, now).await).await
}
