//! `tutti check social`: compares the counts with the rows that they count.
//!
//! Invariant: it changes nothing. Beside a running server, a write between the two reads of a page can't show as drift:
//! both are one statement.

use db::Db;
use uuid::Uuid;

use crate::model::PersonNumber;
use crate::store::drift::{
    CommentDrift, PersonDrift, PostDrift, ThreadDrift, list_comments, list_people, list_posts, list_threads,
};

/// People, posts, comments or threads of one page.
const PAGE: usize = 500;

/// A count that differs from its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// Whose count it is: `person` and the number in this database, or `post`, `comment` or `thread` and the id.
    pub of: String,
    /// What is counted: `followers`, `following`, `posts`, `public posts` of a person; `comments`, `reactions`,
    /// `reposts` of a post; `answers` to a comment; `parts` of a thread.
    pub what: &'static str,
    /// The stored count.
    pub stored: i64,
    /// The number of rows.
    pub rows: i64,
}

/// Compares every count, and returns how many people were checked and the counts that differ.
pub async fn check(db: &Db) -> Result<(u64, Vec<Drift>), db::Error> {
    let (checked, mut drifts) = check_people(db).await?;
    drifts.extend(check_posts(db).await?);
    drifts.extend(check_comments(db).await?);
    drifts.extend(check_threads(db).await?);
    Ok((checked, drifts))
}

async fn check_people(db: &Db) -> Result<(u64, Vec<Drift>), db::Error> {
    let (mut checked, mut drifts, mut after) = (0, Vec::new(), PersonNumber::NONE);
    loop {
        let page = list_people(db.read(), after, PAGE).await?;
        let Some(last) = page.last() else { return Ok((checked, drifts)) };
        after = PersonNumber(last.person);
        checked += page.len() as u64;
        drifts.extend(page.iter().flat_map(drifts_of));
    }
}

async fn check_posts(db: &Db) -> Result<Vec<Drift>, db::Error> {
    let (mut drifts, mut after) = (Vec::new(), Uuid::nil());
    loop {
        let page = list_posts(db.read(), after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(drifts) };
        after = last.post;
        drifts.extend(page.iter().flat_map(drifts_of_post));
    }
}

async fn check_comments(db: &Db) -> Result<Vec<Drift>, db::Error> {
    let (mut drifts, mut after) = (Vec::new(), Uuid::nil());
    loop {
        let page = list_comments(db.read(), after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(drifts) };
        after = last.id;
        drifts.extend(page.iter().flat_map(drifts_of_comment));
    }
}

async fn check_threads(db: &Db) -> Result<Vec<Drift>, db::Error> {
    let (mut drifts, mut after) = (Vec::new(), Uuid::nil());
    loop {
        let page = list_threads(db.read(), after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(drifts) };
        after = last.id;
        drifts.extend(page.iter().flat_map(drifts_of_thread));
    }
}

fn drifts_of(found: &PersonDrift) -> Vec<Drift> {
    let counts = [
        ("followers", found.follower_count, found.follower_rows),
        ("following", found.following_count, found.following_rows),
        ("posts", found.post_count, found.post_rows),
        ("public posts", found.public_post_count, found.public_post_rows),
    ];
    differing(&format!("person {}", found.person), counts)
}

fn drifts_of_post(found: &PostDrift) -> Vec<Drift> {
    let counts = [
        ("comments", found.comment_count, found.comment_rows),
        ("reactions", found.reaction_count, found.reaction_rows),
        ("reposts", found.repost_count, found.repost_rows),
    ];
    differing(&format!("post {}", found.post), counts)
}

fn differing<const N: usize>(of: &str, counts: [(&'static str, i64, i64); N]) -> Vec<Drift> {
    let differs = counts.into_iter().filter(|(_, stored, rows)| stored != rows);
    differs.map(|(what, stored, rows)| Drift { of: of.to_owned(), what, stored, rows }).collect()
}

fn drifts_of_comment(found: &CommentDrift) -> Vec<Drift> {
    differing(&format!("comment {}", found.id), [("answers", found.answer_count, found.answer_rows)])
}

fn drifts_of_thread(found: &ThreadDrift) -> Vec<Drift> {
    differing(&format!("thread {}", found.id), [("parts", found.part_count, found.part_rows)])
}
