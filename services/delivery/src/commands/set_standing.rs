//! A member is suspended, restored or erased.

use chrono::TimeDelta;
use contract::AccountId;
use contract::accounts::{AccountState, StandingChanged};
use db::Lane;

use crate::error::Error;
use crate::state::Delivery;
use crate::store::{self, ERASED_VERSION};

/// How long an erased member stays hidden. Media has deleted their items by then, and no event about the member can
/// arrive any more: the bus keeps 7 days.
const ERASED_TTL: TimeDelta = TimeDelta::days(30);
/// Rows of one transaction.
const BATCH: u64 = 500;

/// Records the standing of a member, on which it depends whether their items can be read.
pub(crate) async fn set_standing(delivery: &Delivery, changed: StandingChanged) -> Result<(), Error> {
    let (lane, owner) = (Lane::of(&changed.account), changed.account);
    delivery.context.db.write(lane, async move |tx| store::upsert_standing(tx, &changed).await).await?;
    delivery.catalog.invalidate_standing(owner);
    Ok(())
}

/// Hides what an erased member has published. Media deletes the items one by one, which takes a while, and until then
/// nothing shows them again: no event about a restoration that arrives late.
pub(crate) async fn hide_erased(delivery: &Delivery, owner: AccountId) -> Result<(), Error> {
    let until = Some(delivery.context.clock.now() + ERASED_TTL);
    let (state, version) = (AccountState::Banned, ERASED_VERSION);
    set_standing(delivery, StandingChanged { account: owner, state, until, version }).await
}

/// Forgets members who were erased long ago.
pub(crate) async fn forget_erased(delivery: &Delivery) -> Result<(), Error> {
    let now = delivery.context.clock.now();
    loop {
        // A lane of its own: a single statement, on rows that no other write needs any more.
        let removed = delivery
            .context
            .db
            .write(Lane::of("erased_members"), async move |tx| store::remove_erased(tx, now, BATCH).await)
            .await?;
        if removed < BATCH {
            return Ok(());
        }
    }
}
