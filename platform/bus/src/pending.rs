//! The events that the embedded log still has to deliver, for moving them to another bus.
//!
//! Owns reading only; the log stays unchanged. Invariant: an event that a consumer has yet to handle, or that became a
//! dead letter, is returned.

use std::path::Path;

use chrono::{DateTime, Utc};
use sea_orm::{DatabaseConnection, FromQueryResult};

use super::sqlite::MIGRATIONS;
use db::{Db, Error, Sql};

/// An event that a consumer still has to handle.
#[derive(Debug, FromQueryResult)]
pub struct PendingEvent {
    /// The position in the log.
    pub position: i64,
    /// Its id.
    pub id: String,
    /// Its subject.
    pub subject: String,
    /// Its payload, as JSON text.
    pub payload: String,
    /// When it was published.
    pub published_at: DateTime<Utc>,
}

impl PendingEvent {
    /// The service whose outbox it came from: the first word of its subject.
    pub fn publisher(&self) -> &str {
        self.subject.split('.').next().unwrap_or_default()
    }
}

/// Opens the log at `path` for reading.
pub async fn open(path: &Path) -> Result<DatabaseConnection, Error> {
    Db::open_read_only(path, "bus", MIGRATIONS).await
}

const PAGE: &str = "
    select position, id, subject, payload, published_at
      from log
     where position > $1
       and (position in (select position from delivery) or position in (select position from dead))
     order by position
     limit $2";

/// Returns up to `limit` events after position `after`, in the log's order: those that are pending, in progress, or
/// dead letters.
pub async fn page(log: &DatabaseConnection, after: i64, limit: i64) -> Result<Vec<PendingEvent>, Error> {
    log.rows(PAGE, vec![after.into(), limit.into()]).await
}
