//! The items of albums, in their order.
//!
//! Invariant: an item that has a row here is its album's owner's, and of its library or trash. Every read of items
//! joins the table of items, so what is in the trash, or was removed by an earlier release, is not seen.

use chrono::{DateTime, Utc};
use contract::MediaId;
use contract::media::Visibility;
use db::{Error, FromQueryResult, Sql, Tx, Value, chunk_size, placeholders};

use super::{albums, from_bigint, to_bigint};
use crate::model::album::AlbumId;
use crate::model::album_order::{GAP, Renumbering};

/// An item of an album, and its rank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RankedItem {
    pub rank: i64,
    pub id: MediaId,
}

#[derive(FromQueryResult)]
struct RankedRow {
    media: String,
    rank: i64,
}

#[derive(FromQueryResult)]
struct MediaRow {
    media: String,
}

#[derive(FromQueryResult)]
struct AlbumRow {
    album: String,
}

#[derive(FromQueryResult)]
struct RankRow {
    rank: Option<i64>,
}

fn media_id(stored: String) -> Result<MediaId, Error> {
    stored.try_into().map_err(|_| Error::Corrupt("an album's item"))
}

/// Which items of an album a reader sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    /// All, to their owner.
    All,
    /// Those that are public or unlisted.
    PublicAndUnlisted,
    /// Those that are public.
    Public,
}

const LIST: &str = "
    select album_item.media, album_item.rank
      from album_item
      join item
        on item.id = album_item.media
     where album_item.album = $1
       and album_item.rank > $2
       and item.removed_at is null
       and ($3 or (item.claimed and item.visibility in ('public', $4)))
     order by album_item.rank
     limit $5";

/// Returns items of an album in its order, behind a rank.
pub(crate) async fn list(
    sql: &impl Sql,
    album: &AlbumId,
    shown: Shown,
    after: Option<i64>,
    limit: usize,
) -> Result<Vec<RankedItem>, Error> {
    let values = vec![
        album.as_str().into(),
        after.unwrap_or(i64::MIN).into(),
        (shown == Shown::All).into(),
        (if shown == Shown::Public { "public" } else { "unlisted" }).into(),
        to_bigint(limit as u64),
    ];
    let rows: Vec<RankedRow> = sql.rows(LIST, values).await?;
    rows.into_iter().map(|row| Ok(RankedItem { rank: row.rank, id: media_id(row.media)? })).collect()
}

const COUNT_SHARED: &str = "
    select count(*) as items
      from album_item
      join item
        on item.id = album_item.media
     where album_item.album = $1
       and item.removed_at is null
       and item.claimed
       and item.visibility in ('public', $2)";

/// Returns how many items of an album readers other than its owner see. An album has a bounded number of them.
pub(crate) async fn count_shared(sql: &impl Sql, album: &AlbumId, visibility: Visibility) -> Result<u64, Error> {
    #[derive(FromQueryResult)]
    struct CountRow {
        items: i64,
    }
    let row: Option<CountRow> = sql.row(COUNT_SHARED, vec![album.as_str().into(), visibility.as_str().into()]).await?;
    from_bigint(row.map_or(0, |row| row.items), "a count")
}

/// Returns those of `ids` that the album has.
pub(crate) async fn list_present(sql: &impl Sql, album: &AlbumId, ids: &[MediaId]) -> Result<Vec<MediaId>, Error> {
    let mut values: Vec<Value> = ids.iter().map(|id| id.as_str().into()).collect();
    values.push(album.as_str().into());
    let text = format!(
        "select media
           from album_item
          where media in {}
            and album = ${}",
        placeholders(1, ids.len()),
        ids.len() + 1
    );
    let rows: Vec<MediaRow> = sql.rows(&text, values).await?;
    rows.into_iter().map(|row| media_id(row.media)).collect()
}

async fn rank(sql: &impl Sql, text: &str, values: Vec<Value>) -> Result<Option<i64>, Error> {
    let row: Option<RankRow> = sql.row(text, values).await?;
    Ok(row.and_then(|row| row.rank))
}

/// Returns the rank of an item, and `None` where the album does not have it.
pub(crate) async fn find_rank(sql: &impl Sql, album: &AlbumId, media: &MediaId) -> Result<Option<i64>, Error> {
    let text = "select rank from album_item where album = $1 and media = $2";
    rank(sql, text, vec![album.as_str().into(), media.as_str().into()]).await
}

/// Returns the rank of the first item.
pub(crate) async fn find_first_rank(sql: &impl Sql, album: &AlbumId) -> Result<Option<i64>, Error> {
    rank(sql, "select min(rank) as rank from album_item where album = $1", vec![album.as_str().into()]).await
}

/// Returns the rank of the last item.
pub(crate) async fn find_last_rank(sql: &impl Sql, album: &AlbumId) -> Result<Option<i64>, Error> {
    rank(sql, "select max(rank) as rank from album_item where album = $1", vec![album.as_str().into()]).await
}

const PREVIOUS_RANK: &str = "
    select max(rank) as rank
      from album_item
     where album = $1
       and rank < $2";

/// Returns the nearest rank below another.
pub(crate) async fn find_previous_rank(sql: &impl Sql, album: &AlbumId, below: i64) -> Result<Option<i64>, Error> {
    rank(sql, PREVIOUS_RANK, vec![album.as_str().into(), below.into()]).await
}

const NEXT_RANK: &str = "
    select min(rank) as rank
      from album_item
     where album = $1
       and rank > $2";

/// Returns the nearest rank above another.
pub(crate) async fn find_next_rank(sql: &impl Sql, album: &AlbumId, above: i64) -> Result<Option<i64>, Error> {
    rank(sql, NEXT_RANK, vec![album.as_str().into(), above.into()]).await
}

/// Inserts items with these ranks, which are as many.
pub(crate) async fn insert(tx: &Tx, album: &AlbumId, items: &[RankedItem], now: DateTime<Utc>) -> Result<(), Error> {
    let mut left = items;
    while let Some((chunk, rest)) = left.split_at_checked(chunk_size(left.len())) {
        left = rest;
        let row = |item: &RankedItem| -> [Value; 4] {
            [album.as_str().into(), item.id.as_str().into(), item.rank.into(), now.into()]
        };
        let values = chunk.iter().flat_map(row).collect();
        let text =
            format!("insert into album_item (album, media, rank, added_at) values {}", placeholders(chunk.len(), 4));
        tx.execute(&text, values).await?;
    }
    Ok(())
}

/// Sets the rank of an item.
pub(crate) async fn set_rank(tx: &Tx, album: &AlbumId, media: &MediaId, rank: i64) -> Result<(), Error> {
    let text = "update album_item set rank = $3 where album = $1 and media = $2";
    tx.execute(text, vec![album.as_str().into(), media.as_str().into(), rank.into()]).await.map(drop)
}

/// Returns the rank of the item that is `skipped` items inside of the edge of a renumbering.
pub(crate) async fn find_rank_inside(
    sql: &impl Sql,
    album: &AlbumId,
    renumbering: Renumbering,
    skipped: u64,
) -> Result<Option<i64>, Error> {
    let (comparison, direction) = if renumbering.upward { ("<", "desc") } else { (">", "asc") };
    let text = format!(
        "select rank
           from album_item
          where album = $1
            and rank {comparison} $2
          order by rank {direction}
          limit 1
         offset $3"
    );
    rank(sql, &text, vec![album.as_str().into(), renumbering.edge.into(), to_bigint(skipped)]).await
}

/// Places the outermost items inside of the edge of a renumbering, at most `limit`, with a gap between any two. Returns
/// their number.
pub(crate) async fn renumber(tx: &Tx, album: &AlbumId, renumbering: Renumbering, limit: u64) -> Result<u64, Error> {
    let (sign, comparison, direction) = if renumbering.upward { ("-", "<", "desc") } else { ("+", ">", "asc") };
    let text = format!(
        "update album_item
            set rank = $2 {sign} numbered.number * $3
           from (
               select media, row_number() over (order by rank {direction}) as number
                 from (
                     select media, rank
                       from album_item
                      where album = $1
                        and rank {comparison} $2
                      order by rank {direction}
                      limit $4
                 ) outermost
           ) numbered
          where album_item.album = $1
            and album_item.media = numbered.media"
    );
    let values = vec![album.as_str().into(), renumbering.edge.into(), GAP.into(), to_bigint(limit)];
    let count = tx.execute(&text, values).await?;
    albums::increment_numbering(tx, album).await?;
    Ok(count)
}

/// Takes an item out of an album. Returns whether the album had it.
pub(crate) async fn remove(tx: &Tx, album: &AlbumId, media: &MediaId) -> Result<bool, Error> {
    let text = "delete from album_item where album = $1 and media = $2";
    Ok(tx.execute(text, vec![album.as_str().into(), media.as_str().into()]).await? > 0)
}

const REMOVE_SOME: &str = "
    delete from album_item
     where album = $1
       and media in (
           select media
             from album_item
            where album = $1
            limit $2)";

/// Takes at most `limit` items out of an album. Returns how many it took out.
pub(crate) async fn remove_some(tx: &Tx, album: &AlbumId, limit: u64) -> Result<u64, Error> {
    tx.execute(REMOVE_SOME, vec![album.as_str().into(), to_bigint(limit)]).await
}

/// Takes an item out of at most `limit` of the albums that have it. Returns of how many.
pub(crate) async fn remove_from_albums(tx: &Tx, media: &MediaId, limit: u64, now: DateTime<Utc>) -> Result<u64, Error> {
    let text = "select album from album_item where media = $1 order by album limit $2";
    let rows: Vec<AlbumRow> = tx.rows(text, vec![media.as_str().into(), to_bigint(limit)]).await?;
    let found: Vec<String> = rows.into_iter().map(|row| row.album).collect();
    let Some(last) = found.last() else { return Ok(0) };
    // The rows that were found are those up to the last one, as they are in order.
    let text = "delete from album_item where media = $1 and album <= $2";
    tx.execute(text, vec![media.as_str().into(), last.clone().into()]).await?;
    albums::subtract_item(tx, &found, media, now).await?;
    Ok(found.len() as u64)
}
