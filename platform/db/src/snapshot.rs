//! Copies of several SQLite databases at one moment, made while servers go on writing.
//!
//! All of them are locked against writers for the few milliseconds in which each copying connection opens its read
//! transaction; then writers continue, and the copies are made from what these transactions see. So what one database
//! says of another is as true in the copies as it was at that moment. Statements copy the rows (the schema first, the
//! indexes after the rows): the write-ahead log needs no treatment of its own, and a copy has no free pages. Invariant:
//! the copies hold every transaction that was committed before [`copy_all`] was called, and all show the same moment.

use std::collections::BTreeMap;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sea_orm::{
    ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection, DatabaseTransaction, DbErr, FromQueryResult,
    SqliteTransactionMode, TransactionOptions, TransactionTrait as _,
};

use super::{Error, Sql, sqlite};

/// The longest wait for a writer that has a database locked.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

/// A database to be copied.
#[derive(Debug, Clone)]
pub struct SnapshotFile {
    /// Its file.
    pub source: PathBuf,
    /// The file of the copy, which must not exist.
    pub copy: PathBuf,
}

/// The number of rows of each table of a copy.
pub type RowCounts = BTreeMap<String, u64>;

/// Copies databases as they are at one moment. Returns the row counts of each, in their order.
pub async fn copy_all(files: &[SnapshotFile]) -> Result<Vec<RowCounts>, Error> {
    let (mut writers, mut copiers) = (Vec::with_capacity(files.len()), Vec::with_capacity(files.len()));
    for file in files {
        create_private_file(&file.copy)?;
        writers.push(connect(&file.source).await?);
        copiers.push(attached(file).await?);
    }
    let transactions = open_at_one_moment(&writers, &copiers).await?;
    let mut counts = Vec::with_capacity(files.len());
    for transaction in transactions {
        counts.push(copy_rows(&transaction).await?);
        transaction.commit().await?;
    }
    for connection in writers.into_iter().chain(copiers) {
        connection.close().await?;
    }
    for file in files {
        check(&file.copy).await?;
    }
    Ok(counts)
}

/// Returns an error if a database file is damaged, or has rows whose parents are missing.
pub async fn check(path: &Path) -> Result<(), Error> {
    let connection = open_copy(path).await?;
    // In a transaction, whose statements take as long as they take.
    let transaction = connection.begin().await?;
    let wrong: Option<MessageRow> =
        transaction.row("select quick_check as message from pragma_quick_check limit 1", vec![]).await?;
    let orphan: Option<MessageRow> =
        transaction.row("select \"table\" as message from pragma_foreign_key_check limit 1", vec![]).await?;
    transaction.rollback().await?;
    connection.close().await?;
    match (wrong, orphan) {
        (Some(MessageRow { message }), None) if message == "ok" => Ok(()),
        _ => Err(Error::Corrupt("a copied database")),
    }
}

/// Opens a copy for reading.
pub async fn open_copy(path: &Path) -> Result<DatabaseConnection, Error> {
    sqlite::open_read_only(path).await
}

/// Locks every database against writers, opens a read transaction on each, and unlocks them. The order of the list is
/// the same for all callers, and a server's writer never locks two.
async fn open_at_one_moment(
    writers: &[DatabaseConnection],
    copiers: &[DatabaseConnection],
) -> Result<Vec<DatabaseTransaction>, Error> {
    let mut locks = Vec::with_capacity(writers.len());
    for writer in writers {
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        locks.push(writer.begin_with_options(options).await?);
    }
    let mut transactions = Vec::with_capacity(copiers.len());
    for copier in copiers {
        let transaction = copier.begin().await?;
        // A transaction sees what was committed when it first read.
        let _: Option<CountRow> = transaction.row("select count(*) as entries from main.sqlite_schema", vec![]).await?;
        transactions.push(transaction);
    }
    for lock in locks {
        lock.rollback().await?;
    }
    Ok(transactions)
}

#[derive(FromQueryResult)]
struct CountRow {
    entries: i64,
}

#[derive(FromQueryResult)]
struct MessageRow {
    message: String,
}

#[derive(FromQueryResult)]
struct SchemaRow {
    kind: String,
    name: String,
    text: String,
}

const SCHEMA: &str = "
    select type as kind, name, sql as text
      from main.sqlite_schema
     where sql is not null
       and name not like 'sqlite\\_%' escape '\\'
     order by rowid";

/// How SQLite writes the beginning of each statement of a schema, whatever its author wrote (build.c and trigger.c of
/// its source).
const BEGINNINGS: [&str; 5] =
    ["CREATE TABLE ", "CREATE INDEX ", "CREATE UNIQUE INDEX ", "CREATE TRIGGER ", "CREATE VIEW "];

/// Copies the schema and the rows into the attached file: tables, rows, then what refers to them.
async fn copy_rows(transaction: &DatabaseTransaction) -> Result<RowCounts, Error> {
    let schema: Vec<SchemaRow> = transaction.rows(SCHEMA, vec![]).await?;
    let (tables, others): (Vec<_>, Vec<_>) = schema.into_iter().partition(|entry| entry.kind == "table");
    let mut counts = RowCounts::new();
    for SchemaRow { name, text, .. } in tables {
        transaction.execute_unprepared(&in_copy(&text)?).await?;
        let table = quoted(&name);
        let copy_table = format!("insert into copy.{table} select * from main.{table}");
        Sql::execute(transaction, &copy_table, vec![]).await?;
        let count = format!("select count(*) as entries from copy.{table}");
        let count: Option<CountRow> = transaction.row(&count, vec![]).await?;
        counts.insert(name, count.map_or(0, |row| row.entries.unsigned_abs()));
    }
    let sequences: Option<MessageRow> = transaction
        .row("select name as message from main.sqlite_schema where name = 'sqlite_sequence'", vec![])
        .await?;
    if sequences.is_some() {
        for text in [
            "delete from copy.sqlite_sequence",
            "insert into copy.sqlite_sequence (name, seq) select name, seq from main.sqlite_sequence",
        ] {
            Sql::execute(transaction, text, vec![]).await?;
        }
    }
    for SchemaRow { text, .. } in others {
        transaction.execute_unprepared(&in_copy(&text)?).await?;
    }
    Ok(counts)
}

/// Returns a statement of a schema with the copy's name before the name of what it creates.
fn in_copy(text: &str) -> Result<String, Error> {
    let split = |beginning: &&str| text.strip_prefix(*beginning).map(|rest| format!("{beginning}copy.{rest}"));
    BEGINNINGS.iter().find_map(split).ok_or(Error::Corrupt("the schema of a database"))
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Connects to a database and attaches the file of its copy. What a crash leaves of a copy is thrown away, so it needs
/// no journal.
async fn attached(file: &SnapshotFile) -> Result<DatabaseConnection, Error> {
    let connection = connect(&file.source).await?;
    let path = file.copy.to_string_lossy().replace('\'', "''");
    for text in [
        format!("attach database '{path}' as copy"),
        "pragma copy.journal_mode = off".to_owned(),
        "pragma copy.synchronous = off".to_owned(),
    ] {
        connection.execute_unprepared(&text).await?;
    }
    Ok(connection)
}

/// Opens one connection to an existing database. It stays the same one: an attached file belongs to a connection.
async fn connect(path: &Path) -> Result<DatabaseConnection, Error> {
    let file = path.to_owned();
    let mut options = ConnectOptions::new("sqlite://");
    options
        .max_connections(1)
        .min_connections(1)
        .acquire_timeout(LOCK_TIMEOUT)
        .idle_timeout(None::<Duration>)
        .max_lifetime(None::<Duration>)
        .test_before_acquire(false)
        .sqlx_logging(false)
        .map_sqlx_sqlite_opts(move |sqlite| {
            // Children may be copied before their parents; the copy is checked as a whole.
            sqlite.filename(&file).create_if_missing(false).foreign_keys(false).busy_timeout(LOCK_TIMEOUT)
        });
    Ok(Database::connect(options).await?)
}

/// Creates an empty file, which SQLite takes for an empty database, for this user alone.
fn create_private_file(path: &Path) -> Result<(), Error> {
    let created = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    created.map(drop).map_err(|error| Error::Engine(DbErr::Custom(format!("{}: {error}", path.display()))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_statement_of_a_schema_is_made_for_the_copy_and_an_unknown_one_is_refused() {
        assert_eq!(in_copy("CREATE TABLE a (b text)").unwrap(), "CREATE TABLE copy.a (b text)");
        assert_eq!(in_copy("CREATE UNIQUE INDEX i on a (b)").unwrap(), "CREATE UNIQUE INDEX copy.i on a (b)");
        assert_eq!(in_copy("CREATE TRIGGER t before x").unwrap(), "CREATE TRIGGER copy.t before x");
        assert!(in_copy("CREATE VIRTUAL TABLE a using fts5 (b)").is_err());
    }
}
