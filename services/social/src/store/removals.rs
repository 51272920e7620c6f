//! Rows of what moderators of the site have removed, for the authors.
//!
//! Invariant: a row is written by the transaction that removes its thing, and names nobody but the author.

use contract::social::talk::{ReportKind, ReportReason};
use db::{Error, FromQueryResult, Sql, Tx};
use uuid::Uuid;

use super::bound;
use crate::model::{PersonNumber, Position, Removal, RemovalNotice};

const INSERT: &str = "
    insert into removal (author, object, kind, position, reason, message, excerpt)
    values ($1, $2, $3, $4, $5, $6, $7)
    on conflict do nothing";

/// Inserts a removal.
pub(crate) async fn insert(tx: &Tx, removal: &Removal) -> Result<(), Error> {
    let values = vec![
        removal.author.0.into(),
        removal.object.into(),
        removal.kind.as_str().into(),
        removal.notice.position.0.into(),
        removal.notice.reason.as_str().into(),
        removal.notice.message.as_str().into(),
        removal.excerpt.as_str().into(),
    ];
    tx.execute(INSERT, values).await.map(drop)
}

#[derive(FromQueryResult)]
struct Row {
    author: i64,
    object: Uuid,
    kind: String,
    position: i64,
    reason: String,
    message: String,
    excerpt: String,
}

impl TryFrom<Row> for Removal {
    type Error = Error;
    fn try_from(row: Row) -> Result<Self, Error> {
        let kind: ReportKind = row.kind.parse().map_err(|_| Error::Corrupt("the kind of a removal"))?;
        let reason: ReportReason = row.reason.parse().map_err(|_| Error::Corrupt("the reason of a removal"))?;
        let notice = RemovalNotice { reason, message: row.message, position: Position(row.position) };
        Ok(Self { author: PersonNumber(row.author), kind, object: row.object, excerpt: row.excerpt, notice })
    }
}

const LIST: &str = "
    select author, object, kind, position, reason, message, excerpt
      from removal
     where author = $1
       and position < $2
     order by position desc
     limit $3";

/// Returns what was removed of an author's, below a position, the last first.
pub(crate) async fn list(
    sql: &impl Sql,
    author: PersonNumber,
    before: Position,
    limit: usize,
) -> Result<Vec<Removal>, Error> {
    let rows: Vec<Row> = sql.rows(LIST, vec![author.0.into(), before.0.into(), bound(limit)]).await?;
    rows.into_iter().map(Removal::try_from).collect()
}

const REMOVE_OLD: &str = "
    delete from removal
     where (author, object) in (
           select author, object
             from removal
            where position < $1
            order by position
            limit $2)";

/// Forgets removals below a position, at most `limit`. Returns how many there were.
pub(crate) async fn remove_old(tx: &Tx, before: Position, limit: usize) -> Result<u64, Error> {
    tx.execute(REMOVE_OLD, vec![before.0.into(), bound(limit)]).await
}
