//! Adds captions to an item, or replaces those in the same language.
//!
//! Invariant: the text, the item's list and the quota change in one transaction, which publishes the change.

use contract::{AccountId, MediaId};
use db::Lane;

use crate::Media;
use crate::error::Error;
use crate::item_topic::notify;
use crate::model::captions::{NewCaptions, sum_bytes};
use crate::model::{Item, quota};
use crate::store;

/// Puts captions on an item of this owner. Returns the item as it is now.
pub(crate) async fn put_captions(
    media: &Media,
    id: &MediaId,
    owner: AccountId,
    captions: NewCaptions,
) -> Result<Item, Error> {
    let (item_id, now, limits) = (id.clone(), media.context.clock.now(), media.quota.limits());
    let lane = Lane::of(&owner).and(id);
    let item = media
        .context
        .db
        .write(lane, async move |tx| {
            let item = store::items::find_in_use(tx, &item_id, owner).await?.ok_or(Error::NotFound)?;
            let all = captions.added_to(&item.captions)?;
            let (before, after) = (sum_bytes(&item.captions), sum_bytes(&all));
            let used = store::usage::lock(tx, owner, now).await?;
            if used.closed {
                return Err(Error::AccountClosed);
            }
            if after > before {
                let open = store::uploads::sum_open(tx, owner, None).await?;
                quota::check_bytes(&used, open, after - before, limits)?;
            }
            store::usage::change_bytes(tx, owner, before, after).await?;
            store::captions::put(tx, &item_id, &captions, now).await?;
            let item = store::captions::set_list(tx, &item, &all, now).await?.ok_or(Error::NotFound)?;
            tx.publish(&item.changed(), now)?;
            Ok(item)
        })
        .await?;
    notify(media, id);
    Ok(item)
}
