//! Rows of reposts.
//!
//! A repost points at its post: who may see it is asked of the post at every read. Invariant: a member has one repost
//! of a post; whoever writes here holds the lanes of the member and of the post's author.

use chrono::{DateTime, Utc};
use db::{Error, FromQueryResult, Sql, Tx};
use uuid::Uuid;

use super::people::{COLUMNS as PERSON_COLUMNS, PersonRow};
use super::visible::visible_person;
use super::{bound, micros};
use crate::model::{Person, PersonNumber, Position};

const INSERT: &str = "
    insert into repost (post, person, position, is_pending)
    values ($1, $2, $3, $4)
    on conflict do nothing";

/// Inserts a repost. Returns whether it is new.
pub(crate) async fn insert(
    tx: &Tx,
    post: Uuid,
    person: PersonNumber,
    position: Position,
    is_pending: bool,
) -> Result<bool, Error> {
    let values = vec![post.into(), person.0.into(), position.0.into(), is_pending.into()];
    Ok(tx.execute(INSERT, values).await? == 1)
}

#[derive(FromQueryResult)]
struct RemovedRow {
    is_pending: bool,
}

const REMOVE: &str = "
    delete from repost
     where post = $1
       and person = $2
    returning is_pending";

/// Removes a repost. Returns whether it waited for approval; `None` if there was none.
pub(crate) async fn remove(tx: &Tx, post: Uuid, person: PersonNumber) -> Result<Option<bool>, Error> {
    let row: Option<RemovedRow> = tx.row(REMOVE, vec![post.into(), person.0.into()]).await?;
    Ok(row.map(|row| row.is_pending))
}

const APPROVE: &str = "
    update repost
       set is_pending = false,
           position = $3
     where post = $1
       and person = $2
       and is_pending";

/// Approves a repost. Returns whether it waited.
pub(crate) async fn approve(tx: &Tx, post: Uuid, person: PersonNumber, position: Position) -> Result<bool, Error> {
    Ok(tx.execute(APPROVE, vec![post.into(), person.0.into(), position.0.into()]).await? == 1)
}

#[derive(FromQueryResult)]
struct Row {
    #[sea_orm(nested)]
    person: PersonRow,
    is_pending: bool,
}

/// A repost with its member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Repost {
    /// Who reposts.
    pub person: Person,
    /// Whether it waits for approval.
    pub is_pending: bool,
}

fn repost(row: Row) -> Result<Repost, Error> {
    Ok(Repost { person: row.person.try_into()?, is_pending: row.is_pending })
}

/// Returns the reposts of a post by those who are shown to the reader, by descending number: the reader's own, what is
/// shown, and all if the reader wrote the post.
pub(crate) async fn list(
    sql: &impl Sql,
    (post, author): (Uuid, PersonNumber),
    reader: PersonNumber,
    now: DateTime<Utc>,
    before: PersonNumber,
    limit: usize,
) -> Result<Vec<Repost>, Error> {
    let pending = if author == reader { "" } else { "not repost.is_pending and " };
    let text = format!(
        "select {PERSON_COLUMNS}, repost.is_pending
           from repost
           join person on person.number = repost.person
          where repost.post = $3
            and repost.person < $4
            and (repost.person = $1 or ({pending}{}))
          order by repost.person desc
          limit $5",
        visible_person("person", "$1", "$2")
    );
    let values = vec![reader.0.into(), micros(now), post.into(), before.0.into(), bound(limit)];
    let rows: Vec<Row> = sql.rows(&text, values).await?;
    rows.into_iter().map(repost).collect()
}
