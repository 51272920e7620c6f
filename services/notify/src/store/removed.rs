//! Rows of what was removed: posts and comments, remembered for as long as an event about them may arrive late.
//!
//! Invariant: what is here is told to nobody any more.

use chrono::{DateTime, Utc};
use db::{Error, FromQueryResult, Sql, Tx};

use super::values::{bound, micros, names_after};

const INSERT: &str = "
    insert into removed_subject (subject, removed_us)
    values ($1, $2)
    on conflict do nothing";

/// Remembers that a subject, or an entry, was removed.
pub(crate) async fn insert(tx: &Tx, subject: &str, now: DateTime<Utc>) -> Result<(), Error> {
    tx.execute(INSERT, vec![subject.into(), micros(now)]).await.map(drop)
}

/// Returns those of these subjects that were removed.
pub(crate) async fn list(sql: &impl Sql, subjects: &[String]) -> Result<Vec<String>, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        subject: String,
    }
    if subjects.is_empty() {
        return Ok(Vec::new());
    }
    let text = format!("select subject from removed_subject where subject in {}", names_after(0, subjects.len()));
    let rows: Vec<Row> = sql.rows(&text, subjects.iter().map(|subject| subject.as_str().into()).collect()).await?;
    Ok(rows.into_iter().map(|row| row.subject).collect())
}

const REMOVE: &str = "
    delete from removed_subject
     where subject in (
           select subject
             from removed_subject
            where removed_us < $1
            order by removed_us
            limit $2)";

/// Forgets what was removed before a time. Returns how much.
pub(crate) async fn remove(tx: &Tx, before: DateTime<Utc>, limit: usize) -> Result<u64, Error> {
    tx.execute(REMOVE, vec![micros(before), bound(limit)]).await
}
