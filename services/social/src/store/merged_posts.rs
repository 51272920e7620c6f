//! Rows of posts that are in no entries of feeds yet, or never will be: readers merge them.
//!
//! Every post has a row from its publication on. Fan-out removes it with its last entries; that of an account with many
//! followers stays. Invariant: a post of a followed author has a row here, or an entry in every feed that fan-out
//! writes to; so a reader who first reads these rows and then the entries finds it.

use db::{Error, FromQueryResult, Sql, Tx};
use uuid::Uuid;

use super::bound;
use crate::model::{PersonNumber, Position, Post};

/// How far the fan-out of a post is: behind this follow, in the order of time and number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FanOut {
    /// The author.
    pub author: PersonNumber,
    /// The position of the post.
    pub position: Position,
    /// The time of the last follow, in seconds.
    pub after_s: i64,
    /// The number of its follower.
    pub after_follower: i64,
}

impl FanOut {
    /// Whether no batch was written yet.
    pub(crate) fn is_new(&self) -> bool {
        self.after_s < 0
    }
}

const INSERT: &str = "
    insert into merged_post (post, author, position, after_s, after_follower)
    values ($1, $2, $3, -1, -1)";

/// Inserts the row of a post that appears.
pub(crate) async fn insert(tx: &Tx, post: &Post) -> Result<(), Error> {
    tx.execute(INSERT, vec![post.id.into(), post.author.0.into(), post.position.0.into()]).await.map(drop)
}

#[derive(FromQueryResult)]
struct Row {
    author: i64,
    position: i64,
    after_s: i64,
    after_follower: i64,
}

const FIND: &str = "
    select author, position, after_s, after_follower
      from merged_post
     where post = $1";

/// Returns how far the fan-out of a post is; `None` if it is done, or the post is gone.
pub(crate) async fn find(sql: &impl Sql, post: Uuid) -> Result<Option<FanOut>, Error> {
    let row: Option<Row> = sql.row(FIND, vec![post.into()]).await?;
    Ok(row.map(|row| FanOut {
        author: PersonNumber(row.author),
        position: Position(row.position),
        after_s: row.after_s,
        after_follower: row.after_follower,
    }))
}

const ADVANCE: &str = "
    update merged_post
       set after_s = $2,
           after_follower = $3
     where post = $1";

/// Records that the fan-out has written entries up to a follower.
pub(crate) async fn advance(tx: &Tx, post: Uuid, last: Follower) -> Result<(), Error> {
    tx.execute(ADVANCE, vec![post.into(), last.since_s.into(), last.number.into()]).await.map(drop)
}

/// Removes the row of a post whose fan-out is done.
pub(crate) async fn remove(tx: &Tx, post: Uuid) -> Result<(), Error> {
    tx.execute("delete from merged_post where post = $1", vec![post.into()]).await.map(drop)
}

/// A follower, as fan-out needs one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromQueryResult)]
pub(crate) struct Follower {
    /// Since when, in seconds.
    pub since_s: i64,
    /// The number.
    pub number: i64,
    /// Whether entries are written to the feed.
    pub has_feed: bool,
}

const FOLLOWERS: &str = "
    select follow.since_s, follow.follower as number,
           exists (
               select 1
                 from feed_owner
                where feed_owner.owner = follow.follower
           ) as has_feed
      from follow
     where follow.followee = $1
       and (follow.since_s, follow.follower) > ($2, $3)
     order by follow.since_s, follow.follower
     limit $4";

/// Returns the followers to whom the fan-out of a post comes next, at most `limit`.
pub(crate) async fn list_followers(sql: &impl Sql, fan_out: &FanOut, limit: usize) -> Result<Vec<Follower>, Error> {
    let values = vec![fan_out.author.0.into(), fan_out.after_s.into(), fan_out.after_follower.into(), bound(limit)];
    sql.rows(FOLLOWERS, values).await
}
