//! Taking over that a profile or a standing has changed.
//!
//! Invariant: an older event that arrives late changes nothing; an event makes no new row, so an erased account stays
//! without one.

use contract::accounts::{Profile, StandingChanged};
use db::Lane;

use crate::error::Error;
use crate::state::Social;
use crate::store::people;

/// Updates the copy of a profile.
pub(crate) async fn update_profile(social: &Social, profile: Profile) -> Result<(), Error> {
    let lane = Lane::of(&profile.account);
    Ok(social.context.db.write(lane, async move |tx| people::update_profile(tx, &profile).await).await?)
}

/// Updates the copy of a standing.
pub(crate) async fn update_standing(social: &Social, changed: StandingChanged) -> Result<(), Error> {
    let lane = Lane::of(&changed.account);
    Ok(social.context.db.write(lane, async move |tx| people::update_standing(tx, &changed).await).await?)
}
