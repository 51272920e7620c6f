//! What stands behind the newest posts of many people, read at once.
//!
//! A feed is merged from the newest posts of those whom a member follows. Asked for one by one, what each of them wrote
//! before costs a statement for each post of a page. Invariant: a post is named by its position, which it has alone.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use db::{Error, FromQueryResult, Sql, Value};

use super::visible::visible_post;
use super::{micros, names_after};
use crate::model::{PersonNumber, Position};

/// The posts that are read behind each one.
pub(crate) const DEPTH: usize = 2;

#[derive(FromQueryResult)]
struct OlderRow {
    head: i64,
    first_older: Option<i64>,
    second_older: Option<i64>,
}

/// Returns the next [`DEPTH`] posts that a reader may see behind each of these, of the same author and above a
/// position, the newest first. One that is gone is not in it.
pub(crate) async fn list_older(
    sql: &impl Sql,
    heads: &[Position],
    reader: PersonNumber,
    now: DateTime<Utc>,
    above: Position,
) -> Result<HashMap<Position, Vec<Position>>, Error> {
    if heads.is_empty() {
        return Ok(HashMap::new());
    }
    let older = format!(
        "(select post.position
            from post
            join person author on author.number = post.author
           where post.author = head.author
             and post.position < head.position
             and post.position > $3
             and post.state = 'published'
             and {}
           order by post.position desc",
        visible_post("$1", "$2")
    );
    let text = format!(
        "select head.position as head,
                {older} limit 1) as first_older,
                {older} limit 1 offset 1) as second_older
           from post head
          where head.position in {}",
        names_after(3, heads.len())
    );
    let mut values: Vec<Value> = vec![reader.0.into(), micros(now), above.0.into()];
    values.extend(heads.iter().map(|head| Value::from(head.0)));
    let rows: Vec<OlderRow> = sql.rows(&text, values).await?;
    let behind = |row: &OlderRow| [row.first_older, row.second_older].into_iter().flatten().map(Position).collect();
    Ok(rows.iter().map(|row| (Position(row.head), behind(row))).collect())
}
