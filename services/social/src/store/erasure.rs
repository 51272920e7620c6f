//! The removal of everything about one person, in small batches.
//!
//! Invariant: a row that counts for another person changes that person's count in the statement's transaction.

use db::{Error, FromQueryResult, Sql as _, Tx, Value, chunk_size, placeholders};
use uuid::Uuid;

use super::{bound, counts};
use crate::model::PersonNumber;

#[derive(FromQueryResult)]
struct Other {
    number: i64,
}

const REMOVE_FOLLOWING: &str = "
    delete from follow
     where follower = $1
       and followee in (
           select followee
             from follow
            where follower = $1
            order by followee
            limit $2)
    returning followee as number";

const REMOVE_FOLLOWERS: &str = "
    delete from follow
     where followee = $1
       and follower in (
           select follower
             from follow
            where followee = $1
            order by since_s, follower
            limit $2)
    returning follower as number";

/// Removes follows of a person, in both directions. Returns how many there were.
pub(crate) async fn remove_follows(tx: &Tx, person: PersonNumber, limit: usize) -> Result<usize, Error> {
    let mut removed = 0;
    for (text, column) in [(REMOVE_FOLLOWING, "follower_count"), (REMOVE_FOLLOWERS, "following_count")] {
        let others: Vec<Other> = tx.rows(text, vec![person.0.into(), bound(limit)]).await?;
        removed += others.len();
        take_one_each(tx, column, others.iter().map(|other| other.number).collect()).await?;
    }
    Ok(removed)
}

/// Takes one from a count of each of these people, who are all different.
async fn take_one_each(tx: &Tx, column: &str, mut people: Vec<i64>) -> Result<(), Error> {
    people.sort_unstable();
    let mut left = people.as_slice();
    while let Some((chunk, rest)) = left.split_at_checked(chunk_size(left.len())) {
        left = rest;
        let text = format!(
            "update person_counts
                set {column} = {column} - 1
              where person in {}",
            placeholders(1, chunk.len())
        );
        tx.execute(&text, chunk.iter().map(|person| Value::from(*person)).collect()).await?;
    }
    Ok(())
}

#[derive(FromQueryResult)]
struct OnPost {
    post: Uuid,
    is_counted: bool,
}

const REMOVE_REACTIONS: &str = "
    delete from reaction
     where person = $1
       and post in (
           select post
             from reaction
            where person = $1
            order by post
            limit $2)
    returning post, true as is_counted";

const REMOVE_REPOSTS: &str = "
    delete from repost
     where person = $1
       and post in (
           select post
             from repost
            where person = $1
            order by position
            limit $2)
    returning post, not is_pending as is_counted";

/// Removes reactions and reposts of a person from the posts of others. Returns how many there were. Counts are changed
/// in the order of the posts' ids.
pub(crate) async fn remove_from_posts(tx: &Tx, person: PersonNumber, limit: usize) -> Result<usize, Error> {
    let values = || vec![person.0.into(), bound(limit)];
    let mut reactions: Vec<OnPost> = tx.rows(REMOVE_REACTIONS, values()).await?;
    reactions.sort_unstable_by_key(|row| row.post);
    for row in &reactions {
        counts::add_reactions(tx, row.post, -1).await?;
    }
    let mut reposts: Vec<OnPost> = tx.rows(REMOVE_REPOSTS, values()).await?;
    reposts.sort_unstable_by_key(|row| row.post);
    for row in reposts.iter().filter(|row| row.is_counted) {
        counts::add_reposts(tx, row.post, -1).await?;
    }
    Ok(reactions.len() + reposts.len())
}

/// The tables with rows about a pair of people or about one, and their columns that name a person. Counts do not count
/// these rows.
const TABLES: [(&str, &str, &str); 17] = [
    ("follow_request", "follower", "followee"),
    ("follow_request", "followee", "follower"),
    ("block", "blocker", "blocked"),
    ("block", "blocked", "blocker"),
    ("mute", "muter", "muted"),
    ("mute", "muted", "muter"),
    ("close_friend", "owner", "friend"),
    ("close_friend", "friend", "owner"),
    ("topic_follow", "follower", "topic"),
    ("post_mention", "person", "post"),
    ("feed_entry", "owner", "position"),
    ("saved_post", "person", "post"),
    ("report", "reporter", "id"),
    ("report", "owner", "id"),
    ("removal", "author", "object"),
    ("thread_invitation", "person", "thread"),
    ("thread_moderator", "person", "thread"),
];

const FORGET_REASONS: &str = "
    update post
       set removal_reason = null,
           removed_by = null
     where id in (
           select id
             from post
            where removed_by = $1
            order by id
            limit $2)";

/// Removes the words with which a person removed parts of others from threads. The parts stay removed. Returns how many
/// there were.
pub(crate) async fn forget_reasons(tx: &Tx, person: PersonNumber, limit: usize) -> Result<u64, Error> {
    tx.execute(FORGET_REASONS, vec![person.0.into(), bound(limit)]).await
}

/// Removes requests, blocks, mutes, close friends, followed topics, mentions, saves, reports, removals, settings, the
/// feed of a person, and what they may do in threads of others. Returns how many rows there were.
pub(crate) async fn remove_marks(tx: &Tx, person: PersonNumber, limit: usize) -> Result<u64, Error> {
    let mut removed = 0;
    for (table, column, other) in TABLES {
        let text = format!(
            "delete from {table}
              where {column} = $1
                and {other} in (
                    select {other}
                      from {table}
                     where {column} = $1
                     order by {other}
                     limit $2)"
        );
        removed += tx.execute(&text, vec![person.0.into(), bound(limit)]).await?;
    }
    for table in ["action_budget", "talk_settings"] {
        removed += tx.execute(&format!("delete from {table} where person = $1"), vec![person.0.into()]).await?;
    }
    Ok(removed)
}
