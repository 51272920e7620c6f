//! Refusing files that moderators have decided against, and accepting them again after an appeal.
//!
//! Invariant: the digest of what a decision names is refused until that decision is undone, in whatever order the two
//! are known. Items that are there stay: what shows them is removed where it is.

use contract::moderation::{Decided, Overturned};
use db::Lane;

use crate::Media;
use crate::error::Error;
use crate::store;

/// Refuses the bytes of the media of a decision from now on. An item that is gone has no digest any more.
pub(crate) async fn block_media(media: &Media, decided: Decided) -> Result<(), Error> {
    if decided.blocked_media.is_empty() {
        return Ok(());
    }
    let now = media.context.clock.now();
    media
        .context
        .db
        .write(Lane::of(&decided.id), async move |tx| {
            if store::blocked_media::is_undone(tx, decided.id).await? {
                return Ok(());
            }
            for id in &decided.blocked_media {
                match store::items::find(tx, id).await? {
                    Some(item) => store::blocked_media::insert(tx, &item.sha256, decided.id, now).await?,
                    None => tracing::warn!(media.id = %id, "a refused item is gone: no digest is known"),
                }
            }
            Ok::<_, Error>(())
        })
        .await
}

/// Accepts again what a decision has refused.
pub(crate) async fn unblock_media(media: &Media, overturned: Overturned) -> Result<(), Error> {
    if overturned.unblocked_media.is_empty() {
        return Ok(());
    }
    let (id, now) = (overturned.id, media.context.clock.now());
    let db = &media.context.db;
    db.write(Lane::of(&id), async move |tx| Ok(store::blocked_media::undo(tx, id, now).await?)).await
}
