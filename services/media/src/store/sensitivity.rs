//! The marks of items: what classifiers score, and what owners and moderators say.
//!
//! Each write is one statement that touches no other column, so it commutes with all other writes of an item.
//! Invariant: the version of the marks increases exactly when one of them changes.

use chrono::{DateTime, Utc};
use contract::MediaId;
use db::{Error, Sql as _, Tx};
use screening::classifier::Score;

use super::items::{COLUMNS, first};
use crate::model::Item;

/// Stores what a classifier has scored an item. Returns the item if that is news.
pub(crate) async fn set_nudity(
    tx: &Tx,
    id: &MediaId,
    nudity: Score,
    model: &str,
    now: DateTime<Utc>,
) -> Result<Option<Item>, Error> {
    let text = format!(
        "update item
            set nudity = $2,
                nudity_model = $3,
                sensitivity_version = sensitivity_version + 1,
                updated_at = $4
          where id = $1
            and (nudity is null or nudity <> $2 or nudity_model <> $3)
         returning {COLUMNS}"
    );
    let values = vec![id.as_str().into(), i64::from(nudity.thousandths()).into(), model.into(), now.into()];
    first(tx.row(&text, values).await?)
}

/// Stores what the owner says of an item. Returns the item if that is news.
pub(crate) async fn set_owner_mark(
    tx: &Tx,
    id: &MediaId,
    is_sensitive: bool,
    now: DateTime<Utc>,
) -> Result<Option<Item>, Error> {
    let text = format!(
        "update item
            set owner_mark = $2,
                sensitivity_version = sensitivity_version + 1,
                updated_at = $3
          where id = $1
            and (owner_mark is null or owner_mark <> $2)
         returning {COLUMNS}"
    );
    first(tx.row(&text, vec![id.as_str().into(), is_sensitive.into(), now.into()]).await?)
}

/// Stores what a moderator says of an item; `None` takes it back. Returns the item if that is news.
pub(crate) async fn set_moderator_mark(
    tx: &Tx,
    id: &MediaId,
    is_sensitive: Option<bool>,
    now: DateTime<Utc>,
) -> Result<Option<Item>, Error> {
    // Words of the statement and no parameter: PostgreSQL can't tell the type of a null that is only compared.
    let (assigned, condition) = match is_sensitive {
        Some(true) => ("true", "(moderator_mark is null or not moderator_mark)"),
        Some(false) => ("false", "(moderator_mark is null or moderator_mark)"),
        None => ("null", "moderator_mark is not null"),
    };
    let text = format!(
        "update item
            set moderator_mark = {assigned},
                sensitivity_version = sensitivity_version + 1,
                updated_at = $2
          where id = $1
            and {condition}
         returning {COLUMNS}"
    );
    first(tx.row(&text, vec![id.as_str().into(), now.into()]).await?)
}
