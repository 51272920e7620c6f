//! The comparison of counts with the rows that they count.
//!
//! Invariant: it reads only, in pages of people and posts, so it can run beside a server.

use db::{Error, FromQueryResult, Sql};
use uuid::Uuid;

use super::bound;
use crate::model::PersonNumber;

/// The counts of a person: those that are stored, and the rows.
#[derive(Debug, Clone, PartialEq, Eq, FromQueryResult)]
pub(crate) struct PersonDrift {
    /// The person.
    pub person: i64,
    /// The stored counts.
    pub follower_count: i64,
    /// The stored counts.
    pub following_count: i64,
    /// The stored counts.
    pub post_count: i64,
    /// The stored counts.
    pub public_post_count: i64,
    /// The rows.
    pub follower_rows: i64,
    /// The rows.
    pub following_rows: i64,
    /// The rows.
    pub post_rows: i64,
    /// The rows.
    pub public_post_rows: i64,
}

const PEOPLE: &str = "
    select counts.person, counts.follower_count, counts.following_count, counts.post_count, counts.public_post_count,
           (select count(*)
              from follow
             where follow.followee = counts.person) as follower_rows,
           (select count(*)
              from follow
             where follow.follower = counts.person) as following_rows,
           (select count(*)
              from post
             where post.author = counts.person
               and post.state = 'published') as post_rows,
           (select count(*)
              from post
             where post.author = counts.person
               and post.state = 'published'
               and post.audience = 'public'
               and post.thread is null
               and (post.text <> ''
                    or exists (
                        select 1
                          from post_media shown
                         where shown.post = post.id
                           and not shown.is_hidden
                           and shown.state in ('playable', 'ready')
                         limit 1 offset 0))) as public_post_rows
      from person_counts counts
     where counts.person > $1
     order by counts.person
     limit $2";

/// Returns the counts of people above a number, in order, at most `limit`.
pub(crate) async fn list_people(sql: &impl Sql, after: PersonNumber, limit: usize) -> Result<Vec<PersonDrift>, Error> {
    sql.rows(PEOPLE, vec![after.0.into(), bound(limit)]).await
}

/// The counts of a post: those that are stored, and the rows.
#[derive(Debug, Clone, PartialEq, Eq, FromQueryResult)]
pub(crate) struct PostDrift {
    /// The post.
    pub post: Uuid,
    /// The stored counts.
    pub comment_count: i64,
    /// The stored counts.
    pub reaction_count: i64,
    /// The stored counts.
    pub repost_count: i64,
    /// The rows.
    pub comment_rows: i64,
    /// The rows.
    pub reaction_rows: i64,
    /// The rows.
    pub repost_rows: i64,
}

const POSTS: &str = "
    select counts.post, counts.comment_count, counts.reaction_count, counts.repost_count,
           (select count(*)
              from post_comment
             where post_comment.post = counts.post
               and not post_comment.is_pending) as comment_rows,
           (select count(*)
              from reaction
             where reaction.post = counts.post) as reaction_rows,
           (select count(*)
              from repost
             where repost.post = counts.post
               and not repost.is_pending) as repost_rows
      from post_counts counts
     where counts.post > $1
     order by counts.post
     limit $2";

/// Returns the counts of posts above an id, in order, at most `limit`.
pub(crate) async fn list_posts(sql: &impl Sql, after: Uuid, limit: usize) -> Result<Vec<PostDrift>, Error> {
    sql.rows(POSTS, vec![after.into(), bound(limit)]).await
}

/// The count of the answers to a comment, and the rows.
#[derive(Debug, Clone, PartialEq, Eq, FromQueryResult)]
pub(crate) struct CommentDrift {
    /// The comment.
    pub id: Uuid,
    /// The stored count.
    pub answer_count: i64,
    /// The rows.
    pub answer_rows: i64,
}

const COMMENTS: &str = "
    select post_comment.id, post_comment.answer_count,
           (select count(*)
              from post_comment answer
             where answer.parent = post_comment.id
               and not answer.is_pending) as answer_rows
      from post_comment
     where post_comment.id > $1
     order by post_comment.id
     limit $2";

/// Returns the counts of answers to comments above an id, in order, at most `limit`.
pub(crate) async fn list_comments(sql: &impl Sql, after: Uuid, limit: usize) -> Result<Vec<CommentDrift>, Error> {
    sql.rows(COMMENTS, vec![after.into(), bound(limit)]).await
}

/// The count of a thread: that which is stored, and the rows.
#[derive(Debug, Clone, PartialEq, Eq, FromQueryResult)]
pub(crate) struct ThreadDrift {
    /// The thread.
    pub id: Uuid,
    /// The stored count.
    pub part_count: i64,
    /// The rows.
    pub part_rows: i64,
}

const THREADS: &str = "
    select thread.id, thread.part_count,
           (select count(*)
              from post
             where post.thread = thread.id
               and post.part_state = 'joined') as part_rows
      from thread
     where thread.id > $1
     order by thread.id
     limit $2";

/// Returns the counts of threads above an id, in order, at most `limit`.
pub(crate) async fn list_threads(sql: &impl Sql, after: Uuid, limit: usize) -> Result<Vec<ThreadDrift>, Error> {
    sql.rows(THREADS, vec![after.into(), bound(limit)]).await
}
