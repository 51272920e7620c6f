//! The `Db` port: one database per service, read through a pool, written through one door.
//!
//! Owns connections, transactions, migrations, inbox and outbox tables. Invariant: when
//! [`Db::write`] returns `Ok`, what was written survives a power cut; when it returns `Err`, none of it happened.

mod group;
mod migrate;
mod sql;
mod sqlite;
mod tx;

pub use migrate::Migration;
pub use sea_orm::{FromQueryResult, Value};
pub use sql::{Sql, placeholders};
pub use tx::Tx;

use std::path::Path;
use std::sync::Arc;

use futures::future::BoxFuture;
use sea_orm::DatabaseConnection;
use tokio::sync::Notify;

/// What can go wrong at the database.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The engine refused or failed.
    #[error("the database did not answer; try again shortly")]
    Engine(#[from] sea_orm::DbErr),
    /// A stored value could not be read back.
    #[error("a stored value of {0} is not readable")]
    Corrupt(&'static str),
    /// The process is ending and takes no more writes.
    #[error("the server is shutting down; try again shortly")]
    Closed,
    /// Somebody else holds what this write wanted (a stale fencing token, a version that moved on).
    #[error("somebody else was faster; read again and retry")]
    Conflict,
    /// A migration could not be applied.
    #[error("the database schema of {service} is version {found}, and this release can't work with it: {hint}")]
    Schema {
        /// Whose database.
        service: String,
        /// The version that it has.
        found: i64,
        /// What to do.
        hint: String,
    },
}

impl Error {
    /// Whether a unique key was violated: the row is there already.
    pub fn is_unique_violation(&self) -> bool {
        matches!(self, Self::Engine(error) if matches!(error.sql_err(), Some(sea_orm::SqlErr::UniqueConstraintViolation(_))))
    }
}

/// A service's own database.
#[derive(Clone)]
pub struct Db {
    reader: DatabaseConnection,
    writer: group::Writer,
    outbox: Arc<Notify>,
}

impl std::fmt::Debug for Db {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Db")
    }
}

impl Db {
    /// Opens (and makes, if need be) the SQLite database at `path`.
    pub async fn sqlite(path: &Path) -> Result<Self, Error> {
        let (reader, writer) = sqlite::open(path).await?;
        let outbox = Arc::new(Notify::new());
        Ok(Self { reader, writer: group::Writer::start(writer, outbox.clone()), outbox })
    }

    /// Brings the schema up to date: the kit's own tables first, then the service's.
    pub async fn migrate(&self, service: &'static str, migrations: &'static [Migration]) -> Result<(), Error> {
        self.write(move |tx| Box::pin(migrate::run(tx, service, migrations))).await
    }

    /// Reads, outside any transaction.
    pub fn read(&self) -> &DatabaseConnection {
        &self.reader
    }

    /// Runs `work` in a write transaction and commits it durably; an `Err` rolls all of it back.
    ///
    /// Writes that wait while another commits share one transaction, each in its own savepoint, so
    /// `work` must not await anything but its `Tx`.
    pub async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: for<'t> FnOnce(&'t Tx) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.writer.write(work).await
    }

    /// Wakes when a committed transaction has recorded events in the outbox.
    pub fn outbox_recorded(&self) -> Arc<Notify> {
        self.outbox.clone()
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), Error> {
        Ok(self.reader.ping().await?)
    }
}
