//! The only SQL of this role.
//!
//! Owns the tables `job`, `piece`, `rendition`, `segment`, `asset`, `tiles` and `loose`. Does not own what follows from what (`flow`).
//! Invariant: an object's key stands in `loose` from before its first byte until a row names it, and again from the moment no row does.

use chrono::{DateTime, Utc};
use contract::media::Received;
use contract::transcode::{Asset, Published, Rendition, Segment};
use contract::{MediaId, ObjectKey};
use kit::db::{Error, FromQueryResult, Sql, Tx, Value, placeholders};

use crate::model::{Piece, Plan, State};

/// An item, as far as this role knows it.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub media: MediaId,
    pub state: State,
    pub received: Received,
    pub plan: Option<Plan>,
    pub percent: u8,
    pub started_at: Option<DateTime<Utc>>,
}

/// How a piece stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stand {
    pub piece: Piece,
    pub stand: String,
    pub place: i64,
    pub weight: u64,
    pub permille: u32,
}

/// A piece waits for its turn, is on the bus, or is done.
pub(crate) const WAITING: &str = "waiting";
pub(crate) const QUEUED: &str = "queued";
pub(crate) const DONE: &str = "done";

/// Tiles of one part, as they lie in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TileSet {
    pub part: u32,
    pub object: ObjectKey,
    pub count: u32,
}

/// A rendition, and the header that its parts must share.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Kept {
    pub rendition: Rendition,
    /// The header's bytes, hexadecimal, without what may differ.
    pub header: String,
}

#[derive(FromQueryResult)]
struct JobRow {
    state: String,
    received: String,
    plan: Option<String>,
    percent: i64,
    started_at: Option<DateTime<Utc>>,
}

#[derive(FromQueryResult)]
struct StandRow {
    name: String,
    stand: String,
    place: i64,
    weight: i64,
    permille: i64,
}

#[derive(FromQueryResult)]
struct KeptRow {
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
    part: i64,
    object: String,
    count: i64,
}

#[derive(FromQueryResult)]
struct ObjectRow {
    object: String,
}

#[derive(FromQueryResult)]
struct NameRow {
    name: String,
}

#[derive(FromQueryResult)]
struct NumberRow {
    number: i64,
}

#[derive(FromQueryResult)]
struct StaleRow {
    media: String,
    name: String,
    sent: i64,
}

fn text(value: impl Into<String>) -> Value {
    value.into().into()
}

fn number(value: u64) -> Value {
    i64::try_from(value).unwrap_or(i64::MAX).into()
}

fn key(text: &str) -> Result<ObjectKey, Error> {
    text.parse().map_err(|_| Error::Corrupt("an object's key"))
}

fn json<T: serde::Serialize>(value: &T) -> Result<Value, Error> {
    Ok(serde_json::to_string(value).map_err(|_| Error::Corrupt("a value to store"))?.into())
}

// --- jobs

pub(crate) async fn insert_job(tx: &Tx, received: &Received, state: State, now: DateTime<Utc>) -> Result<bool, Error> {
    let inserted = tx
        .execute(
            "insert into job (media, state, received, percent, created_at, updated_at) values ($1, $2, $3, 0, $4, $4) on conflict do nothing",
            vec![text(received.id.as_str()), text(state.as_str()), json(received)?, now.into()],
        )
        .await?;
    Ok(inserted == 1)
}

/// Marks an item as erased, also one that was never heard of.
pub(crate) async fn mark_deleted(tx: &Tx, media: &MediaId, now: DateTime<Utc>) -> Result<(), Error> {
    tx.execute(
        "insert into job (media, state, received, percent, created_at, updated_at) values ($1, 'deleted', '', 0, $2, $2) \
         on conflict (media) do update set state = 'deleted', received = '', plan = null, updated_at = excluded.updated_at",
        vec![text(media.as_str()), now.into()],
    )
    .await?;
    Ok(())
}

pub(crate) async fn find_job(sql: &impl Sql, media: &MediaId) -> Result<Option<Job>, Error> {
    let row: Option<JobRow> = sql.row("select state, received, plan, percent, started_at from job where media = $1", vec![text(media.as_str())]).await?;
    let Some(row) = row else { return Ok(None) };
    let state = State::parse(&row.state).ok_or(Error::Corrupt("an item's state"))?;
    if state == State::Deleted {
        return Ok(None);
    }
    let received = serde_json::from_str(&row.received).map_err(|_| Error::Corrupt("an item's upload"))?;
    let plan = row.plan.map(|plan| serde_json::from_str(&plan)).transpose().map_err(|_| Error::Corrupt("an item's plan"))?;
    Ok(Some(Job { media: media.clone(), state, received, plan, percent: u8::try_from(row.percent).unwrap_or(0), started_at: row.started_at }))
}

/// What else is known about an item, told in `update_job`.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Known {
    pub width: Option<u32>,
    pub height: Option<u32>,
    pub duration_ms: Option<u64>,
}

pub(crate) async fn set_plan(tx: &Tx, media: &MediaId, plan: &Plan, known: Known, now: DateTime<Utc>) -> Result<(), Error> {
    tx.execute(
        "update job set plan = $2, width = $3, height = $4, duration_ms = $5, started_at = $6, updated_at = $6 where media = $1",
        vec![
            text(media.as_str()),
            json(plan)?,
            known.width.map(i64::from).into(),
            known.height.map(i64::from).into(),
            known.duration_ms.and_then(|ms| i64::try_from(ms).ok()).into(),
            now.into(),
        ],
    )
    .await?;
    Ok(())
}

pub(crate) async fn set_state(tx: &Tx, media: &MediaId, state: State, reason: Option<(&str, &str)>, now: DateTime<Utc>) -> Result<(), Error> {
    tx.execute(
        "update job set state = $2, code = $3, detail = $4, updated_at = $5 where media = $1",
        vec![text(media.as_str()), text(state.as_str()), reason.map(|(code, _)| code.to_owned()).into(), reason.map(|(_, detail)| detail.to_owned()).into(), now.into()],
    )
    .await?;
    Ok(())
}

/// Raises the percentage; `false` if it was there already.
pub(crate) async fn raise_percent(tx: &Tx, media: &MediaId, percent: u8, now: DateTime<Utc>) -> Result<bool, Error> {
    let raised = tx.execute("update job set percent = $2, updated_at = $3 where media = $1 and percent < $2", vec![text(media.as_str()), i64::from(percent).into(), now.into()]).await?;
    Ok(raised == 1)
}

/// Forgets items that were erased before `before`.
pub(crate) async fn forget_deleted(tx: &Tx, before: DateTime<Utc>) -> Result<u64, Error> {
    tx.execute("delete from job where state = 'deleted' and updated_at < $1", vec![before.into()]).await
}

// --- pieces

pub(crate) async fn insert_pieces(tx: &Tx, media: &MediaId, pieces: &[(Piece, u64)], now: DateTime<Utc>) -> Result<(), Error> {
    for chunk in pieces.chunks(500) {
        let mut values = Vec::with_capacity(chunk.len() * 8);
        for &(piece, weight) in chunk {
            values.extend([text(media.as_str()), text(piece.to_string()), text(WAITING), piece.order().into(), number(weight), 0_i64.into(), 0_i64.into(), now.into()]);
        }
        tx.execute(
            &format!("insert into piece (media, name, stand, place, weight, permille, sent, touched_at) values {} on conflict do nothing", placeholders(chunk.len(), 8)),
            values,
        )
        .await?;
    }
    Ok(())
}

pub(crate) async fn list_pieces(sql: &impl Sql, media: &MediaId) -> Result<Vec<Stand>, Error> {
    let rows: Vec<StandRow> = sql.rows("select name, stand, place, weight, permille from piece where media = $1 order by place, name", vec![text(media.as_str())]).await?;
    rows.into_iter()
        .map(|row| {
            Ok(Stand {
                piece: row.name.parse().map_err(|_| Error::Corrupt("a piece's name"))?,
                stand: row.stand,
                place: row.place,
                weight: u64::try_from(row.weight).unwrap_or(0),
                permille: u32::try_from(row.permille).unwrap_or(0),
            })
        })
        .collect()
}

/// Marks a piece as sent to the bus.
pub(crate) async fn mark_queued(tx: &Tx, media: &MediaId, piece: Piece, now: DateTime<Utc>) -> Result<(), Error> {
    tx.execute(
        "update piece set stand = 'queued', sent = sent + 1, touched_at = $3 where media = $1 and name = $2 and stand <> 'done'",
        vec![text(media.as_str()), text(piece.to_string()), now.into()],
    )
    .await?;
    Ok(())
}

/// Marks a piece as done; `false` if it was before.
pub(crate) async fn mark_done(tx: &Tx, media: &MediaId, piece: Piece, now: DateTime<Utc>) -> Result<bool, Error> {
    let done = tx
        .execute(
            "update piece set stand = 'done', permille = 1000, touched_at = $3 where media = $1 and name = $2 and stand <> 'done'",
            vec![text(media.as_str()), text(piece.to_string()), now.into()],
        )
        .await?;
    Ok(done == 1)
}

pub(crate) async fn set_permille(tx: &Tx, media: &MediaId, piece: Piece, permille: u32, now: DateTime<Utc>) -> Result<(), Error> {
    tx.execute(
        "update piece set permille = $3, touched_at = $4 where media = $1 and name = $2 and stand <> 'done'",
        vec![text(media.as_str()), text(piece.to_string()), i64::from(permille).into(), now.into()],
    )
    .await?;
    Ok(())
}

/// Pieces that were sent before `before` and of which nothing has been heard, with how often they were sent.
pub(crate) async fn list_silent(sql: &impl Sql, before: DateTime<Utc>, limit: u32) -> Result<Vec<(MediaId, Piece, u32)>, Error> {
    let rows: Vec<StaleRow> = sql
        .rows("select media, name, sent from piece where stand = 'queued' and touched_at < $1 order by touched_at limit $2", vec![before.into(), i64::from(limit).into()])
        .await?;
    rows.into_iter()
        .map(|row| {
            let media = row.media.parse().map_err(|_| Error::Corrupt("an item's id"))?;
            let piece = row.name.parse().map_err(|_| Error::Corrupt("a piece's name"))?;
            Ok((media, piece, u32::try_from(row.sent).unwrap_or(u32::MAX)))
        })
        .collect()
}

// --- what was made

pub(crate) async fn find_rendition(sql: &impl Sql, media: &MediaId, name: &str) -> Result<Option<Kept>, Error> {
    let row: Option<KeptRow> = sql.row("select body, header from rendition where media = $1 and name = $2", vec![text(media.as_str()), text(name)]).await?;
    row.map(kept).transpose()
}

fn kept(row: KeptRow) -> Result<Kept, Error> {
    Ok(Kept { rendition: serde_json::from_str(&row.body).map_err(|_| Error::Corrupt("a rendition"))?, header: row.header })
}

/// Inserts a rendition, or overwrites its description (never its header).
pub(crate) async fn upsert_rendition(tx: &Tx, media: &MediaId, kept: &Kept) -> Result<(), Error> {
    let track = json(&kept.rendition.track)?;
    tx.execute(
        "insert into rendition (media, name, track, body, header) values ($1, $2, $3, $4, $5) on conflict (media, name) do update set body = excluded.body",
        vec![text(media.as_str()), text(&kept.rendition.name), track, json(&kept.rendition)?, text(&kept.header)],
    )
    .await?;
    Ok(())
}

pub(crate) async fn list_renditions(sql: &impl Sql, media: &MediaId) -> Result<Vec<Rendition>, Error> {
    let rows: Vec<KeptRow> = sql.rows("select body, header from rendition where media = $1 order by name", vec![text(media.as_str())]).await?;
    rows.into_iter().map(|row| Ok(kept(row)?.rendition)).collect()
}

/// Inserts segments; those that are there already stay, and their second makes are answered.
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
                    "insert into segment (media, rendition, number, duration_us, object, bytes) values {} on conflict do nothing returning object",
                    placeholders(chunk.len(), 6)
                ),
                values,
            )
            .await?;
        unused.extend(chunk.iter().filter(|segment| !inserted.iter().any(|row| row.object == segment.object.as_str())).map(|segment| segment.object.clone()));
    }
    Ok(unused)
}

/// The numbers of a rendition's segments that exist.
pub(crate) async fn list_numbers(sql: &impl Sql, media: &MediaId, rendition: &str) -> Result<Vec<u32>, Error> {
    let rows: Vec<NumberRow> = sql.rows("select number from segment where media = $1 and rendition = $2 order by number", vec![text(media.as_str()), text(rendition)]).await?;
    Ok(rows.into_iter().filter_map(|row| u32::try_from(row.number).ok()).collect())
}

/// The renditions that have their first segment.
pub(crate) async fn list_started(sql: &impl Sql, media: &MediaId) -> Result<Vec<String>, Error> {
    let rows: Vec<NameRow> = sql.rows("select rendition as name from segment where media = $1 and number = 0", vec![text(media.as_str())]).await?;
    Ok(rows.into_iter().map(|row| row.name).collect())
}

pub(crate) async fn list_segments(sql: &impl Sql, media: &MediaId) -> Result<Vec<Segment>, Error> {
    let rows: Vec<SegmentRow> =
        sql.rows("select rendition, number, duration_us, object, bytes from segment where media = $1 order by rendition, number", vec![text(media.as_str())]).await?;
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

pub(crate) async fn remove_segment(tx: &Tx, media: &MediaId, segment: &Segment) -> Result<(), Error> {
    tx.execute(
        "delete from segment where media = $1 and rendition = $2 and number = $3",
        vec![text(media.as_str()), text(&segment.rendition), i64::from(segment.number).into()],
    )
    .await?;
    Ok(())
}

/// Inserts or replaces a file beside the renditions; answers the object that it replaced.
pub(crate) async fn upsert_asset(tx: &Tx, media: &MediaId, asset: &Asset) -> Result<Option<ObjectKey>, Error> {
    let before: Option<ObjectRow> = tx.row("select object from asset where media = $1 and name = $2", vec![text(media.as_str()), text(&asset.name)]).await?;
    tx.execute(
        "insert into asset (media, name, content_type, object, bytes) values ($1, $2, $3, $4, $5) \
         on conflict (media, name) do update set content_type = excluded.content_type, object = excluded.object, bytes = excluded.bytes",
        vec![text(media.as_str()), text(&asset.name), text(&asset.content_type), text(asset.object.as_str()), number(asset.bytes)],
    )
    .await?;
    before.filter(|row| row.object != asset.object.as_str()).map(|row| key(&row.object)).transpose()
}

pub(crate) async fn list_assets(sql: &impl Sql, media: &MediaId) -> Result<Vec<Asset>, Error> {
    let rows: Vec<AssetRow> = sql.rows("select name, content_type, object, bytes from asset where media = $1 order by name", vec![text(media.as_str())]).await?;
    rows.into_iter()
        .map(|row| Ok(Asset { name: row.name, content_type: row.content_type, object: key(&row.object)?, bytes: u64::try_from(row.bytes).unwrap_or(0) }))
        .collect()
}

/// Inserts a part's tiles; `false` if they were there already.
pub(crate) async fn insert_tiles(tx: &Tx, media: &MediaId, tiles: &TileSet) -> Result<bool, Error> {
    let inserted = tx
        .execute(
            "insert into tiles (media, part, object, count) values ($1, $2, $3, $4) on conflict do nothing",
            vec![text(media.as_str()), i64::from(tiles.part).into(), text(tiles.object.as_str()), i64::from(tiles.count).into()],
        )
        .await?;
    Ok(inserted == 1)
}

pub(crate) async fn list_tiles(sql: &impl Sql, media: &MediaId) -> Result<Vec<TileSet>, Error> {
    let rows: Vec<TilesRow> = sql.rows("select part, object, count from tiles where media = $1 order by part", vec![text(media.as_str())]).await?;
    rows.into_iter()
        .map(|row| Ok(TileSet { part: u32::try_from(row.part).unwrap_or(0), object: key(&row.object)?, count: u32::try_from(row.count).unwrap_or(0) }))
        .collect()
}

pub(crate) async fn remove_tiles(tx: &Tx, media: &MediaId) -> Result<(), Error> {
    tx.execute("delete from tiles where media = $1", vec![text(media.as_str())]).await?;
    Ok(())
}

/// Removes every row of an item but the job's own.
pub(crate) async fn remove_made(tx: &Tx, media: &MediaId) -> Result<(), Error> {
    for table in ["piece", "rendition", "segment", "asset", "tiles"] {
        tx.execute(&format!("delete from {table} where media = $1"), vec![text(media.as_str())]).await?;
    }
    Ok(())
}

/// Everything that can be read of an item.
pub(crate) async fn snapshot(sql: &impl Sql, media: &MediaId) -> Result<Published, Error> {
    Ok(Published { id: media.clone(), renditions: list_renditions(sql, media).await?, segments: list_segments(sql, media).await?, assets: list_assets(sql, media).await? })
}

// --- loose objects

pub(crate) async fn insert_loose(tx: &Tx, objects: &[ObjectKey], since: DateTime<Utc>) -> Result<(), Error> {
    for chunk in objects.chunks(1000) {
        let values = chunk.iter().flat_map(|object| [text(object.as_str()), since.into()]).collect();
        tx.execute(&format!("insert into loose (object, since) values {} on conflict do nothing", placeholders(chunk.len(), 2)), values).await?;
    }
    Ok(())
}

pub(crate) async fn remove_loose(tx: &Tx, objects: &[ObjectKey]) -> Result<(), Error> {
    for chunk in objects.chunks(1000) {
        let marks: Vec<String> = (1..=chunk.len()).map(|at| format!("${at}")).collect();
        tx.execute(&format!("delete from loose where object in ({})", marks.join(", ")), chunk.iter().map(|object| text(object.as_str())).collect()).await?;
    }
    Ok(())
}

pub(crate) async fn list_loose(sql: &impl Sql, before: DateTime<Utc>, limit: u32) -> Result<Vec<ObjectKey>, Error> {
    let rows: Vec<ObjectRow> = sql.rows("select object from loose where since < $1 order by since limit $2", vec![before.into(), i64::from(limit).into()]).await?;
    rows.iter().map(|row| key(&row.object)).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_open_state_is_in_the_index() {
        use crate::model::State;
        let open: Vec<&str> = [State::Processing, State::Playable, State::Ready, State::Failed, State::Deleted].into_iter().filter(|state| state.is_open()).map(State::as_str).collect();
        assert_eq!(open, ["processing", "playable"]);
    }
}
