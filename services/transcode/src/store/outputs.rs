//! The outputs: the tables `rendition`, `segment`, `asset` and `tiles`.
//!
//! Invariant: a segment and a header are inserted once and never changed.

use contract::transcode::{Asset, Published, Rendition, Segment};
use contract::{MediaId, ObjectKey};
use db::{Error, FromQueryResult, Sql, Tx, placeholders};

use super::values::{json, key, number, text};

/// The stored storyboard tiles of one chunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TileSet {
    pub chunk: u32,
    pub object: ObjectKey,
    pub count: u32,
}

/// A rendition, and the header that its chunks must share.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StoredRendition {
    pub rendition: Rendition,
    /// The header's bytes, hexadecimal, without what may differ.
    pub header: String,
}

#[derive(FromQueryResult)]
struct RenditionRow {
    body: String,
    header: String,
}

#[derive(FromQueryResult)]
struct SegmentRow {
    rendition: String,
    number: i64,
    duration_us: i64,
    object: String,
    bytes: i64,
}

#[derive(FromQueryResult)]
struct AssetRow {
    name: String,
    content_type: String,
    object: String,
    bytes: i64,
}

#[derive(FromQueryResult)]
struct TilesRow {
    chunk: i64,
    object: String,
    count: i64,
}

#[derive(FromQueryResult)]
struct ObjectRow {
    object: String,
}

#[derive(FromQueryResult)]
struct NumberRow {
    number: i64,
}

#[derive(FromQueryResult)]
struct NameRow {
    name: String,
}

const FIND_RENDITION: &str = "
    select body, header
      from rendition
     where media = $1
       and name = $2";

/// Returns a rendition by its name.
pub(crate) async fn find_rendition(
    sql: &impl Sql,
    media: &MediaId,
    name: &str,
) -> Result<Option<StoredRendition>, Error> {
    let row: Option<RenditionRow> = sql.row(FIND_RENDITION, vec![text(media.as_str()), text(name)]).await?;
    row.map(stored_rendition).transpose()
}

fn stored_rendition(row: RenditionRow) -> Result<StoredRendition, Error> {
    Ok(StoredRendition {
        rendition: serde_json::from_str(&row.body).map_err(|_| Error::Corrupt("a rendition"))?,
        header: row.header,
    })
}

const UPSERT_RENDITION: &str = "
    insert into rendition (media, name, track, body, header)
    values ($1, $2, $3, $4, $5)
        on conflict (media, name) do update
       set body = excluded.body";

/// Inserts a rendition, or overwrites its description (never its header).
pub(crate) async fn upsert_rendition(tx: &Tx, media: &MediaId, stored: &StoredRendition) -> Result<(), Error> {
    let track = json(&stored.rendition.track)?;
    tx.execute(
        UPSERT_RENDITION,
        vec![text(media.as_str()), text(&stored.rendition.name), track, json(&stored.rendition)?, text(&stored.header)],
    )
    .await?;
    Ok(())
}

const RENDITIONS: &str = "
    select body, header
      from rendition
     where media = $1
     order by name";

/// Returns an item's renditions, ordered by name.
pub(crate) async fn list_renditions(sql: &impl Sql, media: &MediaId) -> Result<Vec<Rendition>, Error> {
    let rows: Vec<RenditionRow> = sql.rows(RENDITIONS, vec![text(media.as_str())]).await?;
    rows.into_iter().map(|row| Ok(stored_rendition(row)?.rendition)).collect()
}

/// Inserts segments; existing ones stay, and the redundant objects of the new ones are returned.
pub(crate) async fn insert_segments(tx: &Tx, media: &MediaId, segments: &[Segment]) -> Result<Vec<ObjectKey>, Error> {
    let mut unused = Vec::new();
    for chunk in segments.chunks(500) {
        let mut values = Vec::with_capacity(chunk.len() * 6);
        for segment in chunk {
            values.extend([
                text(media.as_str()),
                text(&segment.rendition),
                i64::from(segment.number).into(),
                number(segment.duration_us),
                text(segment.object.as_str()),
                number(segment.bytes),
            ]);
        }
        let inserted: Vec<ObjectRow> = tx
            .rows(
                &format!(
                    "
                    insert into segment (media, rendition, number, duration_us, object, bytes)
                    values {}
                        on conflict do nothing
                    returning object",
                    placeholders(chunk.len(), 6)
                ),
                values,
            )
            .await?;
        unused.extend(
            chunk
                .iter()
                .filter(|segment| !inserted.iter().any(|row| row.object == segment.object.as_str()))
                .map(|segment| segment.object.clone()),
        );
    }
    Ok(unused)
}

const NUMBERS: &str = "
    select number
      from segment
     where media = $1
       and rendition = $2
     order by number";

/// Returns the numbers of a rendition's existing segments.
pub(crate) async fn list_numbers(sql: &impl Sql, media: &MediaId, rendition: &str) -> Result<Vec<u32>, Error> {
    let rows: Vec<NumberRow> = sql.rows(NUMBERS, vec![text(media.as_str()), text(rendition)]).await?;
    Ok(rows.into_iter().filter_map(|row| u32::try_from(row.number).ok()).collect())
}

const STARTED: &str = "
    select rendition as name
      from segment
     where media = $1
       and number = 0";

/// Returns the renditions that have their first segment.
pub(crate) async fn list_started(sql: &impl Sql, media: &MediaId) -> Result<Vec<String>, Error> {
    let rows: Vec<NameRow> = sql.rows(STARTED, vec![text(media.as_str())]).await?;
    Ok(rows.into_iter().map(|row| row.name).collect())
}

const SEGMENTS: &str = "
    select rendition, number, duration_us, object, bytes
      from segment
     where media = $1
     order by rendition, number";

/// Returns an item's segments, ordered by rendition and number.
pub(crate) async fn list_segments(sql: &impl Sql, media: &MediaId) -> Result<Vec<Segment>, Error> {
    let rows: Vec<SegmentRow> = sql.rows(SEGMENTS, vec![text(media.as_str())]).await?;
    rows.into_iter()
        .map(|row| {
            Ok(Segment {
                rendition: row.rendition,
                number: u32::try_from(row.number).unwrap_or(0),
                duration_us: u64::try_from(row.duration_us).unwrap_or(0),
                object: key(&row.object)?,
                bytes: u64::try_from(row.bytes).unwrap_or(0),
            })
        })
        .collect()
}

const REMOVE_SEGMENT: &str = "
    delete from segment
     where media = $1
       and rendition = $2
       and number = $3";

/// Removes one segment's row.
pub(crate) async fn remove_segment(tx: &Tx, media: &MediaId, segment: &Segment) -> Result<(), Error> {
    tx.execute(REMOVE_SEGMENT, vec![text(media.as_str()), text(&segment.rendition), i64::from(segment.number).into()])
        .await?;
    Ok(())
}

const FIND_ASSET_OBJECT: &str = "
    select object
      from asset
     where media = $1
       and name = $2";

const UPSERT_ASSET: &str = "
    insert into asset (media, name, content_type, object, bytes)
    values ($1, $2, $3, $4, $5)
        on conflict (media, name) do update
       set content_type = excluded.content_type,
           object = excluded.object,
           bytes = excluded.bytes";

/// Inserts or replaces an asset; returns the object that it replaced.
pub(crate) async fn upsert_asset(tx: &Tx, media: &MediaId, asset: &Asset) -> Result<Option<ObjectKey>, Error> {
    let before: Option<ObjectRow> = tx.row(FIND_ASSET_OBJECT, vec![text(media.as_str()), text(&asset.name)]).await?;
    tx.execute(
        UPSERT_ASSET,
        vec![
            text(media.as_str()),
            text(&asset.name),
            text(&asset.content_type),
            text(asset.object.as_str()),
            number(asset.bytes),
        ],
    )
    .await?;
    before.filter(|row| row.object != asset.object.as_str()).map(|row| key(&row.object)).transpose()
}

const ASSETS: &str = "
    select name, content_type, object, bytes
      from asset
     where media = $1
     order by name";

/// Returns an item's assets, ordered by name.
pub(crate) async fn list_assets(sql: &impl Sql, media: &MediaId) -> Result<Vec<Asset>, Error> {
    let rows: Vec<AssetRow> = sql.rows(ASSETS, vec![text(media.as_str())]).await?;
    rows.into_iter()
        .map(|row| {
            Ok(Asset {
                name: row.name,
                content_type: row.content_type,
                object: key(&row.object)?,
                bytes: u64::try_from(row.bytes).unwrap_or(0),
            })
        })
        .collect()
}

const INSERT_TILES: &str = "
    insert into tiles (media, chunk, object, count)
    values ($1, $2, $3, $4)
        on conflict do nothing";

/// Inserts a chunk's tiles; returns `false` if they were there already.
pub(crate) async fn insert_tiles(tx: &Tx, media: &MediaId, tiles: &TileSet) -> Result<bool, Error> {
    let inserted = tx
        .execute(
            INSERT_TILES,
            vec![
                text(media.as_str()),
                i64::from(tiles.chunk).into(),
                text(tiles.object.as_str()),
                i64::from(tiles.count).into(),
            ],
        )
        .await?;
    Ok(inserted == 1)
}

const TILES: &str = "
    select chunk, object, count
      from tiles
     where media = $1
     order by chunk";

/// Returns an item's tiles, ordered by chunk.
pub(crate) async fn list_tiles(sql: &impl Sql, media: &MediaId) -> Result<Vec<TileSet>, Error> {
    let rows: Vec<TilesRow> = sql.rows(TILES, vec![text(media.as_str())]).await?;
    rows.into_iter()
        .map(|row| {
            Ok(TileSet {
                chunk: u32::try_from(row.chunk).unwrap_or(0),
                object: key(&row.object)?,
                count: u32::try_from(row.count).unwrap_or(0),
            })
        })
        .collect()
}

/// Removes the rows of an item's tiles.
pub(crate) async fn remove_tiles(tx: &Tx, media: &MediaId) -> Result<(), Error> {
    tx.execute("delete from tiles where media = $1", vec![text(media.as_str())]).await?;
    Ok(())
}

/// Removes every row of an item except the job's own.
pub(crate) async fn remove_outputs(tx: &Tx, media: &MediaId) -> Result<(), Error> {
    for table in ["task", "rendition", "segment", "asset", "tiles"] {
        tx.execute(&format!("delete from {table} where media = $1"), vec![text(media.as_str())]).await?;
    }
    Ok(())
}

/// Returns everything that can be read of an item.
pub(crate) async fn snapshot(sql: &impl Sql, media: &MediaId) -> Result<Published, Error> {
    Ok(Published {
        id: media.clone(),
        renditions: list_renditions(sql, media).await?,
        segments: list_segments(sql, media).await?,
        assets: list_assets(sql, media).await?,
    })
}
