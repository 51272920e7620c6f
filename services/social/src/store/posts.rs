//! Rows of posts.
//!
//! Does not own their media, tags and mentions. Invariant: a write about a post holds the lane of its author, and has
//! the author in its `where`.

use chrono::{DateTime, Utc};
use contract::social::{Policies, PostState};
use db::{Error, FromQueryResult, Sql, Tx, Value, placeholders};
use uuid::Uuid;

use super::remains;
use super::songs;
use super::visible::visible_post;
use super::{bound, from_bigint, from_micros, from_optional_micros, micros, names_after};
use crate::model::{PersonNumber, Position, Post, ThreadPart};

/// The columns of a [`PostRow`]. With `offset`, PostgreSQL looks into the index of a post's media, instead of hashing
/// those of all.
pub(super) const COLUMNS: &str = "
    post.id, post.author, post.position, post.state, post.audience, post.text, post.place, post.comment_policy,
    post.repost_policy, post.join_policy, post.link_token, post.is_story, post.version, post.created_us,
    post.published_us, post.edited_us, post.expires_us, post.thread, post.part_state, post.part_number, post.answers,
    post.removal_reason,
    (post.text <> ''
     or exists (
         select 1
           from post_media shown
          where shown.post = post.id
            and not shown.is_hidden
            and shown.state in ('playable', 'ready')
          limit 1 offset 0)) as has_content";

/// The columns of a [`Post`].
#[derive(FromQueryResult)]
pub(super) struct PostRow {
    id: Uuid,
    author: i64,
    position: i64,
    state: String,
    audience: String,
    text: String,
    place: Option<String>,
    comment_policy: String,
    repost_policy: String,
    join_policy: String,
    link_token: Option<String>,
    is_story: bool,
    version: i64,
    created_us: i64,
    published_us: Option<i64>,
    edited_us: Option<i64>,
    expires_us: Option<i64>,
    thread: Option<Uuid>,
    part_state: Option<String>,
    part_number: Option<i64>,
    answers: Option<Uuid>,
    removal_reason: Option<String>,
    has_content: bool,
}

fn part_of(row: &PostRow) -> Result<Option<ThreadPart>, Error> {
    let Some(thread) = row.thread else { return Ok(None) };
    let state = row.part_state.as_deref().unwrap_or_default();
    Ok(Some(ThreadPart {
        thread,
        state: state.parse().map_err(|_| Error::Corrupt("a part's state"))?,
        number: row.part_number,
        answers: row.answers,
        reason: row.removal_reason.clone(),
    }))
}

impl TryFrom<PostRow> for Post {
    type Error = Error;
    fn try_from(row: PostRow) -> Result<Self, Error> {
        let policy = |text: &str| text.parse().map_err(|_| Error::Corrupt("a post's policy"));
        Ok(Self {
            part: part_of(&row)?,
            id: row.id,
            author: PersonNumber(row.author),
            position: Position(row.position),
            state: row.state.parse().map_err(|_| Error::Corrupt("a post's state"))?,
            audience: row.audience.parse().map_err(|_| Error::Corrupt("a post's audience"))?,
            text: row.text,
            has_content: row.has_content,
            place: row.place,
            policies: Policies {
                comment: policy(&row.comment_policy)?,
                repost: policy(&row.repost_policy)?,
                join: policy(&row.join_policy)?,
            },
            link_token: row.link_token,
            is_story: row.is_story,
            version: from_bigint(row.version, "a post's version")?,
            created_at: from_micros(row.created_us, "a post's time")?,
            published_at: from_optional_micros(row.published_us, "a post's time")?,
            edited_at: from_optional_micros(row.edited_us, "a post's time")?,
            expires_at: from_optional_micros(row.expires_us, "a post's end")?,
        })
    }
}

pub(super) fn all(rows: Vec<PostRow>) -> Result<Vec<Post>, Error> {
    rows.into_iter().map(Post::try_from).collect()
}

const INSERT: &str = "
    insert into post (
        id, author, position, state, audience, text, place, comment_policy, repost_policy, join_policy, link_token,
        is_story, version, created_us, published_us, edited_us, expires_us, thread, part_state, part_number, answers,
        removal_reason
    )
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)";

fn optional_micros(at: Option<DateTime<Utc>>) -> Value {
    at.map(|at| at.timestamp_micros()).into()
}

/// Inserts a post.
pub(crate) async fn insert(tx: &Tx, post: &Post) -> Result<(), Error> {
    let part = post.part.as_ref();
    let values = vec![
        post.id.into(),
        post.author.0.into(),
        post.position.0.into(),
        post.state.as_str().into(),
        post.audience.as_str().into(),
        post.text.as_str().into(),
        post.place.clone().into(),
        post.policies.comment.as_str().into(),
        post.policies.repost.as_str().into(),
        post.policies.join.as_str().into(),
        post.link_token.clone().into(),
        post.is_story.into(),
        post.version.cast_signed().into(),
        micros(post.created_at),
        optional_micros(post.published_at),
        optional_micros(post.edited_at),
        optional_micros(post.expires_at),
        part.map(|part| part.thread).into(),
        part.map(|part| part.state.as_str().to_owned()).into(),
        part.and_then(|part| part.number).into(),
        part.and_then(|part| part.answers).into(),
        part.and_then(|part| part.reason.clone()).into(),
    ];
    tx.execute(INSERT, values).await.map(drop)
}

const UPDATE: &str = "
    update post
       set audience = $3,
           text = $4,
           place = $5,
           comment_policy = $6,
           repost_policy = $7,
           join_policy = $8,
           link_token = $9,
           version = $10,
           edited_us = $11
     where id = $1
       and author = $2";

/// Updates what an author changes.
pub(crate) async fn update(tx: &Tx, post: &Post) -> Result<(), Error> {
    let values = vec![
        post.id.into(),
        post.author.0.into(),
        post.audience.as_str().into(),
        post.text.as_str().into(),
        post.place.clone().into(),
        post.policies.comment.as_str().into(),
        post.policies.repost.as_str().into(),
        post.policies.join.as_str().into(),
        post.link_token.clone().into(),
        post.version.cast_signed().into(),
        optional_micros(post.edited_at),
    ];
    tx.execute(UPDATE, values).await.map(drop)
}

const SET_PUBLISHED: &str = "
    update post
       set state = 'published',
           position = $3,
           published_us = $4,
           expires_us = $5,
           part_number = $6
     where id = $1
       and author = $2
       and state = 'waiting'";

/// Publishes a waiting post. Returns whether it waited.
pub(crate) async fn set_published(tx: &Tx, post: &Post) -> Result<bool, Error> {
    let values = vec![
        post.id.into(),
        post.author.0.into(),
        post.position.0.into(),
        optional_micros(post.published_at),
        optional_micros(post.expires_at),
        post.part.as_ref().and_then(|part| part.number).into(),
    ];
    Ok(tx.execute(SET_PUBLISHED, values).await? == 1)
}

const HOLD: &str = "
    update post
       set version = version
     where id = $1";

/// Holds a post until the transaction ends: who removes it waits, whatever their lane is, and then also removes what
/// this transaction has written about it. Returns whether there is one.
pub(crate) async fn hold(tx: &Tx, id: Uuid) -> Result<bool, Error> {
    Ok(tx.execute(HOLD, vec![id.into()]).await? == 1)
}

/// Returns a post, whoever may see it.
pub(crate) async fn find(sql: &impl Sql, id: Uuid) -> Result<Option<Post>, Error> {
    let text = format!("select {COLUMNS} from post where post.id = $1");
    let row: Option<PostRow> = sql.row(&text, vec![id.into()]).await?;
    row.map(Post::try_from).transpose()
}

/// Returns those of these posts that a reader may see without a link, in any order.
pub(crate) async fn list_visible(
    sql: &impl Sql,
    ids: &[Uuid],
    reader: PersonNumber,
    now: DateTime<Utc>,
) -> Result<Vec<Post>, Error> {
    list_visible_by(sql, "id", ids.iter().map(|id| Value::from(*id)), reader, now).await
}

/// Returns those of the posts at these positions that a reader may see without a link, in any order.
pub(crate) async fn list_visible_at(
    sql: &impl Sql,
    positions: &[Position],
    reader: PersonNumber,
    now: DateTime<Utc>,
) -> Result<Vec<Post>, Error> {
    list_visible_by(sql, "position", positions.iter().map(|position| Value::from(position.0)), reader, now).await
}

async fn list_visible_by(
    sql: &impl Sql,
    column: &str,
    keys: impl ExactSizeIterator<Item = Value> + Send,
    reader: PersonNumber,
    now: DateTime<Utc>,
) -> Result<Vec<Post>, Error> {
    if keys.len() == 0 {
        return Ok(Vec::new());
    }
    let text = format!(
        "select {COLUMNS}
           from post
           join person author on author.number = post.author
          where post.{column} in {}
            and {}",
        names_after(2, keys.len()),
        visible_post("$1", "$2")
    );
    let values = [reader.0.into(), micros(now)].into_iter().chain(keys).collect();
    all(sql.rows(&text, values).await?)
}

/// Returns those of these posts that a reader sees, or not, by how they stand to the author; in any order.
pub(crate) async fn list_limited(sql: &impl Sql, ids: &[Uuid]) -> Result<Vec<Uuid>, Error> {
    #[derive(FromQueryResult)]
    struct IdRow {
        id: Uuid,
    }
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let text = format!("select id from post where audience <> 'link' and id in {}", placeholders(1, ids.len()));
    let rows: Vec<IdRow> = sql.rows(&text, ids.iter().map(|id| Value::from(*id)).collect()).await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// Returns the posts of an author that a reader may see, below a position, the newest first.
pub(crate) async fn list_of_author(
    sql: &impl Sql,
    author: PersonNumber,
    reader: PersonNumber,
    now: DateTime<Utc>,
    before: Position,
    limit: usize,
) -> Result<Vec<Post>, Error> {
    let text = format!(
        "select {COLUMNS}
           from post
           join person author on author.number = post.author
          where post.author = $3
            and post.position < $4
            and {}
          order by post.position desc
          limit $5",
        visible_post("$1", "$2")
    );
    let values = vec![reader.0.into(), micros(now), author.0.into(), before.0.into(), bound(limit)];
    all(sql.rows(&text, values).await?)
}

/// Returns posts whose time is over, at most `limit`.
pub(crate) async fn list_expired(sql: &impl Sql, now: DateTime<Utc>, limit: usize) -> Result<Vec<Post>, Error> {
    let text = format!(
        "select {COLUMNS}
           from post
          where post.expires_us <= $1
            and post.expires_us is not null
          order by post.expires_us
          limit $2"
    );
    all(sql.rows(&text, vec![micros(now), bound(limit)]).await?)
}

/// Returns the posts of an author above a position, whatever their state is, the oldest first.
pub(crate) async fn list_all_of_author(
    sql: &impl Sql,
    author: PersonNumber,
    after: Position,
    limit: usize,
) -> Result<Vec<Post>, Error> {
    let text = format!(
        "select {COLUMNS}
           from post
          where post.author = $1
            and post.position > $2
          order by post.position
          limit $3"
    );
    all(sql.rows(&text, vec![author.0.into(), after.0.into(), bound(limit)]).await?)
}

/// Returns posts that were written before a time, after another, and still wait for their media, the oldest first, at
/// most `limit`. Parts that wait for approval are asked about when they have it.
pub(crate) async fn list_waiting(
    sql: &impl Sql,
    after: DateTime<Utc>,
    before: DateTime<Utc>,
    limit: usize,
) -> Result<Vec<Post>, Error> {
    let text = format!(
        "select {COLUMNS}
           from post
          where post.state = 'waiting'
            and (post.part_state is null or post.part_state = 'joined')
            and post.created_us > $1
            and post.created_us < $2
          order by post.created_us
          limit $3"
    );
    all(sql.rows(&text, vec![micros(after), micros(before), bound(limit)]).await?)
}

/// Returns posts with a media item, at most `limit`, below an id; the greatest id first. Only those that wait, if
/// `state` says so.
pub(crate) async fn list_with_media(
    sql: &impl Sql,
    media: &str,
    state: Option<PostState>,
    before: Uuid,
    limit: usize,
) -> Result<Vec<Post>, Error> {
    let condition = if state == Some(PostState::Waiting) { "and post.state = 'waiting'" } else { "" };
    let text = format!(
        "select {COLUMNS}
           from post_media
           join post on post.id = post_media.post
          where post_media.media = $1
            and post_media.post < $2
            {condition}
          order by post_media.post desc
          limit $3"
    );
    all(sql.rows(&text, vec![media.into(), before.into(), bound(limit)]).await?)
}

/// The tables with rows of one post each.
const POST_TABLES: [&str; 8] =
    ["post_media", "post_tag", "post_place", "post_song", "post_mention", "post_counts", "merged_post", "rising_post"];

/// Removes posts with everything of their authors that belongs to them here. What others have left on them cannot be
/// reached any more, and is removed in steps, like entries of feeds.
pub(crate) async fn remove(tx: &Tx, ids: &[Uuid]) -> Result<(), Error> {
    if ids.is_empty() {
        return Ok(());
    }
    songs::mark_of_posts(tx, ids).await?;
    let values = || ids.iter().map(|id| Value::from(*id)).collect::<Vec<_>>();
    for table in POST_TABLES {
        let text = format!("delete from {table} where post in {}", placeholders(1, ids.len()));
        tx.execute(&text, values()).await?;
    }
    let text = format!("delete from post where id in {}", placeholders(1, ids.len()));
    tx.execute(&text, values()).await?;
    remains::insert(tx, ids).await
}
