//! Rows of the posts that members have saved.
//!
//! Invariant: a list is its member's own; nobody else sees what a member has saved.

use chrono::{DateTime, Utc};
use db::{Error, FromQueryResult, Sql, Tx};
use uuid::Uuid;

use super::visible::visible_post;
use super::{bound, micros};
use crate::model::{PersonNumber, Position};

const INSERT: &str = "
    insert into saved_post (person, post, position)
    values ($1, $2, $3)
    on conflict do nothing";

/// Saves a post. Does nothing if it is saved.
pub(crate) async fn insert(tx: &Tx, person: PersonNumber, post: Uuid, position: Position) -> Result<(), Error> {
    tx.execute(INSERT, vec![person.0.into(), post.into(), position.0.into()]).await.map(drop)
}

const REMOVE: &str = "
    delete from saved_post
     where person = $1
       and post = $2";

/// Takes a post out of what a member has saved.
pub(crate) async fn remove(tx: &Tx, person: PersonNumber, post: Uuid) -> Result<(), Error> {
    tx.execute(REMOVE, vec![person.0.into(), post.into()]).await.map(drop)
}

/// A saved post.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromQueryResult)]
pub(crate) struct Saved {
    /// The post.
    pub post: Uuid,
    /// The place in the list.
    pub saved_at: i64,
}

/// Returns the posts that a member has saved and may see, below a position, the last saved first.
pub(crate) async fn list(
    sql: &impl Sql,
    person: PersonNumber,
    now: DateTime<Utc>,
    before: Position,
    limit: usize,
) -> Result<Vec<Saved>, Error> {
    let text = format!(
        "select saved_post.post, saved_post.position as saved_at
           from saved_post
           join post on post.id = saved_post.post
           join person author on author.number = post.author
          where saved_post.person = $1
            and saved_post.position < $3
            and {}
          order by saved_post.position desc
          limit $4",
        visible_post("$1", "$2")
    );
    sql.rows(&text, vec![person.0.into(), micros(now), before.0.into(), bound(limit)]).await
}
