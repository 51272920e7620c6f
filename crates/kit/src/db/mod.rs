//! The `Db` port: one database per service, read through a pool, written through one connection.
//!
//! Owns connections, transactions, migrations, inbox and outbox tables. Invariant: when [`Db::write`] returns `Ok`, the
//! write survives a power cut; when it returns [`Error::Unavailable`] or [`Error::OutcomeUnknown`], the write may have
//! been made or not, as that may have happened during the commit; after any other `Err` nothing was written (decision
//! 16).

mod error;
mod group_commit;
mod migrate;
mod postgres;
mod sql;
mod sqlite;
mod tx;

pub use error::Error;
pub use migrate::Migration;
pub use postgres::PostgresOptions;
pub use sea_orm::{FromQueryResult, Value};
pub(crate) use sql::chunk_size;
pub use sql::{Sql, placeholders};
pub use tx::Tx;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use sea_orm::DatabaseConnection;
use tokio::sync::Notify;

use group_commit::WriteConnection;

/// After this time without a response to a ping, the database counts as unavailable.
const PING_TIMEOUT: Duration = Duration::from_secs(2);

/// A service's own database.
#[derive(Clone)]
pub struct Db {
    reader: DatabaseConnection,
    writer: group_commit::Writer,
    outbox: Arc<Notify>,
    /// The schema, if the engine is PostgreSQL.
    schema: Option<Arc<str>>,
}

impl std::fmt::Debug for Db {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Db")
    }
}

impl Db {
    /// Opens the SQLite database at `path`, and creates it if needed.
    pub async fn sqlite(path: &Path) -> Result<Self, Error> {
        let (reader, connection) = sqlite::open(path).await?;
        let outbox = Arc::new(Notify::new());
        Ok(Self {
            reader,
            writer: group_commit::Writer::start(WriteConnection { database: connection, lock: None }, outbox.clone()),
            outbox,
            schema: None,
        })
    }

    /// Opens a schema in PostgreSQL. Returns at once: connections are made when they are needed, and made again after
    /// they failed.
    pub async fn postgres(options: &PostgresOptions) -> Result<Self, Error> {
        let (reader, connection) = postgres::open(options).await?;
        let (outbox, lock) = (Arc::new(Notify::new()), Some(postgres::lock_id(&options.schema)));
        Ok(Self {
            reader,
            writer: group_commit::Writer::start(WriteConnection { database: connection, lock }, outbox.clone()),
            outbox,
            schema: Some(options.schema.as_str().into()),
        })
    }

    /// Migrates the schema: the kit's own tables first, then the service's. Safe when many processes do it at once.
    pub async fn migrate(&self, service: &'static str, migrations: &'static [Migration]) -> Result<(), Error> {
        // Most processes find nothing to do, and should not queue to learn it.
        if migrate::is_current(&self.reader, service, migrations).await.unwrap_or(false) {
            return Ok(());
        }
        // Not through the writer, whose queue is short: a migration takes as long as it takes.
        let transaction = match &self.schema {
            Some(schema) => postgres::begin_migration(&self.reader, schema, postgres::lock_id(schema)).await?,
            None => sqlite::begin_migration(&self.reader).await?,
        };
        let tx = Tx::new(transaction);
        migrate::run(&tx, service, migrations).await?;
        Ok(tx.into_inner().0.commit().await?)
    }

    /// Whether the schema has every step that this release knows; an error if it is too new for it.
    pub async fn is_current(&self, service: &'static str, migrations: &'static [Migration]) -> Result<bool, Error> {
        migrate::is_current(&self.reader, service, migrations).await
    }

    /// Opens the SQLite database at `path` read-only. Its schema is migrated first, if it isn't current.
    pub(crate) async fn open_read_only(
        path: &Path,
        service: &'static str,
        migrations: &'static [Migration],
    ) -> Result<DatabaseConnection, Error> {
        let reader = sqlite::open_read_only(path).await?;
        if migrate::is_current(&reader, service, migrations).await? {
            return Ok(reader);
        }
        reader.close().await?;
        Self::sqlite(path).await?.migrate(service, migrations).await?;
        sqlite::open_read_only(path).await
    }

    /// The connections for reading outside any transaction.
    pub fn read(&self) -> &DatabaseConnection {
        &self.reader
    }

    /// Runs `work` in a write transaction and commits it durably; an `Err` from `work` rolls all of it back.
    ///
    /// Writes that wait while another commits share one transaction, each in its own savepoint, so `work` must not
    /// await anything but its `Tx`.
    pub async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: for<'t> FnOnce(&'t Tx) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.writer.write(work).await
    }

    /// Notifies when a committed transaction has recorded events in the outbox.
    pub fn outbox_recorded(&self) -> Arc<Notify> {
        self.outbox.clone()
    }

    /// Whether the database responds.
    pub async fn ping(&self) -> Result<(), Error> {
        Ok(tokio::time::timeout(PING_TIMEOUT, self.reader.ping()).await??)
    }
}
