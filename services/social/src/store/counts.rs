//! The counts of people and posts.
//!
//! Invariant: a count changes in the transaction of the row that it counts, by one statement that adds to it: so it
//! equals the rows, whatever else writes at the same time. `tutti check social` compares both.

use std::collections::HashMap;

use contract::social::views::{PersonCountsView, PostCountsView};
use db::{Error, FromQueryResult, Sql, Tx, Value, placeholders};
use uuid::Uuid;

use crate::model::PersonNumber;

const ADD_TO_PERSON: &str = "
    update person_counts
       set follower_count = follower_count + $2,
           following_count = following_count + $3,
           post_count = post_count + $4,
           public_post_count = public_post_count + $5
     where person = $1";

async fn add(
    tx: &Tx,
    person: PersonNumber,
    [followers, following, posts, public_posts]: [i64; 4],
) -> Result<(), Error> {
    let values = vec![person.0.into(), followers.into(), following.into(), posts.into(), public_posts.into()];
    tx.execute(ADD_TO_PERSON, values).await.map(drop)
}

/// Adds follows (or takes some away) to the counts of both people. Rows are locked in the order of their numbers.
pub(crate) async fn add_follows(
    tx: &Tx,
    follower: PersonNumber,
    followee: PersonNumber,
    difference: i64,
) -> Result<(), Error> {
    let mut changes = [(follower, [0, difference, 0, 0]), (followee, [difference, 0, 0, 0])];
    changes.sort_unstable_by_key(|(person, _)| *person);
    for (person, change) in changes {
        add(tx, person, change).await?;
    }
    Ok(())
}

/// Adds posts (or takes some away) to the counts of their author: those that have appeared, and how many of them are
/// public ([`Post::is_counted_for_all`](crate::model::Post::is_counted_for_all)).
pub(crate) async fn add_posts(tx: &Tx, author: PersonNumber, posts: i64, public_posts: i64) -> Result<(), Error> {
    add(tx, author, [0, 0, posts, public_posts]).await
}

#[derive(FromQueryResult)]
struct PersonRow {
    followers: i64,
    followees: i64,
    posts: i64,
}

const OF_PERSON: &str = "
    select follower_count as followers, following_count as followees,
           case when person = $2 then post_count else public_post_count end as posts
      from person_counts
     where person = $1";

/// Returns the counts of a person, as a reader sees them: all posts for the person, the public ones for everyone else.
pub(crate) async fn find_of_person(
    sql: &impl Sql,
    person: PersonNumber,
    reader: PersonNumber,
) -> Result<PersonCountsView, Error> {
    let row: Option<PersonRow> = sql.row(OF_PERSON, vec![person.0.into(), reader.0.into()]).await?;
    let row = row.unwrap_or(PersonRow { followers: 0, followees: 0, posts: 0 });
    Ok(PersonCountsView {
        followers: row.followers.max(0).unsigned_abs(),
        following: row.followees.max(0).unsigned_abs(),
        posts: row.posts.max(0).unsigned_abs(),
    })
}

const INSERT_OF_POST: &str = "
    insert into post_counts (post, comment_count, reaction_count, repost_count)
    values ($1, 0, 0, 0)";

/// Inserts the counts of a new post.
pub(crate) async fn insert_of_post(tx: &Tx, post: Uuid) -> Result<(), Error> {
    tx.execute(INSERT_OF_POST, vec![post.into()]).await.map(drop)
}

const ADD_TO_POST: &str = "
    update post_counts
       set comment_count = comment_count + $2,
           reaction_count = reaction_count + $3,
           repost_count = repost_count + $4
     where post = $1";

async fn add_to_post(tx: &Tx, post: Uuid, [comments, reactions, reposts]: [i64; 3]) -> Result<(), Error> {
    let values = vec![post.into(), comments.into(), reactions.into(), reposts.into()];
    tx.execute(ADD_TO_POST, values).await.map(drop)
}

/// Adds comments that are shown (or takes some away) to the count of their post.
pub(crate) async fn add_comments(tx: &Tx, post: Uuid, difference: i64) -> Result<(), Error> {
    add_to_post(tx, post, [difference, 0, 0]).await
}

/// Adds reactions (or takes some away) to the count of their post.
pub(crate) async fn add_reactions(tx: &Tx, post: Uuid, difference: i64) -> Result<(), Error> {
    add_to_post(tx, post, [0, difference, 0]).await
}

/// Adds reposts that are shown (or takes some away) to the count of their post.
pub(crate) async fn add_reposts(tx: &Tx, post: Uuid, difference: i64) -> Result<(), Error> {
    add_to_post(tx, post, [0, 0, difference]).await
}

#[derive(FromQueryResult)]
struct PostRow {
    post: Uuid,
    comment_count: i64,
    reaction_count: i64,
    repost_count: i64,
}

/// Returns the counts of these posts.
pub(crate) async fn list_of_posts(sql: &impl Sql, posts: &[Uuid]) -> Result<HashMap<Uuid, PostCountsView>, Error> {
    if posts.is_empty() {
        return Ok(HashMap::new());
    }
    let text = format!(
        "select post, comment_count, reaction_count, repost_count
           from post_counts
          where post in {}",
        placeholders(1, posts.len())
    );
    let values = posts.iter().map(|post| Value::from(*post)).collect();
    let rows: Vec<PostRow> = sql.rows(&text, values).await?;
    let counts = |row: &PostRow| PostCountsView {
        comments: row.comment_count.max(0).unsigned_abs(),
        reactions: row.reaction_count.max(0).unsigned_abs(),
        reposts: row.repost_count.max(0).unsigned_abs(),
    };
    Ok(rows.iter().map(|row| (row.post, counts(row))).collect())
}
