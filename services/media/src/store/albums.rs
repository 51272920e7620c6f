//! The table of albums.
//!
//! Does not own what is in them ([`super::album_items`]). Invariant: `items` is the number of rows of the album in
//! `album_item`, because both change in the same transaction.

use chrono::{DateTime, Utc};
use contract::{AccountId, MediaId};
use db::{Error, FromQueryResult, Sql, Tx, Value, chunk_size, placeholders};

use super::{from_bigint, to_bigint};
use crate::model::album::{Album, AlbumChange, AlbumId, CoverChange};
use crate::model::cursor::Cursor;

/// The cover is the chosen item, else the first one; neither is in the trash. `trashed` counts at most as many rows as
/// an album may have, because the cross join reads those of the album first.
const COLUMNS: &str = "
    id, owner, title, description, visibility,
    coalesce((
        select item.id
          from item
         where item.id = album.cover
           and item.removed_at is null
    ), (
        select album_item.media
          from album_item
          join item
            on item.id = album_item.media
         where album_item.album = album.id
           and item.removed_at is null
         order by album_item.rank
         limit 1
    )) as cover,
    items,
    (
        select count(*)
          from album_item
         cross join item
         where album_item.album = album.id
           and item.id = album_item.media
           and item.removed_at is not null
    ) as trashed,
    numbering, created_at, updated_at";

#[derive(FromQueryResult)]
struct Row {
    id: String,
    owner: String,
    title: String,
    description: String,
    visibility: String,
    cover: Option<String>,
    items: i64,
    trashed: i64,
    numbering: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl TryFrom<Row> for Album {
    type Error = Error;
    fn try_from(row: Row) -> Result<Self, Error> {
        let cover: Option<MediaId> =
            row.cover.map(TryInto::try_into).transpose().map_err(|_| Error::Corrupt("an album's cover"))?;
        Ok(Self {
            id: AlbumId(row.id.try_into().map_err(|_| Error::Corrupt("an album's id"))?),
            owner: AccountId(row.owner.parse().map_err(|_| Error::Corrupt("an album's owner"))?),
            title: row.title,
            description: row.description,
            visibility: row.visibility.parse().map_err(|_| Error::Corrupt("an album's visibility"))?,
            cover,
            item_count: from_bigint(row.items, "an album's items")?,
            trashed_count: from_bigint(row.trashed, "an album's items")?,
            numbering: from_bigint(row.numbering, "an album's numbering")?,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

const INSERT: &str = "
    insert into album (id, owner, title, description, visibility, items, numbering, created_at, updated_at)
    values ($1, $2, $3, $4, $5, 0, 0, $6, $6)";

/// Inserts an album without items.
pub(crate) async fn insert(tx: &Tx, album: &Album) -> Result<(), Error> {
    let values = vec![
        album.id.as_str().into(),
        album.owner.to_string().into(),
        album.title.clone().into(),
        album.description.clone().into(),
        album.visibility.as_str().into(),
        album.created_at.into(),
    ];
    tx.execute(INSERT, values).await.map(drop)
}

/// Returns how many albums a member has.
pub(crate) async fn count(sql: &impl Sql, owner: AccountId) -> Result<u64, Error> {
    #[derive(FromQueryResult)]
    struct Count {
        albums: i64,
    }
    let text = "select count(*) as albums from album where owner = $1";
    let row: Option<Count> = sql.row(text, vec![owner.to_string().into()]).await?;
    from_bigint(row.map_or(0, |row| row.albums), "a count")
}

/// Returns an album, whatever its owner.
pub(crate) async fn find(sql: &impl Sql, id: &AlbumId) -> Result<Option<Album>, Error> {
    let text = format!(
        "select {COLUMNS}
           from album
          where id = $1"
    );
    let row: Option<Row> = sql.row(&text, vec![id.as_str().into()]).await?;
    row.map(Album::try_from).transpose()
}

/// Returns an album of this owner.
pub(crate) async fn find_owned(sql: &impl Sql, id: &AlbumId, owner: AccountId) -> Result<Option<Album>, Error> {
    Ok(find(sql, id).await?.filter(|album| album.owner == owner))
}

/// Returns albums of a member, the newest first.
pub(crate) async fn list(
    sql: &impl Sql,
    owner: AccountId,
    after: Option<&Cursor>,
    limit: usize,
) -> Result<Vec<Album>, Error> {
    let mut values: Vec<Value> = vec![owner.to_string().into(), to_bigint(limit as u64)];
    let from = after.map_or("", |after| {
        values.extend([after.at.into(), after.id.clone().into()]);
        "and (created_at, id) < ($3, $4)"
    });
    let text = format!(
        "select {COLUMNS}
           from album
          where owner = $1
            {from}
          order by created_at desc, id desc
          limit $2"
    );
    let rows: Vec<Row> = sql.rows(&text, values).await?;
    rows.into_iter().map(Album::try_from).collect()
}

const UPDATE: &str = "
    update album
       set title = coalesce($2, title),
           description = coalesce($3, description),
           visibility = coalesce($4, visibility),
           cover = case when $5 then $6 else cover end,
           updated_at = $7
     where id = $1";

/// Updates an album.
pub(crate) async fn update(tx: &Tx, id: &AlbumId, change: &AlbumChange, now: DateTime<Utc>) -> Result<(), Error> {
    let (sets_cover, cover) = match &change.cover {
        CoverChange::Unchanged => (false, None),
        CoverChange::First => (true, None),
        CoverChange::Item(media) => (true, Some(media.as_str().to_owned())),
    };
    let values = vec![
        id.as_str().into(),
        change.title.clone().into(),
        change.description.clone().into(),
        change.visibility.map(|visibility| visibility.as_str().to_owned()).into(),
        sets_cover.into(),
        cover.into(),
        now.into(),
    ];
    tx.execute(UPDATE, values).await.map(drop)
}

const ADD_ITEMS: &str = "
    update album
       set items = items + $2,
           updated_at = $3
     where id = $1";

/// Records that an album has `count` items more; with 0, that its order has changed.
pub(crate) async fn add_items(tx: &Tx, id: &AlbumId, count: usize, now: DateTime<Utc>) -> Result<(), Error> {
    tx.execute(ADD_ITEMS, vec![id.as_str().into(), to_bigint(count as u64), now.into()]).await.map(drop)
}

/// Records that albums have lost an item. Where it was chosen as the cover, the first item is the cover from now on.
pub(crate) async fn subtract_item(
    tx: &Tx,
    albums: &[String],
    media: &MediaId,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let mut left = albums;
    while let Some((chunk, rest)) = left.split_at_checked(chunk_size(left.len())) {
        left = rest;
        let mut values: Vec<Value> = chunk.iter().map(|album| album.clone().into()).collect();
        values.extend([media.as_str().into(), now.into()]);
        let (media_at, now_at) = (chunk.len() + 1, chunk.len() + 2);
        let text = format!(
            "update album
                set items = items - 1,
                    cover = case when cover = ${media_at} then null else cover end,
                    updated_at = ${now_at}
              where id in {}",
            placeholders(1, chunk.len())
        );
        tx.execute(&text, values).await?;
    }
    Ok(())
}

const SUBTRACT_ITEMS: &str = "
    update album
       set items = items - $2,
           cover = null
     where id = $1";

/// Records that an album that is being removed has lost `count` items.
pub(crate) async fn subtract_items(tx: &Tx, id: &AlbumId, count: u64) -> Result<(), Error> {
    tx.execute(SUBTRACT_ITEMS, vec![id.as_str().into(), to_bigint(count)]).await.map(drop)
}

/// Records that the items of an album were numbered anew.
pub(crate) async fn increment_numbering(tx: &Tx, id: &AlbumId) -> Result<(), Error> {
    let text = "update album set numbering = numbering + 1 where id = $1";
    tx.execute(text, vec![id.as_str().into()]).await.map(drop)
}

/// Removes the row of an album.
pub(crate) async fn remove(tx: &Tx, id: &AlbumId) -> Result<(), Error> {
    tx.execute("delete from album where id = $1", vec![id.as_str().into()]).await.map(drop)
}
