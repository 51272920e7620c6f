//! PostgreSQL: the distributed engine. One schema per service, in one database or in one of its own.
//!
//! Owns the connections and the advisory locks of lanes. Across all processes, the writes of one lane run one after the
//! other: a group holds the locks of its lanes for as long as its transaction, and shares the lock of its schema, so a
//! write sees the result of the previous one in its lane, exactly as on SQLite (decisions 16 and 26). Invariant: a
//! holder of a lock that becomes unresponsive loses it after [`IDLE_IN_TRANSACTION_TIMEOUT`], because the server ends
//! its session.

use std::collections::BTreeSet;
use std::time::Duration;

use base::Random;
use sea_orm::sqlx::Connection as _;
use sea_orm::{
    ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection, DatabaseTransaction, FromQueryResult,
    Statement, TransactionTrait as _,
};

use super::{Error, Sql, lane};

/// The longest wait for a connection; also how soon a caller learns that the database is unavailable.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(4);
/// The server ends a session that is idle in an open transaction for this long.
const IDLE_IN_TRANSACTION_TIMEOUT: &str = "5s";
/// The longest wait for the locks of a group's lanes, or of the schema.
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
    /// Connections that read.
    pub readers: u32,
    /// Connections that write: as many groups of writes in different lanes can run at once, and one more waits for
    /// lanes that another process holds.
    pub writers: u32,
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

/// Returns a pool of readers and one of writers. Neither connects before it is used.
pub(super) async fn open(options: &PostgresOptions) -> Result<(DatabaseConnection, DatabaseConnection), Error> {
    Ok((connect(options, options.readers).await?, connect(options, options.writers).await?))
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

/// Returns the number of the lock of a whole schema. Writes share it; one in [`Lane::ALL`](lane::Lane::ALL) and
/// migrations hold it alone.
pub(super) fn schema_lock(schema: &str) -> i64 {
    lane::number("writers of", schema)
}

/// The mark of a transaction that holds the locks of its lanes. It is set in the transaction and ends with it.
pub(super) struct LockMark(String);

#[derive(FromQueryResult)]
struct MarkRow {
    mark: Option<String>,
}

/// Waits until no other write runs in the schema, in any process. The lock ends with the transaction.
pub(super) async fn lock_schema(transaction: &DatabaseTransaction, schema_lock: i64) -> Result<LockMark, Error> {
    let mark = Random::system().uuid_v4().to_string();
    Sql::execute(
        transaction,
        "select pg_advisory_xact_lock($1), set_config('tutti.write_lock', $2, true)",
        vec![schema_lock.into(), mark.clone().into()],
    )
    .await?;
    Ok(LockMark(mark))
}

/// Waits for all lanes, in the order of their numbers, so that two groups never wait for each other.
pub(super) async fn lock_lanes(
    transaction: &DatabaseTransaction,
    schema_lock: i64,
    lanes: &BTreeSet<i64>,
) -> Result<LockMark, Error> {
    let mark = Random::system().uuid_v4().to_string();
    // The numbers of lanes are of this schema only.
    let numbers: BTreeSet<i64> = lanes.iter().map(|lane| lane ^ schema_lock).collect();
    // The server evaluates the columns of a row from left to right.
    let mut columns =
        vec!["set_config('tutti.write_lock', $1, true)".to_owned(), "pg_advisory_xact_lock_shared($2)".to_owned()];
    columns.extend((0..numbers.len()).map(|at| format!("pg_advisory_xact_lock(${})", at + 3)));
    let values =
        [mark.clone().into(), schema_lock.into()].into_iter().chain(numbers.into_iter().map(Into::into)).collect();
    let text = format!("select {}", columns.join(", "));
    Sql::execute(transaction, &text, values).await?;
    Ok(LockMark(mark))
}

#[derive(FromQueryResult)]
struct HeldRow {
    number: i64,
    held: bool,
}

// One statement for all locks: each costs a round trip. A lane is tried only when the row of `shared` is there.
const TRY_LOCK_LANES: &str = "
    with shared as materialized (
           select set_config('tutti.write_lock', $1, true), pg_advisory_xact_lock_shared($2))
    select number, pg_try_advisory_xact_lock(number) as held
      from shared, unnest($3::bigint[]) as number";

/// Takes those of the lanes that no other process holds, without waiting for any. Returns the others.
pub(super) async fn try_lock_lanes(
    transaction: &DatabaseTransaction,
    schema_lock: i64,
    lanes: &BTreeSet<i64>,
) -> Result<(LockMark, BTreeSet<i64>), Error> {
    if lanes.is_empty() {
        return Ok((lock_lanes(transaction, schema_lock, lanes).await?, BTreeSet::new()));
    }
    let mark = Random::system().uuid_v4().to_string();
    let numbers: Vec<i64> = lanes.iter().map(|lane| lane ^ schema_lock).collect();
    let values = vec![mark.clone().into(), schema_lock.into(), numbers.into()];
    let rows: Vec<HeldRow> = transaction.rows(TRY_LOCK_LANES, values).await?;
    let mark = LockMark(mark);
    Ok((mark, rows.into_iter().filter(|row| !row.held).map(|row| row.number ^ schema_lock).collect()))
}

impl LockMark {
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
) -> Result<DatabaseTransaction, Error> {
    let transaction = connection.begin().await?;
    for setting in [
        "set local statement_timeout = 0",
        "set local lock_timeout = '2min'",
        "set local idle_in_transaction_session_timeout = '1min'",
    ] {
        transaction.execute_unprepared(setting).await?;
    }
    lock_schema(&transaction, schema_lock(schema)).await?;
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
