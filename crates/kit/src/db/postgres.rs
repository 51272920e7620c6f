//! PostgreSQL: the distributed engine. One schema per service, in one database or in one of its own.
//!
//! Across all processes, writers of one service run one after the other: a group commit holds an advisory lock of its
//! schema for as long as its transaction. So a write sees the result of the previous one, exactly as on SQLite, and
//! nothing needs to be retried (decision 16). Invariant: a holder of the lock that becomes unresponsive loses it after
//! [`IDLE_IN_TRANSACTION_TIMEOUT`], because the server ends its session.

use std::time::Duration;

use sea_orm::sqlx::Connection as _;
use sea_orm::{
    ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection, DatabaseTransaction, FromQueryResult,
    Statement, TransactionTrait as _,
};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{Error, Sql};

/// The longest wait for a connection; also how soon a caller learns that the database is unavailable.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(4);
/// The server ends a session that is idle in an open transaction for this long.
const IDLE_IN_TRANSACTION_TIMEOUT: &str = "5s";
/// The longest wait for the lock of the writers.
const LOCK_TIMEOUT: &str = "8s";
/// A connection that returns to the pool is closed if it does not respond within this time.
const PING_TIMEOUT: Duration = Duration::from_secs(2);
/// Connections that were idle for this long are checked before they are used.
const PING_IF_IDLE_FOR: Duration = Duration::from_secs(10);

/// Where a service's schema is, and how to connect to it.
#[derive(Clone)]
pub struct PostgresOptions {
    /// `postgres://user:password@host:port/database`, with `?sslmode=verify-full&sslrootcert=…` for TLS.
    pub url: String,
    /// The schema, which is created if it does not exist.
    pub schema: String,
    /// Connections that read; one more writes.
    pub readers: u32,
    /// The server cancels a statement that takes longer.
    pub statement_timeout: Duration,
}

impl std::fmt::Debug for PostgresOptions {
    /// Without the URL, which contains a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresOptions")
            .field("schema", &self.schema)
            .field("readers", &self.readers)
            .finish_non_exhaustive()
    }
}

/// Returns a pool of readers and a writer. Neither connects before it is used.
pub(super) async fn open(options: &PostgresOptions) -> Result<(DatabaseConnection, DatabaseConnection), Error> {
    Ok((connect(options, options.readers).await?, connect(options, 1).await?))
}

async fn connect(options: &PostgresOptions, connections: u32) -> Result<DatabaseConnection, Error> {
    let mut connect = ConnectOptions::new(&options.url);
    let (schema, statement) = (quoted(&options.schema), options.statement_timeout.as_millis());
    connect
        .max_connections(connections)
        .min_connections(0)
        .connect_lazy(true)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire_if_idle_for(PING_IF_IDLE_FOR)
        .sqlx_logging(false)
        .map_sqlx_postgres_opts(move |postgres| {
            postgres.application_name("tutti").options([
                ("search_path", schema.as_str()),
                ("statement_timeout", &statement.to_string()),
                ("lock_timeout", LOCK_TIMEOUT),
                ("idle_in_transaction_session_timeout", IDLE_IN_TRANSACTION_TIMEOUT),
            ])
        })
        // With a frozen server, or a network that drops packets, each returning connection would occupy the pool.
        .map_sqlx_postgres_pool_opts(|pool| {
            pool.after_release(|connection, _| {
                Box::pin(async move {
                    let answered = tokio::time::timeout(PING_TIMEOUT, connection.ping()).await;
                    answered.map_err(|_| sea_orm::sqlx::Error::PoolTimedOut)?.map(|()| true)
                })
            })
        });
    Ok(Database::connect(connect).await?)
}

/// Returns the id of the lock that a schema's writers share: PostgreSQL's advisory locks have 64-bit ids, per database.
pub(super) fn lock_id(schema: &str) -> i64 {
    let digest = Sha256::digest(format!("tutti writers of {schema}"));
    let mut first = [0; 8];
    first.iter_mut().zip(digest.iter()).for_each(|(to, from)| *to = *from);
    i64::from_be_bytes(first)
}

/// The mark of a transaction that holds the writers' lock. It is set in the transaction and ends with it.
pub(super) struct WriterLock(String);

#[derive(FromQueryResult)]
struct MarkRow {
    mark: Option<String>,
}

/// Waits for the other writers; the lock ends with the transaction.
pub(super) async fn lock_writers(transaction: &DatabaseTransaction, lock_id: i64) -> Result<WriterLock, Error> {
    let mark = Uuid::new_v4().to_string();
    Sql::execute(
        transaction,
        "select pg_advisory_xact_lock($1), set_config('tutti.write_lock', $2, true)",
        vec![lock_id.into(), mark.clone().into()],
    )
    .await?;
    Ok(WriterLock(mark))
}

impl WriterLock {
    /// Whether the transaction is still the one that took the lock, and can be committed.
    ///
    /// Checked before each commit, because a commit that rolls back responds like one that does not: PostgreSQL commits
    /// a transaction in which a statement failed by rolling it back, and the driver returns `Ok` without asking if it
    /// believes that no transaction is open.
    pub(super) async fn is_held(&self, transaction: &DatabaseTransaction) -> Result<bool, Error> {
        let found: Option<MarkRow> =
            Sql::row(transaction, "select current_setting('tutti.write_lock', true) as mark", vec![]).await?;
        Ok(found.and_then(|found| found.mark).is_some_and(|mark| mark == self.0))
    }
}

/// Opens a transaction for migrations: it creates the schema if needed, locks out the writers, and a step may take as
/// long as it takes.
pub(super) async fn begin_migration(
    connection: &DatabaseConnection,
    schema: &str,
    lock_id: i64,
) -> Result<DatabaseTransaction, Error> {
    let transaction = connection.begin().await?;
    for setting in [
        "set local statement_timeout = 0",
        "set local lock_timeout = '2min'",
        "set local idle_in_transaction_session_timeout = '1min'",
    ] {
        transaction.execute_unprepared(setting).await?;
    }
    lock_writers(&transaction, lock_id).await?;
    // Asked first: `create schema if not exists` needs a privilege that a careful operator does not grant, even if the
    // schema exists.
    let exists = Statement::from_sql_and_values(
        transaction.get_database_backend(),
        "select 1 from pg_namespace where nspname = $1",
        [schema.into()],
    );
    if transaction.query_one_raw(exists).await?.is_none() {
        transaction.execute_unprepared(&format!("create schema {}", quoted(schema))).await?;
    }
    Ok(transaction)
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
