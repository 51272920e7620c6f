//! The rows of a community in social's database, as its own statements would have written them.
//!
//! Does not own the schema: the server has made it. Invariant: counts equal rows, each post of an author above the
//! threshold of fan-out has its row of merged posts, and the entries of a feed are complete from its floor on, so that
//! `tutti check social` finds no drift.

use chrono::TimeDelta;
use db::{Db, Lane, Sql as _, Tx, Value, placeholders};

use super::plan::{MAX_ENTRIES, Plan, handle, moment_ms, number, position};
use crate::Error;

/// The default of `social.fan_out_threshold`.
pub const FAN_OUT_THRESHOLD: u32 = 5_000;
/// The default of `social.feed_days`.
const FEED_DAYS: i64 = 14;
/// One person of so many has read home lately, so that fan-out writes to their feed.
const ACTIVE_EVERY: usize = 20;
/// Rows of one statement: SQLite looks for the name of each parameter among all of them.
const ROWS_PER_STATEMENT: usize = 128;
/// Statements of one transaction, which must end within ten seconds.
const STATEMENTS_PER_WRITE: usize = 64;

const PERSON: &str = "person (number, account, handle, display_name, is_private, profile_us, state, standing_version)";
const PERSON_COUNTS: &str = "person_counts (person, follower_count, following_count, post_count, public_post_count)";
const FOLLOW: &str = "follow (follower, followee, since_s)";
const POST: &str = "post (
    id, author, position, state, audience, text, comment_policy, repost_policy, join_policy, is_story, version,
    created_us, published_us, is_counted
)";
const POST_COUNTS: &str = "post_counts (post, comment_count, reaction_count, repost_count)";
const MERGED_POST: &str = "merged_post (post, author, position, after_s, after_follower)";
const FEED_OWNER: &str = "feed_owner (owner, floor_position, complete_s, wanted_us, seen_s)";
const FEED_ENTRY: &str = "feed_entry (owner, position)";
/// The tables, for PostgreSQL's statistics: its own job would gather them within a minute.
pub const TABLES: [&str; 8] =
    ["person", "person_counts", "follow", "post", "post_counts", "merged_post", "feed_owner", "feed_entry"];

/// The texts of posts, in turns.
const TEXTS: [&str; 4] = [
    "Rehearsal went better than we hoped. Saturday at eight, and there is still room on the sofa for two.",
    "Found this song in my grandmother's notebook, with the chords in pencil. Who knows the second verse?",
    "Rain all day, so we made a film about the kettle.",
    "Thank you all for singing along yesterday! The recording is on its way, and yes, the dog is on it too.",
];

/// Writes the people, their follows, posts and feeds. The database has none yet.
pub async fn write(db: &Db, plan: &Plan) -> Result<(), Error> {
    write_people(db, plan).await?;
    let follows = plan.followees.iter().enumerate().flat_map(|(rank, followees)| {
        let follow = move |&(followee, since_s): &(u32, i64)| {
            [number(rank).into(), number(followee as usize).into(), since_s.into()]
        };
        followees.iter().map(follow)
    });
    insert(db, FOLLOW, follows).await?;
    write_posts(db, plan).await?;
    write_feeds(db, plan).await
}

/// Gathers PostgreSQL's statistics of tables. SQLite has none here, as in production.
pub async fn analyze(db: &Db, tables: &[&str]) -> Result<(), Error> {
    for table in tables {
        let text = format!("analyze {table}");
        db.write(Lane::NONE, async move |tx| tx.execute(&text, Vec::new()).await).await?;
    }
    Ok(())
}

/// Inserts follows of two numbers and a second, in this order.
pub async fn insert_follows(db: &Db, follows: impl Iterator<Item = (i64, i64, i64)>) -> Result<(), Error> {
    insert(db, FOLLOW, follows.map(|(follower, followee, since_s)| [follower, followee, since_s].map(Value::from)))
        .await
}

/// Inserts entries of an owner and a position, in this order.
pub async fn insert_entries(db: &Db, entries: impl Iterator<Item = (i64, i64)>) -> Result<(), Error> {
    insert(db, FEED_ENTRY, entries.map(|(owner, position)| [owner, position].map(Value::from))).await
}

async fn write_people(db: &Db, plan: &Plan) -> Result<(), Error> {
    let now_us = plan.now.timestamp_micros();
    let people = plan.accounts.iter().enumerate().map(|(rank, account)| {
        let name = format!("Member {rank}");
        let state = "active";
        [
            number(rank).into(),
            (*account).into(),
            handle(rank).into(),
            name.into(),
            false.into(),
            now_us.into(),
            state.into(),
            0_i64.into(),
        ]
    });
    insert(db, PERSON, people).await?;
    let mut public_posts = vec![0_i64; plan.accounts.len()];
    for post in plan.posts.iter().filter(|post| post.audience == "public") {
        public_posts[post.author] += 1;
    }
    let counts = plan.accounts.iter().enumerate().map(|(rank, _)| {
        let following = plan.followees[rank].len() as i64;
        let posts = plan.positions[rank].len() as i64;
        [number(rank), i64::from(plan.follower_counts[rank]), following, posts, public_posts[rank]].map(Value::from)
    });
    insert(db, PERSON_COUNTS, counts).await
}

async fn write_posts(db: &Db, plan: &Plan) -> Result<(), Error> {
    let posts = plan.posts.iter().enumerate().map(|(at, post)| {
        let written_us = moment_ms(post.position) * 1_000;
        [
            post.id.into(),
            number(post.author).into(),
            post.position.into(),
            "published".into(),
            post.audience.into(),
            TEXTS[at % TEXTS.len()].into(),
            "everyone".into(),
            "everyone".into(),
            "everyone".into(),
            false.into(),
            1_i64.into(),
            written_us.into(),
            written_us.into(),
            (post.audience == "public").into(),
        ]
    });
    insert(db, POST, posts).await?;
    let counts = plan.posts.iter().map(|post| [post.id.into(), 0_i64.into(), 0_i64.into(), 0_i64.into()]);
    insert(db, POST_COUNTS, counts).await?;
    let merged = plan.posts.iter().filter(|post| plan.follower_counts[post.author] > FAN_OUT_THRESHOLD).map(|post| {
        let (author, position) = (number(post.author), post.position);
        [post.id.into(), author.into(), position.into(), (-1_i64).into(), (-1_i64).into()]
    });
    insert(db, MERGED_POST, merged).await
}

/// Writes the feeds of those who have read theirs lately: entries of two weeks, or as many as a feed is filled with.
async fn write_feeds(db: &Db, plan: &Plan) -> Result<(), Error> {
    let floor = position(plan.now - TimeDelta::days(FEED_DAYS), 0);
    let feeds: Vec<(usize, Vec<i64>)> = (0..plan.accounts.len())
        .step_by(ACTIVE_EVERY)
        .map(|rank| (rank, plan.entries(rank, floor, FAN_OUT_THRESHOLD)))
        .collect();
    let (now_s, now_us) = (plan.now.timestamp(), plan.now.timestamp_micros());
    let owners = feeds.iter().map(|(rank, entries)| {
        let is_cut = entries.len() == MAX_ENTRIES;
        let floor = entries.last().copied().filter(|_| is_cut).unwrap_or(floor);
        [number(*rank), floor, now_s, now_us, now_s].map(Value::from)
    });
    insert(db, FEED_OWNER, owners).await?;
    let entries = feeds.iter().flat_map(|(rank, entries)| {
        let entry = move |&position: &i64| [number(*rank), position].map(Value::from);
        entries.iter().map(entry)
    });
    insert(db, FEED_ENTRY, entries).await
}

/// Inserts rows into a table, in transactions of [`STATEMENTS_PER_WRITE`] statements.
pub async fn insert<const N: usize>(
    db: &Db,
    into: &str,
    mut rows: impl Iterator<Item = [Value; N]>,
) -> Result<(), Error> {
    loop {
        let mut statements = Vec::new();
        while statements.len() < STATEMENTS_PER_WRITE {
            let values: Vec<Value> = rows.by_ref().take(ROWS_PER_STATEMENT).flatten().collect();
            if values.is_empty() {
                break;
            }
            statements.push((format!("insert into {into} values {}", placeholders(values.len() / N, N)), values));
        }
        if statements.is_empty() {
            return Ok(());
        }
        db.write(Lane::NONE, async move |tx| run(tx, statements).await).await?;
    }
}

async fn run(tx: &Tx, statements: Vec<(String, Vec<Value>)>) -> Result<(), db::Error> {
    for (text, values) in statements {
        tx.execute(&text, values).await?;
    }
    Ok(())
}
