//! Rows of the editions of rising posts, and the posts that may come into one.
//!
//! Invariant: an edition is written whole and never changes, so a walk through it meets each post once.

use chrono::{DateTime, Utc};
use contract::social::views::PostCountsView;
use db::{Error, FromQueryResult, Sql, Tx, Value, chunk_size, placeholders};
use uuid::Uuid;

use super::feed_sources::Window;
use super::visible::{not_muted, visible_post};
use super::{bound, micros};
use crate::model::rising::Rising;
use crate::model::{PersonNumber, Position, RisingCursor};

/// A post that may rise, with what its score is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scored {
    /// The post.
    pub post: Uuid,
    /// Its author.
    pub author: PersonNumber,
    /// Its position.
    pub position: Position,
    /// When it has appeared, in microseconds since 1970.
    pub published_us: i64,
    /// Its counts.
    pub counts: PostCountsView,
}

#[derive(FromQueryResult)]
struct ScoredRow {
    id: Uuid,
    author: i64,
    position: i64,
    published_us: Option<i64>,
    comment_count: i64,
    reaction_count: i64,
    repost_count: i64,
}

/// Returns posts for everyone in a window, the newest first.
pub(crate) async fn list_scored(
    sql: &impl Sql,
    now: DateTime<Utc>,
    window: Window,
    limit: usize,
) -> Result<Vec<Scored>, Error> {
    let text = format!(
        "select post.id, post.author, post.position, post.published_us, post_counts.comment_count,
                post_counts.reaction_count, post_counts.repost_count
           from post
           join post_counts on post_counts.post = post.id
           join person author on author.number = post.author
          where post.position < $3
            and post.position > $4
            and post.state = 'published'
            and post.audience = 'public'
            and {}
          order by post.position desc
          limit $5",
        visible_post("$1", "$2")
    );
    let reader = PersonNumber::NONE;
    let values = vec![reader.0.into(), micros(now), window.before.0.into(), window.above.0.into(), bound(limit)];
    let rows: Vec<ScoredRow> = sql.rows(&text, values).await?;
    let scored = |row: ScoredRow| Scored {
        post: row.id,
        author: PersonNumber(row.author),
        position: Position(row.position),
        published_us: row.published_us.unwrap_or_default(),
        counts: PostCountsView {
            comments: row.comment_count.max(0).unsigned_abs(),
            reactions: row.reaction_count.max(0).unsigned_abs(),
            reposts: row.repost_count.max(0).unsigned_abs(),
        },
    };
    Ok(rows.into_iter().map(scored).collect())
}

#[derive(FromQueryResult)]
struct EditionRow {
    edition: i64,
}

/// Returns the newest edition.
pub(crate) async fn find_edition(sql: &impl Sql) -> Result<Option<i64>, Error> {
    let text = "select edition from rising_post where edition > 0 order by edition desc, ordinal desc limit 1";
    let row: Option<EditionRow> = sql.row(text, vec![]).await?;
    Ok(row.map(|row| row.edition))
}

/// Returns the newest edition that there was at a time, in seconds.
pub(crate) async fn find_edition_at(sql: &impl Sql, time_s: i64) -> Result<Option<i64>, Error> {
    let text = "select edition from rising_post where edition <= $1 order by edition desc, ordinal desc limit 1";
    let row: Option<EditionRow> = sql.row(text, vec![time_s.into()]).await?;
    Ok(row.map(|row| row.edition))
}

/// Whether an edition is kept.
pub(crate) async fn has_edition(sql: &impl Sql, edition: i64) -> Result<bool, Error> {
    let text = "select edition from rising_post where edition = $1 order by ordinal limit 1";
    let row: Option<EditionRow> = sql.row(text, vec![edition.into()]).await?;
    Ok(row.is_some())
}

#[derive(FromQueryResult)]
struct PostRow {
    post: Uuid,
}

/// Returns the posts of an edition, in order.
pub(crate) async fn list_all(sql: &impl Sql, edition: i64) -> Result<Vec<Uuid>, Error> {
    let text = "select post from rising_post where edition = $1 order by ordinal";
    let rows: Vec<PostRow> = sql.rows(text, vec![edition.into()]).await?;
    Ok(rows.into_iter().map(|row| row.post).collect())
}

/// Inserts an edition.
pub(crate) async fn insert(tx: &Tx, edition: i64, posts: &[Rising]) -> Result<(), Error> {
    let (mut left, mut ordinal) = (posts, 0_i64);
    while let Some((chunk, rest)) = left.split_at_checked(chunk_size(left.len())) {
        left = rest;
        let rows = placeholders(chunk.len(), 4);
        let text = format!("insert into rising_post (edition, ordinal, post, score) values {rows}");
        let mut values: Vec<Value> = Vec::with_capacity(chunk.len() * 4);
        for rising in chunk {
            ordinal += 1;
            values.extend([edition.into(), ordinal.into(), rising.post.into(), rising.score.into()]);
        }
        tx.execute(&text, values).await?;
    }
    Ok(())
}

const REMOVE_BEFORE: &str = "
    delete from rising_post
     where (edition, ordinal) in (
         select edition, ordinal
           from rising_post
          where edition < $1
          order by edition, ordinal
          limit $2)";

/// Removes rows of editions before one, at most `limit`. Returns how many.
pub(crate) async fn remove_before(tx: &Tx, edition: i64, limit: usize) -> Result<u64, Error> {
    tx.execute(REMOVE_BEFORE, vec![edition.into(), bound(limit)]).await
}

#[derive(FromQueryResult)]
struct ListedRow {
    post: Uuid,
    ordinal: i64,
}

/// Returns the posts of an edition behind a place that a reader may see, each with its place, in order.
pub(crate) async fn list(
    sql: &impl Sql,
    reader: PersonNumber,
    now: DateTime<Utc>,
    after: RisingCursor,
    limit: usize,
) -> Result<Vec<(Uuid, i64)>, Error> {
    let text = format!(
        "select rising_post.post, rising_post.ordinal
           from rising_post
           join post on post.id = rising_post.post
           join person author on author.number = post.author
          where rising_post.edition = $3
            and rising_post.ordinal > $4
            and post.audience = 'public'
            and post.state = 'published'
            and {}
            and {}
          order by rising_post.ordinal
          limit $5",
        not_muted("post.author", "$1", "$2"),
        visible_post("$1", "$2")
    );
    let values = vec![reader.0.into(), micros(now), after.edition.into(), after.ordinal.into(), bound(limit)];
    let rows: Vec<ListedRow> = sql.rows(&text, values).await?;
    Ok(rows.into_iter().map(|row| (row.post, row.ordinal)).collect())
}
