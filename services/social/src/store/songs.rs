//! Rows of the songs that posts name: the copies of the items, and which post names which.
//!
//! Does not own who is shown a song ([`super::visible`]), nor following one, which ends with the song. Invariant: a
//! song that a post names has a row; the row of one that no post names any more is marked, and removed later, because a
//! post of another member may name it meanwhile.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use contract::MediaId;
use db::{Error, FromQueryResult, Sql, Tx, Value, placeholders};
use uuid::Uuid;

use super::visible::{showing_post, visible_song};
use super::{bound, from_optional_bigint, micros, names_after};
use crate::model::{PersonNumber, Position, ShownSong, Song};

#[derive(FromQueryResult)]
struct MediaRow {
    media: String,
}

impl TryFrom<MediaRow> for MediaId {
    type Error = Error;
    fn try_from(row: MediaRow) -> Result<Self, Error> {
        row.media.try_into().map_err(|_| Error::Corrupt("the id of a song"))
    }
}

fn all(rows: Vec<MediaRow>) -> Result<Vec<MediaId>, Error> {
    rows.into_iter().map(MediaId::try_from).collect()
}

const PUT: &str = "
    insert into song (media, owner, title, duration_ms, is_hidden, may_be_unused, version)
    values ($1, $2, $3, $4, false, false, $5)
    on conflict (media) do update
       set title = excluded.title,
           duration_ms = excluded.duration_ms,
           is_hidden = false,
           version = excluded.version
     where song.version <= excluded.version";

const INSERT: &str = "
    insert into post_song (post, media, position)
    values ($1, $2, $3)";

/// Sets the song of a post, in place of an earlier one.
pub(crate) async fn set(tx: &Tx, post: Uuid, song: Option<&Song>, position: Position) -> Result<(), Error> {
    mark_of_posts(tx, &[post]).await?;
    tx.execute("delete from post_song where post = $1", vec![post.into()]).await?;
    let Some(song) = song else { return Ok(()) };
    let values = vec![
        song.id.as_str().into(),
        song.owner.0.into(),
        song.title.as_str().into(),
        song.duration_ms.map(u64::cast_signed).into(),
        song.version.cast_signed().into(),
    ];
    tx.execute(PUT, values).await?;
    tx.execute(INSERT, vec![post.into(), song.id.as_str().into(), position.0.into()]).await.map(drop)
}

const MARK: &str = "
    update song
       set may_be_unused = true
     where media = $1";

/// Marks the songs that these posts name, before they name them no longer. Rows are changed in the order of the ids.
pub(crate) async fn mark_of_posts(tx: &Tx, posts: &[Uuid]) -> Result<(), Error> {
    if posts.is_empty() {
        return Ok(());
    }
    let text = format!(
        "select distinct media
           from post_song
          where post in {}
          order by media",
        placeholders(1, posts.len())
    );
    let songs: Vec<MediaRow> = tx.rows(&text, posts.iter().map(|post| Value::from(*post)).collect()).await?;
    for song in songs {
        tx.execute(MARK, vec![song.media.into()]).await?;
    }
    Ok(())
}

#[derive(FromQueryResult)]
struct ShownRow {
    post: Uuid,
    media: String,
    title: String,
    duration_ms: Option<i64>,
    handle: String,
}

impl TryFrom<ShownRow> for ShownSong {
    type Error = Error;
    fn try_from(row: ShownRow) -> Result<Self, Error> {
        Ok(Self {
            id: row.media.try_into().map_err(|_| Error::Corrupt("the id of a song"))?,
            title: row.title,
            handle: row.handle,
            duration_ms: from_optional_bigint(row.duration_ms, "the length of a song")?,
        })
    }
}

/// Returns the songs of these posts, which the reader may see, without those that are not shown to the reader.
pub(crate) async fn list(
    sql: &impl Sql,
    posts: &[Uuid],
    reader: PersonNumber,
    now: DateTime<Utc>,
) -> Result<HashMap<Uuid, ShownSong>, Error> {
    if posts.is_empty() {
        return Ok(HashMap::new());
    }
    let text = format!(
        "select post_song.post, song.media, song.title, song.duration_ms, owner.handle
           from post_song
           join post on post.id = post_song.post
           join song on song.media = post_song.media
           join person owner on owner.number = song.owner
          where post_song.post in {}
            and {}",
        names_after(2, posts.len()),
        visible_song("$1", "$2")
    );
    let mut values: Vec<Value> = vec![reader.0.into(), micros(now)];
    values.extend(posts.iter().map(|post| Value::from(*post)));
    let rows: Vec<ShownRow> = sql.rows(&text, values).await?;
    rows.into_iter().map(|row| Ok::<_, Error>((row.post, ShownSong::try_from(row)?))).collect()
}

#[derive(FromQueryResult)]
struct NamedRow {
    post: Uuid,
    media: String,
}

/// Returns the ids of the songs that these posts name, whoever is shown them.
pub(crate) async fn list_named(sql: &impl Sql, posts: &[Uuid]) -> Result<HashMap<Uuid, String>, Error> {
    if posts.is_empty() {
        return Ok(HashMap::new());
    }
    let text = format!(
        "select post, media
           from post_song
          where post in {}",
        placeholders(1, posts.len())
    );
    let rows: Vec<NamedRow> = sql.rows(&text, posts.iter().map(|post| Value::from(*post)).collect()).await?;
    Ok(rows.into_iter().map(|row| (row.post, row.media)).collect())
}

/// Returns who shows an audio item to a reader in a public post.
pub(crate) async fn find_owner_showing(
    sql: &impl Sql,
    media: &MediaId,
    reader: PersonNumber,
    now: DateTime<Utc>,
) -> Result<Option<PersonNumber>, Error> {
    #[derive(FromQueryResult)]
    struct OwnerRow {
        owner: i64,
    }
    let text = format!(
        "select showing.author as owner
           from post_media
           join post showing on showing.id = post_media.post
           join person singer on singer.number = showing.author
          where post_media.media = $3
            and post_media.kind = 'audio'
            and {}
          limit 1",
        showing_post("showing", "singer", "$1", "$2")
    );
    let values = vec![reader.0.into(), micros(now), media.as_str().into()];
    let row: Option<OwnerRow> = sql.row(&text, values).await?;
    Ok(row.map(|row| PersonNumber(row.owner)))
}

const KNOWN: &str = "
    select media
      from song
     where media = $1
     union all
    select topic as media
      from topic_follow
     where kind = 'song'
       and topic = $1
     limit 1";

/// Whether a post names an item as its song, or has until lately, or a member follows it.
pub(crate) async fn is_known(sql: &impl Sql, media: &MediaId) -> Result<bool, Error> {
    let row: Option<MediaRow> = sql.row(KNOWN, vec![media.as_str().into()]).await?;
    Ok(row.is_some())
}

const UPDATE: &str = "
    update song
       set title = $2,
           is_hidden = $3,
           version = $4
     where media = $1
       and version < $4";

/// Records what a song is called, and whether it is in the trash, unless something newer is known.
pub(crate) async fn update(tx: &Tx, media: &MediaId, title: &str, is_hidden: bool, version: u64) -> Result<(), Error> {
    let values = vec![media.as_str().into(), title.into(), is_hidden.into(), version.cast_signed().into()];
    tx.execute(UPDATE, values).await.map(drop)
}

const HIDE: &str = "
    update song
       set is_hidden = true
     where media = $1";

/// Hides a song that its owner's library does not have any more. If it is in the trash, its restoration shows it again.
pub(crate) async fn hide(tx: &Tx, media: &MediaId) -> Result<(), Error> {
    tx.execute(HIDE, vec![media.as_str().into()]).await.map(drop)
}

const REMOVE_FROM_POSTS: &str = "
    delete from post_song
     where media = $1
       and post in (
           select post
             from post_song
            where media = $1
            order by position
            limit $2)";

const REMOVE_FOLLOWS: &str = "
    delete from topic_follow
     where kind = 'song'
       and topic = $1
       and follower in (
           select follower
             from topic_follow
            where kind = 'song'
              and topic = $1
            order by follower
            limit $2)";

/// Takes a song out of posts and ends following it, at most `limit` of each, and removes it with the last of them. From
/// the first call on, it is shown nowhere. Returns whether nothing is left.
pub(crate) async fn remove(tx: &Tx, media: &MediaId, limit: usize) -> Result<bool, Error> {
    hide(tx, media).await?;
    for text in [REMOVE_FROM_POSTS, REMOVE_FOLLOWS] {
        if tx.execute(text, vec![media.as_str().into(), bound(limit)]).await? == limit as u64 {
            return Ok(false);
        }
    }
    tx.execute("delete from song where media = $1", vec![media.as_str().into()]).await?;
    Ok(true)
}

const OF_OWNER: &str = "
    select media
      from song
     where owner = $1
     order by media
     limit $2";

/// Returns songs of a member's, at most `limit`.
pub(crate) async fn list_of_owner(sql: &impl Sql, owner: PersonNumber, limit: usize) -> Result<Vec<MediaId>, Error> {
    all(sql.rows(OF_OWNER, vec![owner.0.into(), bound(limit)]).await?)
}

const MARKED: &str = "
    select media
      from song
     where may_be_unused
       and media > ''
     order by media
     limit $1";

const REMOVE_UNUSED: &str = "
    delete from song
     where media = $1
       and not exists (
           select 1
             from post_song
            where post_song.media = song.media)";

const UNMARK: &str = "
    update song
       set may_be_unused = false
     where media = $1";

/// Returns songs that may be named by no post, at most `limit`.
pub(crate) async fn list_marked(sql: &impl Sql, limit: usize) -> Result<Vec<MediaId>, Error> {
    all(sql.rows(MARKED, vec![bound(limit)]).await?)
}

/// Removes those of the marked songs that no post names, at most `limit`. Returns how many were looked at. The caller
/// holds the lane of all, so that no post that names one is being written.
pub(crate) async fn remove_unused(tx: &Tx, limit: usize) -> Result<u64, Error> {
    let marked = list_marked(tx, limit).await?;
    for media in &marked {
        tx.execute(REMOVE_UNUSED, vec![media.as_str().into()]).await?;
        tx.execute(UNMARK, vec![media.as_str().into()]).await?;
    }
    Ok(marked.len() as u64)
}
