//! Removes the captions of an item in one language.
//!
//! Invariant: the text, the item's list and the quota change in one transaction, which publishes the change.

use contract::{AccountId, MediaId};
use db::Lane;

use crate::Media;
use crate::error::Error;
use crate::item_topic::notify;
use crate::model::captions::{LanguageTag, sum_bytes, without};
use crate::store;

/// Removes captions from an item of this owner.
pub(crate) async fn remove_captions(
    media: &Media,
    id: &MediaId,
    owner: AccountId,
    lang: LanguageTag,
) -> Result<(), Error> {
    let (item_id, now) = (id.clone(), media.context.clock.now());
    let lane = Lane::of(&owner).and(id);
    media
        .context
        .db
        .write(lane, async move |tx| {
            let item = store::items::find_in_use(tx, &item_id, owner).await?.ok_or(Error::NotFound)?;
            let rest = without(&item.captions, &lang);
            if rest.len() == item.captions.len() {
                return Err(Error::NoSuchCaptions);
            }
            store::usage::change_bytes(tx, owner, sum_bytes(&item.captions), sum_bytes(&rest)).await?;
            store::captions::remove(tx, &item_id, &lang).await?;
            let item = store::captions::set_list(tx, &item, &rest, now).await?.ok_or(Error::NotFound)?;
            tx.publish(&item.changed(), now)?;
            Ok(())
        })
        .await?;
    notify(media, id);
    Ok(())
}
