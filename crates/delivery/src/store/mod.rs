//! The only SQL of this role.
//!
//! Invariant: announcements may come twice and in any order: facts are upserted, never counted, and nothing is written for
//! an item that is gone.

mod images;
mod items;
#[cfg(test)]
mod plans;
mod published;

pub(crate) use images::{Image, evict_images, find_image, image_bytes, insert_image, remove_image, touch_image};
pub(crate) use items::{find_item, forget_gone, insert_item, is_gone, remove_item, update_item};
pub(crate) use published::{list_published, upsert_published};

use contract::ObjectKey;
use kit::db::{Error, FromQueryResult, Value};
use kit::objects::Names;

/// The columns that name objects: what others announced, and the pictures that were made here.
pub(crate) const NAMES: &[Names] =
    &[Names::whole("item", "object"), Names::whole("rendition", "init"), Names::whole("segment", "object"), Names::whole("asset", "object"), Names::whole("image", "object")];

/// Rows of one multi-row insert: six values each stay far below SQLite's 32,766.
const ROWS: usize = 1000;

#[derive(FromQueryResult)]
struct ObjectRow {
    object: String,
}

fn keys(rows: &[ObjectRow]) -> Result<Vec<ObjectKey>, Error> {
    rows.iter().map(|row| key(&row.object)).collect()
}

fn key(text: &str) -> Result<ObjectKey, Error> {
    text.parse().map_err(|_| Error::Corrupt("object"))
}

fn count(number: u64) -> Value {
    i64::try_from(number).unwrap_or(i64::MAX).into()
}

fn small(number: i64) -> u32 {
    u32::try_from(number).unwrap_or(0)
}
