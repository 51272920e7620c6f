//! What an export of a member's data reads: all items of an owner, in whatever list, their captions, and open uploads.
//!
//! Does not own the albums and the links ([`super::albums`], [`super::share_links`]). Invariant: each query names the
//! owner, and pages by key.

use chrono::{DateTime, Utc};
use contract::AccountId;
use db::{Error, FromQueryResult, Sql};

use super::items::{COLUMNS, Row};
use super::to_bigint;
use crate::model::Item;

/// Returns the items of an owner whose ids are above `after`, in the order of their ids.
pub(crate) async fn list_items(
    sql: &impl Sql,
    owner: AccountId,
    after: &str,
    limit: usize,
) -> Result<Vec<Item>, Error> {
    let text = format!(
        "select {COLUMNS}
           from item
          where owner = $1
            and id > $2
          order by id
          limit $3"
    );
    let rows: Vec<Row> = sql.rows(&text, vec![owner.to_string().into(), after.into(), to_bigint(limit as u64)]).await?;
    rows.into_iter().map(Item::try_from).collect()
}

/// Captions of an item, with their text.
#[derive(Debug, FromQueryResult)]
pub(crate) struct CaptionRow {
    pub item: String,
    pub lang: String,
    pub content: String,
    pub updated_at: DateTime<Utc>,
}

const CAPTIONS: &str = "
    select caption.item, caption.lang, caption.content, caption.updated_at
      from item
      join caption
        on caption.item = item.id
     where item.owner = $1
       and item.id >= $2
       and (caption.item > $2 or caption.lang > $3)
     order by item.id, caption.lang
     limit $4";

/// Returns the captions of an owner's items after those of an item in a language.
pub(crate) async fn list_captions(
    sql: &impl Sql,
    owner: AccountId,
    (item, lang): (&str, &str),
    limit: usize,
) -> Result<Vec<CaptionRow>, Error> {
    let values = vec![owner.to_string().into(), item.into(), lang.into(), to_bigint(limit as u64)];
    sql.rows(CAPTIONS, values).await
}

/// An upload that is not complete.
#[derive(Debug, FromQueryResult)]
pub(crate) struct UploadRow {
    pub id: String,
    pub name: String,
    pub description: String,
    pub alt: String,
    pub visibility: String,
    pub length: i64,
    pub received: i64,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

const UPLOADS: &str = "
    select id, name, description, alt, visibility, length, received, created_at, expires_at
      from upload
     where owner = $1
       and item is null
       and id > $2
     order by id
     limit $3";

/// Returns the open uploads of an owner whose ids are above `after`, in the order of their ids.
pub(crate) async fn list_uploads(
    sql: &impl Sql,
    owner: AccountId,
    after: &str,
    limit: usize,
) -> Result<Vec<UploadRow>, Error> {
    sql.rows(UPLOADS, vec![owner.to_string().into(), after.into(), to_bigint(limit as u64)]).await
}
