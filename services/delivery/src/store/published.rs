//! The renditions, segments and assets of an item, as `transcode` published them.
//!
//! Invariant: facts are added and made more precise, whatever announcement arrives last. They are removed only with
//! their item.

use contract::MediaId;
use contract::transcode::{Asset, Published, Rendition, Segment};
use db::{Error, FromQueryResult, Sql, Tx, Value, placeholders};

use super::{MAX_ROWS_PER_INSERT, is_deleted, parse_key, to_bigint, to_u32};

// A known number of segments stays known, whatever event arrives last.
const UPSERT_RENDITION: &str = "
    insert into rendition (
        item, name, track, bandwidth, codecs, width, height, millifps, init, total_segments
    )
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        on conflict (item, name) do update
       set track = excluded.track,
           bandwidth = excluded.bandwidth,
           codecs = excluded.codecs,
           width = excluded.width,
           height = excluded.height,
           millifps = excluded.millifps,
           init = excluded.init,
           total_segments = coalesce(excluded.total_segments, rendition.total_segments)";

const UPSERT_ASSET: &str = "
    insert into asset (item, name, content_type, object, bytes)
    values ($1, $2, $3, $4, $5)
        on conflict (item, name) do update
       set content_type = excluded.content_type,
           object = excluded.object,
           bytes = excluded.bytes";

/// Returns the statement that upserts this number of segments.
fn upsert_segments(count: usize) -> String {
    format!(
        "
    insert into segment (item, rendition, number, duration_us, object, bytes)
    values {}
        on conflict (item, rendition, number) do update
       set duration_us = excluded.duration_us,
           object = excluded.object,
           bytes = excluded.bytes",
        placeholders(count, 6)
    )
}

/// Writes what is published, unless the item was deleted.
pub(crate) async fn upsert_published(tx: &Tx, published: &Published) -> Result<(), Error> {
    if is_deleted(tx, &published.id).await? {
        return Ok(());
    }
    let id = published.id.as_str();
    for rendition in &published.renditions {
        let values = vec![
            id.into(),
            rendition.name.clone().into(),
            rendition.track.as_str().into(),
            to_bigint(rendition.bandwidth),
            rendition.codecs.clone().into(),
            i64::from(rendition.width).into(),
            i64::from(rendition.height).into(),
            i64::from(rendition.millifps).into(),
            rendition.init.as_str().into(),
            rendition.total_segments.map(i64::from).into(),
        ];
        tx.execute(UPSERT_RENDITION, values).await?;
    }
    for segments in published.segments.chunks(MAX_ROWS_PER_INSERT) {
        let mut values: Vec<Value> = Vec::with_capacity(segments.len() * 6);
        for segment in segments {
            values.extend([
                id.into(),
                segment.rendition.clone().into(),
                i64::from(segment.number).into(),
                to_bigint(segment.duration_us),
                segment.object.as_str().into(),
                to_bigint(segment.bytes),
            ]);
        }
        tx.execute(&upsert_segments(segments.len()), values).await?;
    }
    for asset in &published.assets {
        let values = vec![
            id.into(),
            asset.name.clone().into(),
            asset.content_type.clone().into(),
            asset.object.as_str().into(),
            to_bigint(asset.bytes),
        ];
        tx.execute(UPSERT_ASSET, values).await?;
    }
    Ok(())
}

#[derive(FromQueryResult)]
struct RenditionRow {
    name: String,
    track: String,
    bandwidth: i64,
    codecs: String,
    width: i64,
    height: i64,
    millifps: i64,
    init: String,
    total_segments: Option<i64>,
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

const LIST_RENDITIONS: &str = "
    select name, track, bandwidth, codecs, width, height, millifps, init, total_segments
      from rendition
     where item = $1";

const LIST_SEGMENTS: &str = "
    select rendition, number, duration_us, object, bytes
      from segment
     where item = $1
     order by rendition, number";

const LIST_ASSETS: &str = "
    select name, content_type, object, bytes
      from asset
     where item = $1";

/// Returns everything that is published of an item.
pub(crate) async fn list_published(db: &impl Sql, id: &MediaId) -> Result<Published, Error> {
    let values = || vec![Value::from(id.as_str())];
    let renditions: Vec<RenditionRow> = db.rows(LIST_RENDITIONS, values()).await?;
    let segments: Vec<SegmentRow> = db.rows(LIST_SEGMENTS, values()).await?;
    let assets: Vec<AssetRow> = db.rows(LIST_ASSETS, values()).await?;
    Ok(Published {
        id: id.clone(),
        renditions: renditions.into_iter().map(rendition).collect::<Result<_, _>>()?,
        segments: segments.into_iter().map(segment).collect::<Result<_, _>>()?,
        assets: assets.into_iter().map(asset).collect::<Result<_, _>>()?,
    })
}

fn rendition(row: RenditionRow) -> Result<Rendition, Error> {
    Ok(Rendition {
        track: row.track.parse().map_err(|_| Error::Corrupt("track"))?,
        init: parse_key(&row.init)?,
        bandwidth: row.bandwidth.unsigned_abs(),
        width: to_u32(row.width),
        height: to_u32(row.height),
        millifps: to_u32(row.millifps),
        total_segments: row.total_segments.map(to_u32),
        name: row.name,
        codecs: row.codecs,
    })
}

fn segment(row: SegmentRow) -> Result<Segment, Error> {
    Ok(Segment {
        object: parse_key(&row.object)?,
        rendition: row.rendition,
        number: to_u32(row.number),
        duration_us: row.duration_us.unsigned_abs(),
        bytes: row.bytes.unsigned_abs(),
    })
}

fn asset(row: AssetRow) -> Result<Asset, Error> {
    Ok(Asset {
        object: parse_key(&row.object)?,
        name: row.name,
        content_type: row.content_type,
        bytes: row.bytes.unsigned_abs(),
    })
}
