//! The trash: items that are removed, and can be restored until their time is up.
//!
//! Does not own its pages, which [`super::library`] reads, nor what is due ([`super::due`]). Invariant: an item keeps
//! its search terms, its object and its charge while it is in the trash, so restoring it is one statement.

use chrono::{DateTime, Utc};
use contract::MediaId;
use contract::media::Visibility;
use db::{Error, Sql as _, Tx};

use super::items::{COLUMNS, first};
use crate::model::library::Listing;
use crate::model::{Item, Trashed};

/// Moves an item to the trash. Returns `None` if it is there already, or is gone.
pub(crate) async fn set_trashed(tx: &Tx, id: &MediaId, entry: Trashed) -> Result<Option<Item>, Error> {
    let text = format!(
        "update item
            set listing = $2,
                removed_at = $3,
                purges_at = $4,
                version = version + 1,
                indexed_version = case when indexed_version = version then version + 1 else indexed_version end,
                updated_at = $3
          where id = $1
            and removed_at is null
         returning {COLUMNS}"
    );
    let values =
        vec![id.as_str().into(), Listing::Trash.as_str().into(), entry.removed_at.into(), entry.purges_at.into()];
    first(tx.row(&text, values).await?)
}

/// Restores an item from the trash to this list, with this visibility. Returns `None` if it is not there.
pub(crate) async fn set_restored(
    tx: &Tx,
    id: &MediaId,
    listing: Listing,
    visibility: Visibility,
    now: DateTime<Utc>,
) -> Result<Option<Item>, Error> {
    let text = format!(
        "update item
            set listing = $2,
                visibility = $4,
                removed_at = null,
                purges_at = null,
                version = version + 1,
                indexed_version = case when indexed_version = version then version + 1 else indexed_version end,
                updated_at = $3
          where id = $1
            and removed_at is not null
         returning {COLUMNS}"
    );
    let values = vec![id.as_str().into(), listing.as_str().into(), now.into(), visibility.as_str().into()];
    first(tx.row(&text, values).await?)
}
