//! Refusing files that moderators have decided against, and accepting them again after an appeal.
//!
//! The digests of what a decision names are refused, its pictures are listed, and the items themselves are shown to
//! their owners only. Invariant: that holds until the decision is undone, in whatever order the two are known.

use contract::moderation::{Decided, Overturned};
use db::Lane;

use super::withhold_item::{release_decided, withhold_decided};
use crate::Media;
use crate::error::Error;
use crate::store;
use crate::store::listed_pictures::{self, NewEntry};

/// Items of a decision: more than it can name.
const MAX_ITEMS: usize = 100;

/// Refuses the bytes and the pictures of the media of a decision from now on. An item that is gone has neither.
///
/// Of a video, the poster is listed: other frames may be in many videos. A copy is found by any of its own frames.
pub(crate) async fn block_media(media: &Media, decided: &Decided) -> Result<(), Error> {
    if decided.blocked_media.is_empty() {
        return Ok(());
    }
    let (now, random) = (media.context.clock.now(), media.context.random.clone());
    let (decision, named) = (decided.id, decided.blocked_media.clone());
    media
        .context
        .db
        .write(Lane::of(&decision).and(listed_pictures::LANE), async move |tx| {
            if store::blocked_media::is_undone(tx, decision).await? {
                return Ok(());
            }
            let mut entries = Vec::new();
            for id in &named {
                let Some(item) = store::items::find(tx, id).await? else {
                    tracing::warn!(media.id = %id, "a refused item is gone: no digest is known");
                    continue;
                };
                store::blocked_media::insert(tx, &item.sha256, decision, now).await?;
                let pictures = store::pictures::list(tx, id).await?;
                let first = pictures.into_iter().next().map(|picture| picture.hashes.hashes[0]);
                entries.extend(first.map(|hash| NewEntry { id: random.uuid_v7(now), hash }));
            }
            listed_pictures::insert_all(tx, &entries, &decision.to_string(), "", now).await?;
            Ok::<_, Error>(())
        })
        .await?;
    for id in &decided.blocked_media {
        withhold_decided(media, id, decision).await?;
    }
    Ok(())
}

/// Accepts and shows again what a decision has refused. Other items that were like its pictures follow with the job.
pub(crate) async fn unblock_media(media: &Media, overturned: &Overturned) -> Result<(), Error> {
    if overturned.unblocked_media.is_empty() {
        return Ok(());
    }
    let (id, now) = (overturned.id, media.context.clock.now());
    let lane = Lane::of(&id).and(listed_pictures::LANE);
    media
        .context
        .db
        .write(lane, async move |tx| {
            store::blocked_media::undo(tx, id, now).await?;
            Ok::<_, Error>(listed_pictures::remove_by_origin(tx, &id.to_string()).await?)
        })
        .await?;
    for item in store::withheld::list_by_verdict(media.context.db.read(), id, MAX_ITEMS).await? {
        release_decided(media, &item, id).await?;
    }
    Ok(())
}
