//! Pieces of work: the table `piece`.
//!
//! Invariant: a piece that is done stays done.

use chrono::{DateTime, Utc};
use contract::MediaId;
use kit::db::{Error, FromQueryResult, Sql, Tx, placeholders};

use super::values::{number, text};
use crate::model::Piece;

/// A piece waits for others of its item, is ready for its turn, is worked on under a ticket, or is done.
pub(crate) const WAITING: &str = "waiting";
pub(crate) const READY: &str = "ready";
pub(crate) const QUEUED: &str = "queued";
pub(crate) const DONE: &str = "done";

/// How a piece stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stand {
    pub piece: Piece,
    pub state: String,
    pub place: i64,
    pub weight: u64,
    pub permille: u32,
    pub due: i64,
}

#[derive(FromQueryResult)]
struct StandRow {
    name: String,
    stand: String,
    place: i64,
    weight: i64,
    permille: i64,
    due: i64,
}

#[derive(FromQueryResult)]
struct FailuresRow {
    failures: i64,
}

#[derive(FromQueryResult)]
struct StaleRow {
    media: String,
    name: String,
    sent: i64,
}

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
    let rows: Vec<StandRow> = sql.rows("select name, stand, place, weight, permille, due from piece where media = $1 order by place, name", vec![text(media.as_str())]).await?;
    rows.into_iter()
        .map(|row| {
            Ok(Stand {
                piece: row.name.parse().map_err(|_| Error::Corrupt("a piece's name"))?,
                state: row.stand,
                place: row.place,
                weight: u64::try_from(row.weight).unwrap_or(0),
                permille: u32::try_from(row.permille).unwrap_or(0),
                due: row.due,
            })
        })
        .collect()
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

/// Notes that a piece has failed; answers how often it has by now.
pub(crate) async fn add_failure(tx: &Tx, media: &MediaId, piece: Piece, now: DateTime<Utc>) -> Result<u32, Error> {
    let row: Option<FailuresRow> = tx
        .row(
            "update piece set failures = failures + 1, touched_at = $3 where media = $1 and name = $2 returning failures",
            vec![text(media.as_str()), text(piece.to_string()), now.into()],
        )
        .await?;
    Ok(row.map_or(0, |row| u32::try_from(row.failures).unwrap_or(u32::MAX)))
}

/// Pieces of open items that were sent before `before` and of which nothing has been heard, with how often they were sent.
pub(crate) async fn list_silent(sql: &impl Sql, before: DateTime<Utc>, limit: u32) -> Result<Vec<(MediaId, Piece, u32)>, Error> {
    let rows: Vec<StaleRow> = sql
        .rows(
            "select piece.media, piece.name, piece.sent from piece join job on job.media = piece.media \
             where piece.stand = 'queued' and piece.touched_at < $1 and job.state in ('processing', 'playable') order by piece.touched_at limit $2",
            vec![before.into(), i64::from(limit).into()],
        )
        .await?;
    rows.into_iter()
        .map(|row| {
            let media = row.media.parse().map_err(|_| Error::Corrupt("an item's id"))?;
            let piece = row.name.parse().map_err(|_| Error::Corrupt("a piece's name"))?;
            Ok((media, piece, u32::try_from(row.sent).unwrap_or(u32::MAX)))
        })
        .collect()
}
