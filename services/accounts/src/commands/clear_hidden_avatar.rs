//! Removing a photo that others may not see any more from the profile that shows it.
//!
//! Invariant: what counts is what media says now, so a late event about an earlier state changes nothing. A photo that
//! is shared again, or restored from the trash, does not come back by itself.

use contract::MediaId;
use contract::media::FindReceived;

use super::clear_avatar::clear_avatar;
use crate::error::Error;
use crate::state::Accounts;
use crate::{model, store};

/// Removes the photo `media` from the profile that shows it, if others may not see it. Returns whether it did.
pub(crate) async fn clear_hidden_avatar(accounts: &Accounts, media: MediaId) -> Result<bool, Error> {
    let Some(owner) = store::accounts::find_by_avatar(accounts.context.db.read(), &media).await? else {
        return Ok(false);
    };
    // Without a URL of the media role, the event is all that is known.
    if accounts.context.peers.knows("media") {
        let item = accounts.context.peers.ask(&FindReceived(media.clone())).await?;
        if model::check_avatar(item.as_ref(), owner).is_ok() {
            return Ok(false);
        }
    }
    clear_avatar(accounts, owner, media).await?;
    Ok(true)
}
