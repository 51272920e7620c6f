//! The table of rendered images.
//!
//! Invariant: the key of an image is held until its row exists, and its object is an orphan once the row is removed.

use chrono::{DateTime, Utc};
use contract::{MediaId, ObjectKey};
use db::{Error, FromQueryResult, Sql, Tx};
use objects::orphans;

use super::{parse_key, to_bigint};

/// A rendered image.
#[derive(Debug, Clone)]
pub(crate) struct Image {
    pub object: ObjectKey,
    pub bytes: u64,
    pub read_at: DateTime<Utc>,
}

#[derive(FromQueryResult)]
struct ImageRow {
    object: String,
    bytes: i64,
    read_at: DateTime<Utc>,
}

const FIND: &str = "
    select object, bytes, read_at
      from image
     where item = $1
       and variant = $2";

pub(crate) async fn find_image(db: &impl Sql, id: &MediaId, variant: &str) -> Result<Option<Image>, Error> {
    let row: Option<ImageRow> = db.row(FIND, vec![id.as_str().into(), variant.into()]).await?;
    row.map(|row| Ok(Image { object: parse_key(&row.object)?, bytes: row.bytes.unsigned_abs(), read_at: row.read_at }))
        .transpose()
}

const INSERT: &str = "
    insert into image (item, variant, object, bytes, read_at)
    select $1, $2, $3, $4, $5
     where exists (select 1 from item where id = $1)
        on conflict do nothing";

/// Inserts a stored image for its variant. Returns `false` if the item was deleted or another process was faster. Its
/// key must be held.
pub(crate) async fn insert_image(tx: &Tx, id: &MediaId, variant: &str, image: &Image) -> Result<bool, Error> {
    let values = vec![
        id.as_str().into(),
        variant.into(),
        image.object.as_str().into(),
        to_bigint(image.bytes),
        image.read_at.into(),
    ];
    let inserted = tx.execute(INSERT, values).await?;
    if inserted == 1 {
        orphans::mark_all_referenced(tx, std::slice::from_ref(&image.object)).await?;
    }
    Ok(inserted == 1)
}

const REMOVE: &str = "
    delete from image
     where item = $1
       and variant = $2
       and object = $3";

/// Removes an image whose object is missing.
pub(crate) async fn remove_image(tx: &Tx, id: &MediaId, variant: &str, object: &ObjectKey) -> Result<u64, Error> {
    tx.execute(REMOVE, vec![id.as_str().into(), variant.into(), object.as_str().into()]).await
}

const SET_READ_AT: &str = "
    update image
       set read_at = $3
     where item = $1
       and variant = $2";

/// Sets the time of the last read of an image.
pub(crate) async fn set_image_read_at(tx: &Tx, id: &MediaId, variant: &str, now: DateTime<Utc>) -> Result<u64, Error> {
    tx.execute(SET_READ_AT, vec![id.as_str().into(), variant.into(), now.into()]).await
}

const SUM_BYTES: &str = "
    select cast(sum(bytes) as bigint) as bytes
      from image";

#[derive(FromQueryResult)]
struct Sum {
    bytes: Option<i64>,
}

/// Returns the bytes of all images.
pub(crate) async fn sum_image_bytes(db: &impl Sql) -> Result<u64, Error> {
    let sum: Option<Sum> = db.row(SUM_BYTES, vec![]).await?;
    Ok(sum.and_then(|sum| sum.bytes).unwrap_or(0).unsigned_abs())
}

#[derive(FromQueryResult)]
struct EvictedRow {
    item: String,
    object: String,
    bytes: i64,
}

const REMOVE_LEAST_RECENTLY_READ: &str = "
    delete from image
     where (item, variant) in (
         select item, variant
           from image
          order by read_at
          limit $1
     )
    returning item, object, bytes";

/// Removes the `limit` least recently read images; their objects become orphans. Returns their items, objects and sizes
/// in bytes.
pub(crate) async fn remove_least_recently_read(
    tx: &Tx,
    limit: u64,
    now: DateTime<Utc>,
) -> Result<Vec<(String, ObjectKey, u64)>, Error> {
    let rows: Vec<EvictedRow> = tx.rows(REMOVE_LEAST_RECENTLY_READ, vec![to_bigint(limit)]).await?;
    let evicted: Vec<_> = rows
        .into_iter()
        .map(|row| Ok((row.item, parse_key(&row.object)?, row.bytes.unsigned_abs())))
        .collect::<Result<_, Error>>()?;
    let objects: Vec<_> = evicted.iter().map(|(_, object, _)| object.clone()).collect();
    orphans::mark_orphaned(tx, &objects, now).await?;
    Ok(evicted)
}
