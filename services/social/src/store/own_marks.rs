//! What a member has done with posts: reactions, saves and reposts, read for a page at once.
//!
//! Does not own these rows: `reactions.rs`, `saves.rs` and `reposts.rs` write them. Invariant: one statement, each part
//! of which reads by the member and the posts.

use std::collections::HashMap;

use contract::social::views::PostMineView;
use db::{Error, FromQueryResult, Sql, Value};
use uuid::Uuid;

use super::names_after;
use crate::model::PersonNumber;

#[derive(FromQueryResult)]
struct Row {
    post: Uuid,
    mark: String,
    detail: String,
}

/// Returns what a member has done with these posts; those with which nothing was done are not in it.
pub(crate) async fn list(
    sql: &impl Sql,
    person: PersonNumber,
    posts: &[Uuid],
) -> Result<HashMap<Uuid, PostMineView>, Error> {
    if posts.is_empty() {
        return Ok(HashMap::new());
    }
    let posts_named = names_after(1, posts.len());
    let text = format!(
        "select post, 'reaction' as mark, kind as detail
           from reaction
          where person = $1
            and post in {posts_named}
         union all
         select post, 'saved' as mark, '' as detail
           from saved_post
          where person = $1
            and post in {posts_named}
         union all
         select post, 'reposted' as mark, case when is_pending then 'pending' else '' end as detail
           from repost
          where person = $1
            and post in {posts_named}",
    );
    let mut values: Vec<Value> = vec![person.0.into()];
    values.extend(posts.iter().map(|post| Value::from(*post)));
    let rows: Vec<Row> = sql.rows(&text, values).await?;
    let mut found: HashMap<Uuid, PostMineView> = HashMap::new();
    for row in rows {
        let mine = found.entry(row.post).or_default();
        match row.mark.as_str() {
            "reaction" => mine.reaction = Some(row.detail.parse().map_err(|_| Error::Corrupt("a reaction's kind"))?),
            "saved" => mine.saved = true,
            _ if row.detail.is_empty() => mine.reposted = true,
            _ => mine.repost_pending = true,
        }
    }
    Ok(found)
}
