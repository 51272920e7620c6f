//! The table of announced items, and the tombstones of deleted ones.
//!
//! Invariant: a deleted item is never written again, however late its announcements arrive.

use chrono::{DateTime, Utc};
use contract::media::{CaptionTrack, Changed, Patch, Received, Recompressed};
use contract::{AccountId, MediaId, ObjectKey};
use db::{Error, FromQueryResult, Sql, Tx, Value};
use objects::orphans;

use super::{ObjectRow, parse_key, parse_keys, to_bigint};
use crate::model::Item;
use crate::model::item::overlays;

const INSERT: &str = "
    insert into item (
        id, owner, kind, format, content_type, name, bytes, sha256, object, scrub, visibility, width, height,
        orientation, version, created_at, trashed, captions
    )
    select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18
     where not exists (select 1 from tombstone where item = $1)
        on conflict (id) do nothing";

/// Inserts an item unless it exists or was deleted. Returns whether it did. `version` is that of the last change that
/// the item includes.
pub(crate) async fn insert_item(tx: &Tx, received: &Received, version: u64) -> Result<bool, Error> {
    let values = vec![
        received.id.as_str().into(),
        received.owner.to_string().into(),
        received.kind.as_str().into(),
        received.format.clone().into(),
        received.content_type.clone().into(),
        received.name.clone().into(),
        to_bigint(received.bytes),
        received.sha256.clone().into(),
        received.object.as_str().into(),
        scrub_column(received.scrub.as_deref())?,
        received.visibility.as_str().into(),
        received.width.map(i64::from).into(),
        received.height.map(i64::from).into(),
        i64::from(received.orientation).into(),
        to_bigint(version),
        received.created_at.into(),
        received.trashed.into(),
        captions_column(&received.captions)?,
    ];
    Ok(tx.execute(INSERT, values).await? == 1)
}

fn scrub_column(scrub: Option<&[Patch]>) -> Result<Value, Error> {
    let scrub = scrub.map(serde_json::to_string).transpose().map_err(|_| Error::Corrupt("scrub"))?;
    Ok(scrub.into())
}

fn captions_column(captions: &[CaptionTrack]) -> Result<Value, Error> {
    serde_json::to_string(captions).map(Into::into).map_err(|_| Error::Corrupt("captions"))
}

const UPDATE: &str = "
    update item
       set name = $2, visibility = $3, version = $4, trashed = $5, captions = $6
     where id = $1
       and version < $4";

/// Applies a change if it is newer than the row. Returns `false` if the item does not exist.
pub(crate) async fn update_item(tx: &Tx, changed: &Changed) -> Result<bool, Error> {
    let values = vec![
        changed.id.as_str().into(),
        changed.name.clone().into(),
        changed.visibility.as_str().into(),
        to_bigint(changed.version),
        changed.trashed.into(),
        captions_column(&changed.captions)?,
    ];
    if tx.execute(UPDATE, values).await? > 0 {
        return Ok(true);
    }
    Ok(find_item(tx, &changed.id).await?.is_some())
}

const REPLACE_ORIGINAL: &str = "
    update item
       set object = $3,
           bytes = $4,
           sha256 = $5,
           scrub = $6
     where id = $1
       and object = $2";

/// Replaces the original of an item, if it is the one that was replaced. Returns `false` if the item does not exist.
pub(crate) async fn replace_original(tx: &Tx, recompressed: &Recompressed) -> Result<bool, Error> {
    let values = vec![
        recompressed.id.as_str().into(),
        recompressed.replaced.as_str().into(),
        recompressed.object.as_str().into(),
        to_bigint(recompressed.bytes),
        recompressed.sha256.clone().into(),
        scrub_column(recompressed.scrub.as_deref())?,
    ];
    if tx.execute(REPLACE_ORIGINAL, values).await? > 0 {
        return Ok(true);
    }
    Ok(find_item(tx, &recompressed.id).await?.is_some())
}

#[derive(FromQueryResult)]
struct ItemRow {
    owner: String,
    kind: String,
    format: String,
    content_type: String,
    name: String,
    bytes: i64,
    sha256: String,
    object: String,
    scrub: Option<String>,
    visibility: String,
    width: Option<i64>,
    height: Option<i64>,
    orientation: i64,
    trashed: bool,
    captions: String,
    created_at: DateTime<Utc>,
}

const FIND: &str = "
    select owner, kind, format, content_type, name, bytes, sha256, object, scrub, visibility, width, height,
           orientation, created_at, trashed, captions
      from item
     where id = $1";

pub(crate) async fn find_item(db: &impl Sql, id: &MediaId) -> Result<Option<Item>, Error> {
    let row: Option<ItemRow> = db.row(FIND, vec![id.as_str().into()]).await?;
    row.map(|row| item(id, row)).transpose()
}

fn item(id: &MediaId, row: ItemRow) -> Result<Item, Error> {
    let announced: Option<Vec<Patch>> =
        row.scrub.map(|text| serde_json::from_str(&text)).transpose().map_err(|_| Error::Corrupt("scrub"))?;
    let side = |side: Option<i64>| side.and_then(|side| u32::try_from(side).ok());
    Ok(Item {
        id: id.clone(),
        owner: AccountId(row.owner.parse().map_err(|_| Error::Corrupt("owner"))?),
        kind: row.kind.parse().map_err(|_| Error::Corrupt("kind"))?,
        format: row.format,
        content_type: row.content_type,
        name: row.name,
        bytes: row.bytes.unsigned_abs(),
        sha256: row.sha256,
        object: parse_key(&row.object)?,
        scrub: announced.as_deref().and_then(overlays),
        visibility: row.visibility.parse().map_err(|_| Error::Corrupt("visibility"))?,
        size: side(row.width).zip(side(row.height)),
        orientation: u8::try_from(row.orientation).unwrap_or(1),
        trashed: row.trashed,
        captions: serde_json::from_str(&row.captions).map_err(|_| Error::Corrupt("captions"))?,
        created_at: row.created_at,
    })
}

#[derive(FromQueryResult)]
struct TombstoneRow {
    #[allow(dead_code)]
    item: String,
}

const FIND_TOMBSTONE: &str = "
    select item
      from tombstone
     where item = $1";

/// Returns whether the item was deleted.
pub(crate) async fn is_deleted(db: &impl Sql, id: &MediaId) -> Result<bool, Error> {
    let row: Option<TombstoneRow> = db.row(FIND_TOMBSTONE, vec![id.as_str().into()]).await?;
    Ok(row.is_some())
}

const INSERT_TOMBSTONE: &str = "
    insert into tombstone (item, since)
    values ($1, $2)
        on conflict do nothing";

const REMOVE_IMAGES: &str = "
    delete from image
     where item = $1
    returning object";

const REMOVE_FACTS: [&str; 4] = [
    "delete from item where id = $1",
    "delete from rendition where item = $1",
    "delete from segment where item = $1",
    "delete from asset where item = $1",
];

/// Removes everything about an item and inserts its tombstone. Its rendered images become orphans. Returns their
/// objects.
pub(crate) async fn remove_item(tx: &Tx, id: &MediaId, now: DateTime<Utc>) -> Result<Vec<ObjectKey>, Error> {
    let values = || vec![Value::from(id.as_str())];
    tx.execute(INSERT_TOMBSTONE, vec![id.as_str().into(), now.into()]).await?;
    let images: Vec<ObjectRow> = tx.rows(REMOVE_IMAGES, values()).await?;
    let objects = parse_keys(&images)?;
    orphans::mark_orphaned(tx, &objects, now).await?;
    for text in REMOVE_FACTS {
        tx.execute(text, values()).await?;
    }
    Ok(objects)
}

const REMOVE_TOMBSTONES: &str = "
    delete from tombstone
     where item in (
         select item
           from tombstone
          where since < $1
          order by since
          limit $2
     )";

/// Removes the `limit` oldest tombstones from before a time. Returns how many there were.
pub(crate) async fn remove_tombstones(tx: &Tx, before: DateTime<Utc>, limit: u64) -> Result<u64, Error> {
    tx.execute(REMOVE_TOMBSTONES, vec![before.into(), to_bigint(limit)]).await
}
