//! Claims staged items for a subject.
//!
//! Invariant: all items of a claim are claimed or none, and a limited member claims only private ones.

use contract::AccountId;
use contract::media::Visibility;
use db::Lane;

use crate::Media;
use crate::error::Error;
use crate::item_topic::notify;
use crate::model::Item;
use crate::model::claim::{Claim, ClaimEffect};
use crate::store;

/// Claims items of this owner. Returns them in the order of the claim.
pub(crate) async fn claim_items(media: &Media, owner: AccountId, claim: Claim) -> Result<Vec<Item>, Error> {
    let now = media.context.clock.now();
    // The items' lanes as well: their rows are locked one after the other, and a group of events locks some of them in
    // another order.
    let lane = Lane::of_each(&claim.ids).and(&owner);
    let _permit = media.claim_permits.acquire().await.map_err(|_| Error::TaskFailed)?;
    let items = media
        .context
        .db
        .write(lane, async move |tx| {
            let found = store::items::list_owned(tx, owner, &claim.ids).await?;
            let may_publish = store::standings::find(tx, owner).await?.may_publish(now);
            let mut claimed = Vec::with_capacity(claim.ids.len());
            for id in &claim.ids {
                let item = found.iter().find(|item| item.id == *id).ok_or_else(|| Error::NotOwned(id.to_string()))?;
                let tags = match claim.effect_on(item).map_err(Error::Invalid)? {
                    ClaimEffect::Refused => return Err(Error::AlreadyClaimed(id.to_string())),
                    ClaimEffect::Nothing => {
                        claimed.push(item.clone());
                        continue;
                    }
                    ClaimEffect::Claims(tags) => tags,
                };
                if !may_publish && item.visibility != Visibility::Private {
                    return Err(Error::AccountLimited);
                }
                let item = store::items::set_claimed(tx, item, &claim.subject, &tags, now).await?;
                let item = item.ok_or(Error::NotFound)?;
                tx.publish(&item.changed(), now)?;
                claimed.push(item);
            }
            Ok::<_, Error>(claimed)
        })
        .await?;
    for item in &items {
        notify(media, &item.id);
    }
    Ok(items)
}
