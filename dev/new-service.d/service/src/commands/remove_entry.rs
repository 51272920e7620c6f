//! Removing an entry.
//!
//! Invariant: only its owner removes an entry.

use contract::AccountId;
use db::Lane;
use uuid::Uuid;

use crate::error::Error;
use crate::state::NewService;
use crate::store;

/// Removes an entry of a member.
pub(crate) async fn remove_entry(newservice: &NewService, owner: AccountId, id: Uuid) -> Result<(), Error> {
    let removed = newservice
        .context
        .db
        .write(Lane::of(&owner), async move |tx| Ok::<_, Error>(store::entries::remove(tx, owner, id).await?))
        .await?;
    if removed { Ok(()) } else { Err(Error::NotFound) }
}
