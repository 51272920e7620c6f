//! Revokes a link.
//!
//! Invariant: from then on the link opens nothing. URLs that it has opened before last for an hour at most.

use contract::{AccountId, MediaId};
use db::Lane;
use uuid::Uuid;

use crate::Media;
use crate::error::Error;
use crate::store;

/// Revokes a link to an item of this owner.
pub(crate) async fn revoke_share_link(
    media: &Media,
    item: &MediaId,
    link: Uuid,
    owner: AccountId,
) -> Result<(), Error> {
    let (item, link) = (item.clone(), link.to_string());
    media
        .context
        .db
        .write(Lane::of(&owner), async move |tx| {
            store::items::find_owned(tx, &item, owner).await?.ok_or(Error::NotFound)?;
            if store::share_links::remove(tx, &link, &item, owner).await? { Ok(()) } else { Err(Error::NoSuchLink) }
        })
        .await
}
