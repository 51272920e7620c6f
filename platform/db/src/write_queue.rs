//! How long writes wait, and what happens to them when there is no transaction.
//!
//! Invariant: no caller waits for longer than [`QUEUE_TIMEOUT`] in the queue and [`GROUP_TIMEOUT`] for its group.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use sea_orm::{
    DatabaseConnection, DatabaseTransaction, SqliteTransactionMode, TransactionOptions, TransactionTrait as _,
};
use tokio::time::Instant;

use super::Error;
use super::error::is_broken;
use super::write_job::WriteJob;

/// After this time the database counts as unresponsive, and the group is aborted.
pub(super) const GROUP_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a caller waits in the queue.
const QUEUE_TIMEOUT: Duration = Duration::from_secs(6);
/// The least that is left of it for a caller who comes when a group has run for long: one request may make several
/// writes, one after the other.
const MIN_QUEUE_TIMEOUT: Duration = Duration::from_secs(1);

/// When the group for which callers wait started.
#[derive(Clone, Default)]
pub(super) struct GroupClock(Arc<Mutex<Option<Instant>>>);

impl GroupClock {
    pub(super) fn set(&self, since: Option<Instant>) {
        *self.0.lock() = since;
    }

    /// Returns how long a caller who comes now waits in the queue.
    pub(super) fn wait_limit(&self) -> Duration {
        let since = *self.0.lock();
        QUEUE_TIMEOUT.saturating_sub(since.map_or(Duration::ZERO, |since| since.elapsed())).max(MIN_QUEUE_TIMEOUT)
    }
}

/// Opens the transaction of a group.
pub(super) async fn begin(connection: &DatabaseConnection) -> Result<DatabaseTransaction, Error> {
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    Ok(match connection.begin_with_options(options).await {
        // The idle connection was dead; a new one is made.
        Err(error) if is_broken(&error) => connection.begin_with_options(options).await?,
        opened => opened?,
    })
}

/// Refuses writes, as there is no transaction for them: better now than after an attempt each.
pub(super) fn refuse_all(jobs: impl Iterator<Item = WriteJob>, error: &Error) {
    let mut refused = 0;
    for job in jobs {
        refused += 1;
        job.refuse(Error::Unavailable(error.to_string().into()));
    }
    tracing::error!(cause = ?error, writes = refused, "a write transaction could not be opened");
}
