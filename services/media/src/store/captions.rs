//! The texts of captions, and the list of them that each item has.
//!
//! Invariant: a row exists for each entry of its item's list, because they change in one transaction.

use chrono::{DateTime, Utc};
use contract::MediaId;
use db::{Error, FromQueryResult, Sql, Tx};

use super::items::{COLUMNS, first};
use crate::model::Item;
use crate::model::captions::{Captions, LanguageTag, NewCaptions, to_column};

/// A stored text.
#[derive(Debug, FromQueryResult)]
pub(crate) struct CaptionText {
    pub content: String,
    pub etag: String,
}

const PUT: &str = "
    insert into caption (item, lang, content, etag, updated_at)
    values ($1, $2, $3, $4, $5)
    on conflict (item, lang) do update
       set content = $3,
           etag = $4,
           updated_at = $5";

/// Inserts the text of captions, or replaces it.
pub(crate) async fn put(tx: &Tx, id: &MediaId, captions: &NewCaptions, now: DateTime<Utc>) -> Result<(), Error> {
    let values = vec![
        id.as_str().into(),
        captions.lang.as_str().into(),
        captions.text.clone().into(),
        captions.etag().into(),
        now.into(),
    ];
    tx.execute(PUT, values).await.map(drop)
}

const FIND: &str = "
    select content, etag
      from caption
     where item = $1
       and lang = $2";

/// Returns the text of an item's captions in a language.
pub(crate) async fn find(sql: &impl Sql, id: &MediaId, lang: &LanguageTag) -> Result<Option<CaptionText>, Error> {
    sql.row(FIND, vec![id.as_str().into(), lang.as_str().into()]).await
}

/// Sets the list of captions that the item `old` has.
pub(crate) async fn set_list(
    tx: &Tx,
    old: &Item,
    captions: &[Captions],
    now: DateTime<Utc>,
) -> Result<Option<Item>, Error> {
    let text = format!(
        "update item
            set captions = $3,
                version = version + 1,
                indexed_version = case when indexed_version = version then version + 1 else indexed_version end,
                updated_at = $4
          where id = $1
            and owner = $2
         returning {COLUMNS}"
    );
    let column = to_column(captions).ok_or(Error::Corrupt("an item's captions"))?;
    let values = vec![old.id.as_str().into(), old.owner.to_string().into(), column.into(), now.into()];
    first(tx.row(&text, values).await?)
}

const REMOVE: &str = "
    delete from caption
     where item = $1
       and lang = $2";

/// Removes the text in one language.
pub(crate) async fn remove(tx: &Tx, id: &MediaId, lang: &LanguageTag) -> Result<(), Error> {
    tx.execute(REMOVE, vec![id.as_str().into(), lang.as_str().into()]).await.map(drop)
}

/// Removes all texts of an item.
pub(crate) async fn remove_all(tx: &Tx, id: &MediaId) -> Result<(), Error> {
    tx.execute("delete from caption where item = $1", vec![id.as_str().into()]).await.map(drop)
}
