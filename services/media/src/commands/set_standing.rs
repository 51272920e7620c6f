//! Records that a member was limited, suspended or restored.
//!
//! Invariant: an older event that arrives late changes nothing.

use contract::accounts::StandingChanged;
use db::Lane;

use crate::Media;
use crate::error::Error;
use crate::store;

/// Records the standing of a member.
pub(crate) async fn set_standing(media: &Media, changed: StandingChanged) -> Result<(), Error> {
    let lane = Lane::of(&changed.account);
    let write = media.context.db.write(lane, async move |tx| store::standings::upsert(tx, &changed).await);
    Ok(write.await?)
}
