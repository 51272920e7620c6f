//! Takes over whether a member's profile is private.
//!
//! Invariant: an account that was erased leaves no row, however late the event arrives.

use contract::accounts::PrivacyChanged;
use db::Lane;

use crate::Media;
use crate::error::Error;
use crate::store;

/// Records whether the public items of a member are listed for others.
pub(crate) async fn set_privacy(media: &Media, event: PrivacyChanged) -> Result<(), Error> {
    let lane = Lane::of(&event.account);
    media
        .context
        .db
        .write(lane, async move |tx| {
            let is_closed = store::usage::find(tx, event.account).await?.is_some_and(|usage| usage.closed);
            if !is_closed {
                store::private_members::set(tx, event.account, event.is_private, event.at).await?;
            }
            Ok::<_, Error>(())
        })
        .await
}
