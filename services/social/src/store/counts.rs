//! The counts of people and posts.
//!
//! Invariant: a count changes in the transaction of the row that it counts, by one statement that adds to it: so it
//! equals the rows, whatever else writes at the same time. `tutti check social` compares both.

use std::collections::HashMap;

use contract::MediaId;
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
/// counted for everyone ([`settle_public`]).
pub(crate) async fn add_posts(tx: &Tx, author: PersonNumber, posts: i64, public_posts: i64) -> Result<(), Error> {
    add(tx, author, [0, 0, posts, public_posts]).await
}

/// The condition that a post is among those that everyone's view of its author counts: it is public, no part of a
/// thread, which is shown with that only, and has something to show.
const PUBLIC: &str = "
           post.state = 'published'
           and post.audience = 'public'
           and post.thread is null
           and (post.text <> ''
                or exists (
                    select 1
                      from post_media shown
                     where shown.post = post.id
                       and not shown.is_hidden
                       and shown.state in ('playable', 'ready')
                     limit 1 offset 0))";

#[derive(FromQueryResult)]
struct CountedRow {
    is_counted: bool,
}

/// Counts posts for everyone that are public now, and those no longer that are not. All have this author.
async fn settle_each(tx: &Tx, author: PersonNumber, selected: &str, value: Value) -> Result<(), Error> {
    let text = format!(
        "update post
            set is_counted = not is_counted
          where {selected}
            and is_counted <> ({PUBLIC})
      returning is_counted"
    );
    let changed: Vec<CountedRow> = tx.rows(&text, vec![value]).await?;
    let difference: i64 = changed.iter().map(|row| if row.is_counted { 1 } else { -1 }).sum();
    if difference == 0 { Ok(()) } else { add_posts(tx, author, 0, difference).await }
}

/// Counts a post for everyone if it is public, or no longer, after its row or its media have changed.
pub(crate) async fn settle_public(tx: &Tx, author: PersonNumber, post: Uuid) -> Result<(), Error> {
    settle_each(tx, author, "id = $1", post.into()).await
}

/// Does the same for all posts with an item, which have one author, after the item has changed.
pub(crate) async fn settle_public_with(tx: &Tx, author: PersonNumber, media: &MediaId) -> Result<(), Error> {
    let selected = "
                id in (
                select post_media.post
                  from post_media
                 where post_media.media = $1)";
    settle_each(tx, author, selected, media.as_str().into()).await
}

/// Returns how many of these posts are counted for everyone.
pub(crate) async fn count_public(sql: &impl Sql, posts: &[Uuid]) -> Result<i64, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        counted: i64,
    }
    if posts.is_empty() {
        return Ok(0);
    }
    let text = format!(
        "select count(*) as counted
           from post
          where id in {}
            and is_counted",
        placeholders(1, posts.len())
    );
    let row: Option<Row> = sql.row(&text, posts.iter().map(|post| Value::from(*post)).collect()).await?;
    Ok(row.map_or(0, |row| row.counted))
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
