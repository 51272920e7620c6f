//! SQLite: the embedded engine.
//!
//! Invariant: one connection writes, and a commit is on the disk (`synchronous=FULL`) before it is confirmed. A
//! connection of which it is unclear whether it is in a transaction is never used again.

use std::path::Path;
use std::time::Duration;

use sea_orm::sqlx::Connection as _;
use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sea_orm::{
    ConnectOptions, Database, DatabaseConnection, DatabaseTransaction, SqliteTransactionMode, TransactionOptions,
    TransactionTrait as _,
};

use super::Error;

const READERS: u32 = 4;
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Opens a pool of readers and the single writer.
pub(super) async fn open(path: &Path) -> Result<(DatabaseConnection, DatabaseConnection), Error> {
    // The writer first: it creates the file and sets WAL before any read.
    let writer = connect(path, 1).await?;
    let reader = connect(path, READERS).await?;
    Ok((reader, writer))
}

/// Opens the existing database at `path` read-only. At the end not even its log is checkpointed.
pub(super) async fn open_read_only(path: &Path) -> Result<DatabaseConnection, Error> {
    let file = path.to_owned();
    let mut options = ConnectOptions::new("sqlite://");
    options
        .max_connections(READERS)
        .min_connections(1)
        .acquire_timeout(BUSY_TIMEOUT)
        .test_before_acquire(false)
        .sqlx_logging(false)
        .map_sqlx_sqlite_opts(move |sqlite| sqlite.filename(&file).read_only(true).busy_timeout(BUSY_TIMEOUT));
    Ok(Database::connect(options).await?)
}

/// Opens a transaction for migrations; waits until another process's has ended.
pub(super) async fn begin_migration(reader: &DatabaseConnection) -> Result<DatabaseTransaction, Error> {
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    Ok(reader.begin_with_options(options).await?)
}

async fn connect(path: &Path, connections: u32) -> Result<DatabaseConnection, Error> {
    let file = path.to_owned();
    let mut options = ConnectOptions::new("sqlite://");
    options
        .max_connections(connections)
        .min_connections(1)
        .acquire_timeout(BUSY_TIMEOUT)
        .idle_timeout(None::<Duration>)
        .max_lifetime(None::<Duration>)
        .test_before_acquire(false)
        .sqlx_logging(false)
        .map_sqlx_sqlite_opts(move |sqlite| {
            sqlite
                .filename(&file)
                .create_if_missing(true)
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Full)
                .foreign_keys(true)
                .busy_timeout(BUSY_TIMEOUT)
                .pragma("journal_size_limit", "16777216")
                .pragma("temp_store", "memory")
        })
        // On a full disk SQLite ends a transaction by itself, and the driver believes that it is still open. From then
        // on it would make savepoints instead of transactions, and committing one of those commits nothing.
        .map_sqlx_sqlite_pool_opts(|pool| {
            pool.after_release(|connection, _| {
                Box::pin(async move {
                    if connection.is_in_transaction() {
                        // A rollback may be queued.
                        connection.ping().await?;
                    }
                    Ok(!connection.is_in_transaction())
                })
            })
        });
    Ok(Database::connect(options).await?)
}
