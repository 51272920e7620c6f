//! The only SQL of this role.
//!
//! Invariant: announcements may come twice and in any order: facts are upserted, never counted, and nothing is written for
//! an item that is gone.

use chrono::{DateTime, Utc};
use contract::media::{Changed, Kind, Received, Visibility};
use contract::transcode::{Asset, Published, Rendition, Segment, Track};
use contract::{AccountId, MediaId, ObjectKey};
use kit::db::{Error, FromQueryResult, Sql, Tx, Value, placeholders};

use crate::model::Item;
use crate::model::item::overlays;

/// Rows of one multi-row insert: six values each stay far below SQLite's 32,766.
const ROWS: usize = 1000;

// --- items

/// Writes an item unless it is there or gone; `version` is that of the last change it includes.
pub(crate) async fn insert_item(tx: &Tx, received: &Received, version: u64) -> Result<(), Error> {
    let scrub = received.scrub.as_ref().map(serde_json::to_string).transpose().map_err(|_| Error::Corrupt("scrub"))?;
    tx.execute(
        "insert into item (id, owner, kind, format, content_type, name, bytes, sha256, object, scrub, visibility, width, height, orientation, version, created_at) \
         select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16 where not exists (select 1 from gone where item = $1) \
         on conflict (id) do nothing",
        vec![
            received.id.as_str().into(),
            received.owner.to_string().into(),
            kind_text(received.kind).into(),
            received.format.clone().into(),
            received.content_type.clone().into(),
            received.name.clone().into(),
            count(received.bytes),
            received.sha256.clone().into(),
            received.object.as_str().into(),
            scrub.into(),
            visibility_text(received.visibility).into(),
            received.width.map(i64::from).into(),
            received.height.map(i64::from).into(),
            i64::from(received.orientation).into(),
            count(version),
            received.created_at.into(),
        ],
    )
    .await
    .map(drop)
}

/// Applies a change if it is newer than what is known; `false` if the item is not known at all.
pub(crate) async fn update_item(tx: &Tx, changed: &Changed) -> Result<bool, Error> {
    let touched = tx
        .execute(
            "update item set name = $2, visibility = $3, version = $4 where id = $1 and version < $4",
            vec![changed.id.as_str().into(), changed.name.clone().into(), visibility_text(changed.visibility).into(), count(changed.version)],
        )
        .await?;
    if touched > 0 {
        return Ok(true);
    }
    Ok(find_item(tx, &changed.id).await?.is_some())
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
}

pub(crate) async fn find_item(db: &impl Sql, id: &MediaId) -> Result<Option<Item>, Error> {
    let row: Option<ItemRow> = db
        .row(
            "select owner, kind, format, content_type, name, bytes, sha256, object, scrub, visibility, width, height, orientation from item where id = $1",
            vec![id.as_str().into()],
        )
        .await?;
    row.map(|row| item(id, row)).transpose()
}

fn item(id: &MediaId, row: ItemRow) -> Result<Item, Error> {
    let announced: Option<Vec<contract::media::Patch>> = row.scrub.map(|text| serde_json::from_str(&text)).transpose().map_err(|_| Error::Corrupt("scrub"))?;
    let side = |side: Option<i64>| side.and_then(|side| u32::try_from(side).ok());
    Ok(Item {
        id: id.clone(),
        owner: AccountId(row.owner.parse().map_err(|_| Error::Corrupt("owner"))?),
        kind: kind(&row.kind)?,
        format: row.format,
        content_type: row.content_type,
        name: row.name,
        bytes: row.bytes.unsigned_abs(),
        sha256: row.sha256,
        object: key(&row.object)?,
        scrub: announced.as_deref().and_then(overlays),
        visibility: visibility(&row.visibility)?,
        size: side(row.width).zip(side(row.height)),
        orientation: u8::try_from(row.orientation).unwrap_or(1),
    })
}

#[derive(FromQueryResult)]
struct Present {
    #[allow(dead_code)]
    item: String,
}

/// Whether the item was deleted.
pub(crate) async fn is_gone(db: &impl Sql, id: &MediaId) -> Result<bool, Error> {
    let row: Option<Present> = db.row("select item from gone where item = $1", vec![id.as_str().into()]).await?;
    Ok(row.is_some())
}

/// Removes everything about an item and remembers that it is gone. Its made pictures become loose; answers their objects.
pub(crate) async fn remove_item(tx: &Tx, id: &MediaId, now: DateTime<Utc>) -> Result<Vec<ObjectKey>, Error> {
    let values = || vec![Value::from(id.as_str())];
    tx.execute("insert into gone (item, since) values ($1, $2) on conflict do nothing", vec![id.as_str().into(), now.into()]).await?;
    let images: Vec<ObjectRow> = tx.rows("delete from image where item = $1 returning object", values()).await?;
    let objects = keys(&images)?;
    loosen(tx, &objects, DateTime::UNIX_EPOCH).await?;
    for text in ["delete from item where id = $1", "delete from rendition where item = $1", "delete from segment where item = $1", "delete from asset where item = $1"] {
        tx.execute(text, values()).await?;
    }
    Ok(objects)
}

/// Forgets which items are gone, after no event about them can come any more.
pub(crate) async fn forget_gone(tx: &Tx, before: DateTime<Utc>) -> Result<u64, Error> {
    tx.execute("delete from gone where since < $1", vec![before.into()]).await
}

// --- playback

/// Writes what is published, unless the item is gone.
pub(crate) async fn upsert_published(tx: &Tx, published: &Published) -> Result<(), Error> {
    if is_gone(tx, &published.id).await? {
        return Ok(());
    }
    let id = published.id.as_str();
    for rendition in &published.renditions {
        // Once the number of segments is known it stays known, whichever event comes last.
        tx.execute(
            "insert into rendition (item, name, track, bandwidth, codecs, width, height, millifps, init, total_segments) \
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict (item, name) do update set track = excluded.track, \
             bandwidth = excluded.bandwidth, codecs = excluded.codecs, width = excluded.width, height = excluded.height, \
             millifps = excluded.millifps, init = excluded.init, total_segments = coalesce(excluded.total_segments, rendition.total_segments)",
            vec![
                id.into(),
                rendition.name.clone().into(),
                track_text(rendition.track).into(),
                count(rendition.bandwidth),
                rendition.codecs.clone().into(),
                i64::from(rendition.width).into(),
                i64::from(rendition.height).into(),
                i64::from(rendition.millifps).into(),
                rendition.init.as_str().into(),
                rendition.total_segments.map(i64::from).into(),
            ],
        )
        .await?;
    }
    for segments in published.segments.chunks(ROWS) {
        let mut values: Vec<Value> = Vec::with_capacity(segments.len() * 6);
        for segment in segments {
            values.extend([
                id.into(),
                segment.rendition.clone().into(),
                i64::from(segment.number).into(),
                count(segment.duration_us),
                segment.object.as_str().into(),
                count(segment.bytes),
            ]);
        }
        let text = format!(
            "insert into segment (item, rendition, number, duration_us, object, bytes) values {} on conflict (item, rendition, number) \
             do update set duration_us = excluded.duration_us, object = excluded.object, bytes = excluded.bytes",
            placeholders(segments.len(), 6)
        );
        tx.execute(&text, values).await?;
    }
    for asset in &published.assets {
        tx.execute(
            "insert into asset (item, name, content_type, object, bytes) values ($1, $2, $3, $4, $5) on conflict (item, name) \
             do update set content_type = excluded.content_type, object = excluded.object, bytes = excluded.bytes",
            vec![id.into(), asset.name.clone().into(), asset.content_type.clone().into(), asset.object.as_str().into(), count(asset.bytes)],
        )
        .await?;
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

/// All that is published of an item.
pub(crate) async fn list_published(db: &impl Sql, id: &MediaId) -> Result<Published, Error> {
    let values = || vec![Value::from(id.as_str())];
    let renditions: Vec<RenditionRow> =
        db.rows("select name, track, bandwidth, codecs, width, height, millifps, init, total_segments from rendition where item = $1", values()).await?;
    let segments: Vec<SegmentRow> = db.rows("select rendition, number, duration_us, object, bytes from segment where item = $1 order by rendition, number", values()).await?;
    let assets: Vec<AssetRow> = db.rows("select name, content_type, object, bytes from asset where item = $1", values()).await?;
    Ok(Published {
        id: id.clone(),
        renditions: renditions.into_iter().map(rendition).collect::<Result<_, _>>()?,
        segments: segments.into_iter().map(segment).collect::<Result<_, _>>()?,
        assets: assets.into_iter().map(asset).collect::<Result<_, _>>()?,
    })
}

fn rendition(row: RenditionRow) -> Result<Rendition, Error> {
    Ok(Rendition {
        track: if row.track == "audio" { Track::Audio } else { Track::Video },
        init: key(&row.init)?,
        bandwidth: row.bandwidth.unsigned_abs(),
        width: small(row.width),
        height: small(row.height),
        millifps: small(row.millifps),
        total_segments: row.total_segments.map(small),
        name: row.name,
        codecs: row.codecs,
    })
}

fn segment(row: SegmentRow) -> Result<Segment, Error> {
    Ok(Segment { object: key(&row.object)?, rendition: row.rendition, number: small(row.number), duration_us: row.duration_us.unsigned_abs(), bytes: row.bytes.unsigned_abs() })
}

fn asset(row: AssetRow) -> Result<Asset, Error> {
    Ok(Asset { object: key(&row.object)?, name: row.name, content_type: row.content_type, bytes: row.bytes.unsigned_abs() })
}

// --- made pictures

/// A made picture.
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

pub(crate) async fn find_image(db: &impl Sql, id: &MediaId, variant: &str) -> Result<Option<Image>, Error> {
    let row: Option<ImageRow> = db.row("select object, bytes, read_at from image where item = $1 and variant = $2", vec![id.as_str().into(), variant.into()]).await?;
    row.map(|row| Ok(Image { object: key(&row.object)?, bytes: row.bytes.unsigned_abs(), read_at: row.read_at })).transpose()
}

/// Makes a written picture the one for its variant; `false` if the item is gone or another was faster. Its object must be loose.
pub(crate) async fn insert_image(tx: &Tx, id: &MediaId, variant: &str, image: &Image) -> Result<bool, Error> {
    let inserted = tx
        .execute(
            "insert into image (item, variant, object, bytes, read_at) select $1, $2, $3, $4, $5 where exists (select 1 from item where id = $1) \
             on conflict do nothing",
            vec![id.as_str().into(), variant.into(), image.object.as_str().into(), count(image.bytes), image.read_at.into()],
        )
        .await?;
    if inserted == 1 {
        tx.execute("delete from loose where object = $1", vec![image.object.as_str().into()]).await?;
    }
    Ok(inserted == 1)
}

/// Takes a picture out of the table whose object is lost.
pub(crate) async fn remove_image(tx: &Tx, id: &MediaId, variant: &str, object: &ObjectKey) -> Result<u64, Error> {
    tx.execute("delete from image where item = $1 and variant = $2 and object = $3", vec![id.as_str().into(), variant.into(), object.as_str().into()]).await
}

/// Notes that a picture was read.
pub(crate) async fn touch_image(tx: &Tx, id: &MediaId, variant: &str, now: DateTime<Utc>) -> Result<u64, Error> {
    tx.execute("update image set read_at = $3 where item = $1 and variant = $2", vec![id.as_str().into(), variant.into(), now.into()]).await
}

#[derive(FromQueryResult)]
struct Sum {
    bytes: Option<i64>,
}

/// Bytes of all made pictures.
pub(crate) async fn image_bytes(db: &impl Sql) -> Result<u64, Error> {
    let sum: Option<Sum> = db.row("select cast(sum(bytes) as bigint) as bytes from image", vec![]).await?;
    Ok(sum.and_then(|sum| sum.bytes).unwrap_or(0).unsigned_abs())
}

#[derive(FromQueryResult)]
struct EvictedRow {
    item: String,
    object: String,
    bytes: i64,
}

/// Takes the `most` pictures that were not read for longest out of the table; their objects become loose.
pub(crate) async fn evict_images(tx: &Tx, most: u64) -> Result<Vec<(String, ObjectKey, u64)>, Error> {
    let rows: Vec<EvictedRow> =
        tx.rows("delete from image where (item, variant) in (select item, variant from image order by read_at limit $1) returning item, object, bytes", vec![count(most)]).await?;
    let evicted: Vec<_> = rows.into_iter().map(|row| Ok((row.item, key(&row.object)?, row.bytes.unsigned_abs()))).collect::<Result<_, Error>>()?;
    let objects: Vec<_> = evicted.iter().map(|(_, object, _)| object.clone()).collect();
    loosen(tx, &objects, DateTime::UNIX_EPOCH).await?;
    Ok(evicted)
}

// --- objects that no row owns

#[derive(FromQueryResult)]
struct ObjectRow {
    object: String,
}

/// Notes objects that no row owns: about to be written (`since` now), or to be removed (`since` long ago).
pub(crate) async fn loosen(tx: &Tx, objects: &[ObjectKey], since: DateTime<Utc>) -> Result<(), Error> {
    for objects in objects.chunks(ROWS) {
        let values = objects.iter().flat_map(|object| [Value::from(object.as_str()), since.into()]).collect();
        let text = format!("insert into loose (object, since) values {} on conflict do nothing", placeholders(objects.len(), 2));
        tx.execute(&text, values).await?;
    }
    Ok(())
}

/// Objects that have been loose since before `before`.
pub(crate) async fn list_loose(db: &impl Sql, before: DateTime<Utc>, most: u64) -> Result<Vec<ObjectKey>, Error> {
    let rows: Vec<ObjectRow> = db.rows("select object from loose where since < $1 order by since limit $2", vec![before.into(), count(most)]).await?;
    keys(&rows)
}

/// Forgets loose objects, after their bytes are gone.
pub(crate) async fn remove_loose(tx: &Tx, objects: &[ObjectKey]) -> Result<(), Error> {
    for objects in objects.chunks(ROWS) {
        let marks: Vec<String> = (1..=objects.len()).map(|mark| format!("${mark}")).collect();
        let values = objects.iter().map(|object| object.as_str().into()).collect();
        tx.execute(&format!("delete from loose where object in ({})", marks.join(", ")), values).await?;
    }
    Ok(())
}

// --- values

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

fn kind_text(kind: Kind) -> &'static str {
    match kind {
        Kind::Photo => "photo",
        Kind::Audio => "audio",
        Kind::Video => "video",
    }
}

fn kind(text: &str) -> Result<Kind, Error> {
    match text {
        "photo" => Ok(Kind::Photo),
        "audio" => Ok(Kind::Audio),
        "video" => Ok(Kind::Video),
        _ => Err(Error::Corrupt("kind")),
    }
}

fn visibility_text(visibility: Visibility) -> &'static str {
    match visibility {
        Visibility::Private => "private",
        Visibility::Unlisted => "unlisted",
        Visibility::Public => "public",
    }
}

fn visibility(text: &str) -> Result<Visibility, Error> {
    match text {
        "private" => Ok(Visibility::Private),
        "unlisted" => Ok(Visibility::Unlisted),
        "public" => Ok(Visibility::Public),
        _ => Err(Error::Corrupt("visibility")),
    }
}

fn track_text(track: Track) -> &'static str {
    match track {
        Track::Video => "video",
        Track::Audio => "audio",
    }
}
