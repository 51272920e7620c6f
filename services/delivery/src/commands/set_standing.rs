//! A member is suspended, restored or erased.

use contract::AccountId;
use contract::accounts::StandingChanged;
use db::Lane;

use crate::error::Error;
use crate::state::Delivery;
use crate::store;

/// Records the standing of a member, on which it depends whether their items can be read.
pub(crate) async fn set_standing(delivery: &Delivery, changed: StandingChanged) -> Result<(), Error> {
    let (lane, owner) = (Lane::of(&changed.account), changed.account);
    delivery.context.db.write(lane, async move |tx| store::upsert_standing(tx, &changed).await).await?;
    delivery.catalog.invalidate_standing(owner);
    Ok(())
}

/// Forgets the standing of an erased member. Their items are deleted one by one.
pub(crate) async fn forget_standing(delivery: &Delivery, owner: AccountId) -> Result<(), Error> {
    let lane = Lane::of(&owner);
    delivery.context.db.write(lane, async move |tx| store::remove_standing(tx, owner).await).await?;
    delivery.catalog.invalidate_standing(owner);
    Ok(())
}
