//! Giving a claimed case back.
//!
//! Invariant: a moderator ends their own claim only.

use contract::AccountId;
use uuid::Uuid;

use super::lane_of;
use crate::error::Error;
use crate::state::Moderation;
use crate::store::cases;

/// Ends the claim of a moderator. Does nothing if they have none.
pub(crate) async fn release_case(moderation: &Moderation, by: AccountId, id: Uuid) -> Result<(), Error> {
    let case = cases::find(moderation.context.db.read(), id).await?.ok_or(Error::NoSuchCase)?;
    let lane = lane_of(&case.thing);
    moderation.context.db.write(lane, async move |tx| Ok(cases::release(tx, id, by).await?)).await
}
