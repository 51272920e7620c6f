//! What the embedded log still has to deliver, for whoever takes it elsewhere.
//!
//! Owns reading only; the log stays as it is. Invariant: an event that a consumer has yet to take, or gave up, is told.

use std::path::Path;

use chrono::{DateTime, Utc};
use sea_orm::{DatabaseConnection, FromQueryResult};

use super::sqlite::MIGRATIONS;
use crate::db::{Db, Error, Sql};

/// An event that somebody still has to take.
#[derive(Debug, FromQueryResult)]
pub(crate) struct PendingEvent {
    /// Its place in the log.
    pub(crate) position: i64,
    pub(crate) id: String,
    pub(crate) subject: String,
    pub(crate) payload: String,
    pub(crate) published_at: DateTime<Utc>,
}

impl PendingEvent {
    /// Whose outbox it came from: the first word of its subject.
    pub(crate) fn publisher(&self) -> &str {
        self.subject.split('.').next().unwrap_or_default()
    }
}

/// Opens the log at `path` to read it.
pub(crate) async fn open(path: &Path) -> Result<DatabaseConnection, Error> {
    Db::open_read_only(path, "bus", MIGRATIONS).await
}

/// Some events behind `after`, in the log's order: those that wait, are at work, or are dead letters.
pub(crate) async fn page(log: &DatabaseConnection, after: i64, limit: i64) -> Result<Vec<PendingEvent>, Error> {
    log.rows(
        "select position, id, subject, payload, published_at from log where position > $1 \
         and (position in (select position from delivery) or position in (select position from dead)) order by position limit $2",
        vec![after.into(), limit.into()],
    )
    .await
}
