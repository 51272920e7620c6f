//! The `Db` port: one database per service, read through a pool, written in lanes.
//!
//! Owns connections, transactions, migrations, inbox and outbox tables. Invariant: when [`Db::write`] returns `Ok`, the
//! write survives a power cut; when it returns [`Error::Unavailable`] or [`Error::OutcomeUnknown`], the write may have
//! been made or not, as that may have happened during the commit; after any other `Err` nothing was written (decision
//! 16).

pub mod environment;
mod error;
mod group_commit;
mod lane;
mod migrate;
mod postgres;
pub mod restored;
pub mod retirement;
mod rows;
pub mod schedule;
mod scheduler;
pub mod snapshot;
mod sql;
mod sqlite;
mod statement;
mod tx;
mod write_job;
mod write_queue;
mod writer;

pub use error::Error;
pub use lane::Lane;
pub use migrate::{Migration, MissingStep};
pub use postgres::PostgresOptions;
pub use rows::{chunk_size, placeholders};
pub use sea_orm::{FromQueryResult, Value};
pub use sql::Sql;
pub use tx::Tx;
pub use write_job::Work;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sea_orm::DatabaseConnection;
use tokio::sync::Notify;

/// After this time without a response to a ping, the database counts as unavailable.
const PING_TIMEOUT: Duration = Duration::from_secs(2);

/// A service's own database.
#[derive(Clone)]
pub struct Db {
    reader: DatabaseConnection,
    writer: writer::Writer,
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
        Ok(Self { reader, writer: writer::Writer::sqlite(connection, outbox.clone()), outbox, schema: None })
    }

    /// Opens a schema in PostgreSQL. Returns at once: connections are made when they are needed, and made again after
    /// they failed.
    pub async fn postgres(options: &PostgresOptions) -> Result<Self, Error> {
        let (reader, pool) = postgres::open(options).await?;
        let (outbox, schema_lock) = (Arc::new(Notify::new()), postgres::schema_lock(&options.schema));
        let connections = scheduler::Connections { pool, count: options.writers as usize, schema_lock };
        Ok(Self {
            reader,
            writer: writer::Writer::postgres(connections, outbox.clone()),
            outbox,
            schema: Some(options.schema.as_str().into()),
        })
    }

    /// Migrates the schema: the platform's tables first, then the service's. Safe when many processes do it at once.
    pub async fn migrate(&self, service: &'static str, migrations: &'static [Migration]) -> Result<(), Error> {
        // Most processes find nothing to do, and should not queue to learn it.
        if migrate::is_current(&self.reader, service, migrations).await.unwrap_or(false) {
            return Ok(());
        }
        // Not through the writer, whose queue is short: a migration takes as long as it takes.
        let transaction = match &self.schema {
            Some(schema) => postgres::begin_migration(&self.reader, schema).await?,
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

    /// Returns the steps that the schema lacks; an error if it is too new for this release. Changes nothing.
    pub async fn missing_steps(
        &self,
        service: &'static str,
        migrations: &'static [Migration],
    ) -> Result<Vec<MissingStep>, Error> {
        migrate::list_missing(&self.reader, service, migrations).await
    }

    /// Opens the SQLite database at `path` read-only. Its schema is migrated first, if it isn't current.
    pub async fn open_read_only(
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

    /// Opens the SQLite database at `path` read-only, whatever version its schema has.
    pub async fn open_unmigrated(path: &Path) -> Result<DatabaseConnection, Error> {
        sqlite::open_read_only(path).await
    }

    /// The connections for reading outside any transaction.
    pub fn read(&self) -> &DatabaseConnection {
        &self.reader
    }

    /// Runs `work` in a write transaction and commits it durably; an `Err` from `work` rolls all of it back.
    ///
    /// Writes of one lane run one after the other, in all processes together; writes of different lanes may run at the
    /// same time. Writes that wait while others commit share a transaction, each in its own savepoint, so `work` must
    /// not await anything but its `Tx`. It runs again, with its captured values cloned, if the engine aborted it for
    /// another's sake (a deadlock): what it does besides its statements must be harmless when it is done twice.
    pub async fn write<T, E, F>(&self, lane: Lane, work: F) -> Result<T, E>
    where
        F: AsyncFnOnce(&Tx) -> Result<T, E> + for<'t> Work<'t, T, E> + Clone + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.writer.write(lane, work).await
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
