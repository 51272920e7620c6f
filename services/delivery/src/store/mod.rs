//! The only SQL of this service.
//!
//! Invariant: announcements may arrive twice and in any order. Facts are upserted, never counted, and nothing is
//! written for a deleted item.

mod images;
mod items;
mod published;
#[cfg(test)]
mod query_plans;
mod standings;

pub(crate) use images::{
    Image, find_image, insert_image, remove_image, remove_least_recently_read, set_image_read_at, sum_image_bytes,
};
pub(crate) use items::{
    find_item, insert_item, is_deleted, remove_item, remove_tombstones, replace_original, update_item,
};
pub(crate) use published::{list_published, upsert_published};
pub(crate) use standings::{ERASED_VERSION, find_standing, remove_erased, upsert_standing};

use contract::ObjectKey;
use db::{Error, FromQueryResult, Value};
use objects::ObjectColumn;

/// The columns that name objects: those of other services, and the images that were rendered here.
pub(crate) const OBJECT_COLUMNS: &[ObjectColumn] = &[
    ObjectColumn::whole("item", "object"),
    ObjectColumn::whole("rendition", "init"),
    ObjectColumn::whole("segment", "object"),
    ObjectColumn::whole("asset", "object"),
    ObjectColumn::whole("image", "object"),
];

/// Rows of one multi-row insert: with six values each they stay far below the 32,766 of SQLite.
const MAX_ROWS_PER_INSERT: usize = 1000;

#[derive(FromQueryResult)]
struct ObjectRow {
    object: String,
}

fn parse_keys(rows: &[ObjectRow]) -> Result<Vec<ObjectKey>, Error> {
    rows.iter().map(|row| parse_key(&row.object)).collect()
}

fn parse_key(text: &str) -> Result<ObjectKey, Error> {
    text.parse().map_err(|_| Error::Corrupt("object"))
}

fn to_bigint(number: u64) -> Value {
    i64::try_from(number).unwrap_or(i64::MAX).into()
}

fn to_u32(number: i64) -> u32 {
    u32::try_from(number).unwrap_or(0)
}
