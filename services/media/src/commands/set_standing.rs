//! Records that a member was limited, suspended or restored.
//!
//! Invariant: an older event that arrives late changes nothing, and an account that was erased leaves no row, however
//! late the event arrives.

use contract::accounts::StandingChanged;
use db::Lane;

use crate::Media;
use crate::error::Error;
use crate::store;

/// Records the standing of a member.
pub(crate) async fn set_standing(media: &Media, changed: StandingChanged) -> Result<(), Error> {
    let lane = Lane::of(&changed.account);
    media
        .context
        .db
        .write(lane, async move |tx| {
            let is_closed = store::usage::find(tx, changed.account).await?.is_some_and(|usage| usage.closed);
            if !is_closed {
                store::standings::upsert(tx, &changed).await?;
            }
            Ok::<_, Error>(())
        })
        .await
}
