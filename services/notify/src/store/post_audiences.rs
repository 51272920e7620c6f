//! Rows of posts whose authors have changed them: who may read them now. Kept for as long as an event about a post may
//! arrive late.
//!
//! Invariant: a row is as the newest change says, whatever the order of the events.

use chrono::{DateTime, Utc};
use contract::AccountId;
use contract::social::Audience;
use db::{Error, FromQueryResult, Sql, Tx};
use uuid::Uuid;

use super::values::{bound, micros, names_after};
use crate::model::PostAudience;

const SET: &str = "
    insert into post_audience (post, author, audience, version, changed_us)
    values ($1, $2, $3, $4, $5)
    on conflict (post) do update
       set audience = excluded.audience,
           version = excluded.version,
           changed_us = excluded.changed_us
     where post_audience.version < excluded.version";

/// Stores who may read a post since a version of it, unless a newer one is there.
pub(crate) async fn set(
    tx: &Tx,
    post: Uuid,
    PostAudience { author, audience }: PostAudience,
    version: u64,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let values = vec![
        post.into(),
        author.0.into(),
        audience.as_str().into(),
        i64::try_from(version).unwrap_or(i64::MAX).into(),
        micros(now),
    ];
    tx.execute(SET, values).await.map(drop)
}

/// Returns who may read those of these subjects that are posts and were changed, by their ids as text.
pub(crate) async fn list(sql: &impl Sql, subjects: &[String]) -> Result<Vec<(String, PostAudience)>, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        post: Uuid,
        author: Uuid,
        audience: String,
    }
    let posts: Vec<Uuid> = subjects.iter().filter_map(|subject| subject.parse().ok()).collect();
    if posts.is_empty() {
        return Ok(Vec::new());
    }
    let text =
        format!("select post, author, audience from post_audience where post in {}", names_after(0, posts.len()));
    let rows: Vec<Row> = sql.rows(&text, posts.into_iter().map(Into::into).collect()).await?;
    let read = |row: Row| {
        // An audience of a later release is one that no member is known to be in.
        let audience = row.audience.parse().unwrap_or(Audience::Link);
        (row.post.to_string(), PostAudience { author: AccountId(row.author), audience })
    };
    Ok(rows.into_iter().map(read).collect())
}

const REMOVE: &str = "
    delete from post_audience
     where post in (
           select post
             from post_audience
            where changed_us < $1
            order by changed_us
            limit $2)";

/// Forgets what was changed before a time. Returns how much.
pub(crate) async fn remove_old(tx: &Tx, before: DateTime<Utc>, limit: usize) -> Result<u64, Error> {
    tx.execute(REMOVE, vec![micros(before), bound(limit)]).await
}
