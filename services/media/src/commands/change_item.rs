//! Changes the name, tags, visibility, description or alternative text of an item, or marks it as sensitive.
//!
//! Invariant: the change is published in the transaction that makes it. A limited member publishes nothing, and what is
//! withheld stays private: for good, if its owner makes it private meanwhile.

use contract::{AccountId, MediaId};
use db::Lane;

use crate::Media;
use crate::error::Error;
use crate::item_topic::notify;
use crate::model::Item;
use crate::model::item_change::ItemChange;
use crate::model::standing::publishes;
use crate::store;

/// Changes an item of this owner. Returns it as it is now.
pub(crate) async fn change_item(
    media: &Media,
    id: &MediaId,
    owner: AccountId,
    change: ItemChange,
) -> Result<Item, Error> {
    let (item_id, now) = (id.clone(), media.context.clock.now());
    let lane = Lane::of(&owner).and(id);
    let item = media
        .context
        .db
        .write(lane, async move |tx| {
            let item = store::items::find_in_use(tx, &item_id, owner).await?.ok_or(Error::NotFound)?;
            let (mark, makes_private) = (change.sensitive, change.makes_private());
            let update = change.apply(&item);
            let publishes = publishes(item.visibility, update.visibility);
            if publishes && item.withheld.is_some() {
                return Err(Error::Withheld);
            }
            if publishes && !store::standings::find(tx, owner).await?.may_publish(now) {
                return Err(Error::AccountLimited);
            }
            if makes_private && item.withheld.is_some() {
                store::withheld::forget_visibility(tx, &item_id).await?;
            }
            let item = store::items::update(tx, &item, &update, now).await?.ok_or(Error::NotFound)?;
            tx.publish(&item.changed(), now)?;
            let Some(is_sensitive) = mark else { return Ok(item) };
            let Some(item) = store::sensitivity::set_owner_mark(tx, &item_id, is_sensitive, now).await? else {
                return Ok(item);
            };
            tx.publish(&item.sensitivity_changed(), now)?;
            Ok::<_, Error>(item)
        })
        .await?;
    notify(media, id);
    Ok(item)
}
