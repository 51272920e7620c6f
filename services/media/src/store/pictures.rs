//! The perceptual hashes of what items show.
//!
//! Does not own the list that they are compared with ([`super::listed_pictures`]). Invariant: the first picture of an
//! item is the photo itself, or the poster.

use contract::MediaId;
use db::{Error, FromQueryResult, Sql, Tx, Value, placeholders};
use screening::pdq::{Pdq, Variants};

use super::{from_bigint, to_bigint};

/// The characters of a hash.
const HASH_CHARS: usize = 64;
/// The values of a row.
const COLUMNS: usize = 4;

/// A picture of an item.
#[derive(Debug, Clone)]
pub(crate) struct ItemPicture {
    pub item: MediaId,
    pub hashes: Variants,
}

#[derive(FromQueryResult)]
struct Row {
    item: String,
    quality: i64,
    hashes: String,
}

impl TryFrom<Row> for ItemPicture {
    type Error = Error;
    fn try_from(row: Row) -> Result<Self, Error> {
        let corrupt = || Error::Corrupt("the hashes of a picture");
        let words =
            row.hashes.as_bytes().chunks(HASH_CHARS).map(|hash| std::str::from_utf8(hash).ok()?.parse::<Pdq>().ok());
        let hashes: Vec<Pdq> = words.collect::<Option<_>>().ok_or_else(corrupt)?;
        Ok(Self {
            item: row.item.try_into().map_err(|_| Error::Corrupt("a picture's item"))?,
            hashes: Variants {
                hashes: hashes.try_into().map_err(|_| corrupt())?,
                quality: from_bigint(row.quality, "a picture's quality")?,
            },
        })
    }
}

/// Inserts the pictures of an item, unless they are known.
pub(crate) async fn insert_all(tx: &Tx, item: &MediaId, pictures: &[Variants]) -> Result<(), Error> {
    if pictures.is_empty() {
        return Ok(());
    }
    let mut values: Vec<Value> = Vec::with_capacity(pictures.len() * COLUMNS);
    for (number, picture) in (0..).zip(pictures) {
        let hashes: String = picture.hashes.iter().map(ToString::to_string).collect();
        values.extend([item.as_str().into(), to_bigint(number), i64::from(picture.quality).into(), hashes.into()]);
    }
    let text = format!(
        "insert into item_picture (item, number, quality, hashes)
         values {}
         on conflict do nothing",
        placeholders(pictures.len(), COLUMNS)
    );
    tx.execute(&text, values).await.map(drop)
}

const LIST: &str = "
    select item, quality, hashes
      from item_picture
     where item = $1
     order by number";

/// Returns the pictures of an item, in their order.
pub(crate) async fn list(sql: &impl Sql, item: &MediaId) -> Result<Vec<ItemPicture>, Error> {
    let rows: Vec<Row> = sql.rows(LIST, vec![item.as_str().into()]).await?;
    rows.into_iter().map(ItemPicture::try_from).collect()
}

const LIST_BEHIND: &str = "
    select item, quality, hashes
      from item_picture
     where item > $1
     order by item, number
     limit $2";

/// Returns pictures of the items behind an id, in the order of the ids: all of each item but of the last one, if there
/// are `limit`.
pub(crate) async fn list_behind(sql: &impl Sql, after: &str, limit: usize) -> Result<Vec<ItemPicture>, Error> {
    let rows: Vec<Row> = sql.rows(LIST_BEHIND, vec![after.into(), to_bigint(limit as u64)]).await?;
    rows.into_iter().map(ItemPicture::try_from).collect()
}

/// Removes the pictures of an item.
pub(crate) async fn remove_all(tx: &Tx, item: &MediaId) -> Result<(), Error> {
    tx.execute("delete from item_picture where item = $1", vec![item.as_str().into()]).await.map(drop)
}
