//! What others have left on posts that are gone: comments, reactions, saves, reposts. A popular post has more of them
//! than one transaction may remove.
//!
//! Invariant: no read reaches a row here, because its post is gone; the note about a post is there until its last row
//! is removed.

use db::{Error, FromQueryResult, Sql, Tx, Value, placeholders};
use uuid::Uuid;

use super::bound;

/// The tables with rows of others on a post, and the column by which rows of one post differ.
const TABLES: [(&str, &str); 4] =
    [("post_comment", "id"), ("reaction", "person"), ("saved_post", "person"), ("repost", "person")];

/// Notes that posts are gone.
pub(crate) async fn insert(tx: &Tx, posts: &[Uuid]) -> Result<(), Error> {
    if posts.is_empty() {
        return Ok(());
    }
    let text = format!(
        "insert into post_remains (post)
         values {}
         on conflict do nothing",
        placeholders(posts.len(), 1)
    );
    tx.execute(&text, posts.iter().map(|post| Value::from(*post)).collect()).await.map(drop)
}

#[derive(FromQueryResult)]
struct Row {
    post: Uuid,
}

const LIST: &str = "
    select post
      from post_remains
     where post > $1
     order by post
     limit $2";

/// Returns posts above an id of which something may be left, at most `limit`.
pub(crate) async fn list(sql: &impl Sql, after: Uuid, limit: usize) -> Result<Vec<Uuid>, Error> {
    let rows: Vec<Row> = sql.rows(LIST, vec![after.into(), bound(limit)]).await?;
    Ok(rows.into_iter().map(|row| row.post).collect())
}

/// Removes rows of a post that is gone, at most `limit` of each table, and the note once there are none. Returns
/// whether nothing is left.
pub(crate) async fn remove(tx: &Tx, post: Uuid, limit: usize) -> Result<bool, Error> {
    let mut removed = 0;
    for (table, column) in TABLES {
        let text = format!(
            "delete from {table}
              where post = $1
                and {column} in (
                    select {column}
                      from {table}
                     where post = $1
                     order by {column}
                     limit $2)"
        );
        removed += tx.execute(&text, vec![post.into(), bound(limit)]).await?;
    }
    if removed == 0 {
        tx.execute("delete from post_remains where post = $1", vec![post.into()]).await?;
    }
    Ok(removed == 0)
}
