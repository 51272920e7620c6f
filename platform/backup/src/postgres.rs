//! Schemas of PostgreSQL: dumped by `pg_dump` from one snapshot, restored by `pg_restore`.
//!
//! All schemas of one database go into one dump. The same snapshot counts the rows and reads the objects that they
//! name. Passwords go to the programs in their environment, which other users can't read. Invariant: a dump counts only
//! if its program said so with its exit status.

use std::collections::BTreeMap;
use std::process::Stdio;

use bytes::Bytes;
use db::{Db, FromQueryResult, Sql as _};
use futures::TryStreamExt as _;
use objects::ObjectColumn;
use objects::reconcile::RoleDatabase;
use percent_encoding::percent_decode_str;
use sea_orm::{AccessMode, ConnectionTrait as _, DatabaseTransaction, IsolationLevel, TransactionTrait as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;
use tokio_util::io::ReaderStream;

use crate::Error;
use crate::installation::Installation;
use crate::manifest::{DatabaseFile, SealedFile};
use crate::named_objects::{self, NamedObjects};
use crate::options::BackupOptions;
use crate::repository::Repository;

const CHUNK_BYTES: usize = 256 * 1024;
/// The end of what a program says that an error shows.
const MAX_SHOWN_CHARS: usize = 2_000;

/// The schemas of one database.
pub(crate) struct Dumped {
    /// How the database is reached.
    url: String,
    /// Each role with its schema.
    roles: Vec<(&'static str, String)>,
}

impl Dumped {
    /// Returns the databases of an installation: one, unless each role has its own.
    pub(crate) fn of(installation: &Installation) -> Result<Vec<Self>, Error> {
        let config = installation.engines()?.db;
        let mut by_url: BTreeMap<String, Vec<(&'static str, String)>> = BTreeMap::new();
        for service in installation.roles() {
            if let Some(options) = config.postgres(service.name)? {
                by_url.entry(options.url).or_default().push((service.name, options.schema));
            }
        }
        Ok(by_url.into_iter().map(|(url, roles)| Self { url, roles }).collect())
    }

    /// Returns the roles and their schemas, as the manifest names them.
    pub(crate) fn names(&self) -> (Vec<String>, Vec<String>) {
        self.roles.iter().map(|(role, schema)| ((*role).to_owned(), schema.clone())).unzip()
    }
}

/// A program with the connection to a database: its URL without the password, which is in the environment.
fn program(name: &str, url: &str) -> Result<Command, Error> {
    let unusable = || Error::Program { program: name.to_owned(), output: "db.url is no URL".to_owned() };
    let mut url = url::Url::parse(url).map_err(|_| unusable())?;
    let mut command = Command::new(name);
    if let Some(password) = url.password() {
        command.env("PGPASSWORD", &*percent_decode_str(password).decode_utf8_lossy());
    }
    // It may be among the parameters as well.
    let (passwords, others): (Vec<_>, Vec<_>) =
        url.query_pairs().into_owned().partition(|(name, _): &(String, String)| name == "password");
    if let Some((_, password)) = passwords.into_iter().next() {
        command.env("PGPASSWORD", password);
        url.query_pairs_mut().clear().extend_pairs(others);
    }
    // A URL of a socket has no host, and can't be told that it has no password.
    if url.password().is_some() {
        url.set_password(None).map_err(|()| unusable())?;
    }
    command.arg("--dbname").arg(url.as_str()).arg("--no-owner").arg("--no-privileges");
    command.kill_on_drop(true);
    Ok(command)
}

fn failed(name: &str, output: &(impl std::fmt::Display + ?Sized)) -> Error {
    let text = output.to_string();
    let skipped = text.chars().count().saturating_sub(MAX_SHOWN_CHARS);
    Error::Program {
        program: name.to_owned(),
        output: text.chars().skip(skipped).collect::<String>().trim().to_owned(),
    }
}

#[derive(FromQueryResult)]
struct TextRow {
    text: String,
}

#[derive(FromQueryResult)]
struct CountRow {
    number: i64,
}

const TABLES: &str = "
    select cast(table_name as text) as text
      from information_schema.tables
     where table_schema = $1
       and table_type = 'BASE TABLE'
     order by table_name";

/// Dumps the schemas of a database into the repository, and adds the objects that their rows name.
pub(crate) async fn dump(
    dumped: &Dumped,
    databases: &[RoleDatabase],
    options: &BackupOptions,
    repository: &Repository,
    named: &mut NamedObjects,
) -> Result<DatabaseFile, Error> {
    let of_role = |role: &str| databases.iter().find(|database| database.service == role);
    // A role that is new has no schema yet.
    let first = dumped.roles.iter().find_map(|(role, _)| of_role(role));
    let connection = first.ok_or(Error::NoRepository)?.db.read();
    let (isolation, access) = (Some(IsolationLevel::RepeatableRead), Some(AccessMode::ReadOnly));
    let transaction = connection.begin_with_config(isolation, access).await.map_err(db::Error::from)?;
    for setting in ["set local statement_timeout = 0", "set local idle_in_transaction_session_timeout = 0"] {
        transaction.execute_unprepared(setting).await.map_err(db::Error::from)?;
    }
    let snapshot: Option<TextRow> = transaction.row("select pg_export_snapshot() as text", vec![]).await?;
    let snapshot = snapshot.map(|row| row.text).unwrap_or_default();
    let mut rows = BTreeMap::new();
    for (role, schema) in &dumped.roles {
        let columns = of_role(role).map(|database| database.columns).unwrap_or_default();
        read_schema(&transaction, role, schema, columns, &mut rows, named).await?;
    }
    let mut command = program(&options.pg_dump, &dumped.url)?;
    command.args(["--format=custom", "--compress=0"]).arg(format!("--snapshot={snapshot}"));
    for (_, schema) in &dumped.roles {
        command.arg(format!("--schema={}", quoted(schema)));
    }
    let file = store_output(command, &options.pg_dump, repository).await?;
    transaction.rollback().await.map_err(db::Error::from)?;
    let (roles, schemas) = dumped.names();
    Ok(DatabaseFile { roles, schemas, rows, file })
}

/// Counts the rows of a schema and reads the objects that they name.
async fn read_schema(
    transaction: &DatabaseTransaction,
    role: &str,
    schema: &str,
    columns: &[ObjectColumn],
    rows: &mut BTreeMap<String, u64>,
    named: &mut NamedObjects,
) -> Result<(), Error> {
    let tables: Vec<TextRow> = transaction.rows(TABLES, vec![schema.into()]).await?;
    for TextRow { text: table } in tables {
        let text = format!("select count(*) as number from {}.{}", quoted(schema), quoted(&table));
        let count: Option<CountRow> = transaction.row(&text, vec![]).await?;
        rows.insert(format!("{role}.{table}"), count.map_or(0, |row| row.number.unsigned_abs()));
    }
    Ok(named_objects::read(transaction, &format!("{}.", quoted(schema)), columns, named).await?)
}

/// Runs a program and stores its output.
async fn store_output(mut command: Command, name: &str, repository: &Repository) -> Result<SealedFile, Error> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| failed(name, &error))?;
    let (Some(output), Some(mut errors)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(failed(name, "its output can't be read"));
    };
    let chunks = ReaderStream::with_capacity(output, CHUNK_BYTES).map_err(|error| failed(name, &error));
    let mut said = String::new();
    let (file, read) = tokio::join!(repository.store("dump", chunks), errors.read_to_string(&mut said));
    read.map_err(|error| failed(name, &error))?;
    // Its own words tell more than that its output ended early.
    if !child.wait().await.map_err(|error| failed(name, &error))?.success() {
        return Err(failed(name, &said));
    }
    file
}

/// Restores a dump into its schemas. They are empty or missing: see [`occupied`].
pub(crate) async fn restore(
    dumped: &Dumped,
    file: &DatabaseFile,
    options: &BackupOptions,
    repository: &Repository,
) -> Result<(), Error> {
    let name = options.pg_restore.as_str();
    let mut command = program(name, &dumped.url)?;
    command.args(["--format=custom", "--exit-on-error", "--single-transaction"]);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| failed(name, &error))?;
    let (Some(mut input), Some(mut errors)) = (child.stdin.take(), child.stderr.take()) else {
        return Err(failed(name, "its input can't be written"));
    };
    let mut said = String::new();
    let feed = async {
        let sent = repository
            .open_file("the dump", &file.file, async |chunk: Bytes| {
                // A program that has failed says why, and closes its input.
                input.write_all(&chunk).await.map_err(|error| failed(name, &error))
            })
            .await;
        // Its end is the sign to commit: a dump that turned out to be damaged gets none.
        match sent {
            Ok(()) => {
                drop(input);
                Ok(())
            }
            Err(error) => Err((error, input)),
        }
    };
    let (sent, read) = tokio::join!(feed_or_kill(feed, &mut child), errors.read_to_string(&mut said));
    read.map_err(|error| failed(name, &error))?;
    let status = child.wait().await.map_err(|error| failed(name, &error))?;
    match sent {
        Err(error @ (Error::Damaged { .. } | Error::WrongKey)) => Err(error),
        _ if !status.success() => Err(failed(name, &said)),
        sent => sent,
    }
}

/// Waits for the input to be sent. If that fails, the program is killed before its input ends.
async fn feed_or_kill<I>(
    feed: impl Future<Output = Result<(), (Error, I)>>,
    child: &mut tokio::process::Child,
) -> Result<(), Error> {
    match feed.await {
        Ok(()) => Ok(()),
        Err((error, input)) => {
            // It may have ended by itself.
            let _ = child.kill().await;
            drop(input);
            Err(error)
        }
    }
}

/// Returns the first schema that has a table, and drops the others, which the dump creates.
pub(crate) async fn occupied(dumped: &Dumped, databases: &[RoleDatabase]) -> Result<Option<String>, Error> {
    let of_role = |role: &str| databases.iter().find(|database| database.service == role);
    for (role, schema) in &dumped.roles {
        let Some(database) = of_role(role) else { continue };
        let tables: Vec<TextRow> = database.db.read().rows(TABLES, vec![schema.as_str().into()]).await?;
        if !tables.is_empty() {
            return Ok(Some(schema.clone()));
        }
        let statement = format!("drop schema if exists {} restrict", quoted(schema));
        database.db.read().execute_unprepared(&statement).await.map_err(db::Error::from)?;
    }
    Ok(None)
}

const SCHEMAS: &str = "
    select cast(nspname as text) as text
      from pg_namespace
     where nspname = $1";

/// Gives a schema another name. One that does not exist, as an interrupted command has renamed it, is no error.
pub(crate) async fn rename_schema(db: &Db, from: &str, to: &str) -> Result<(), Error> {
    let found: Vec<TextRow> = db.read().rows(SCHEMAS, vec![from.into()]).await?;
    if found.is_empty() {
        return Ok(());
    }
    let statement = format!("alter schema {} rename to {}", quoted(from), quoted(to));
    db.read().execute_unprepared(&statement).await.map_err(db::Error::from)?;
    Ok(())
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_in_the_environment_of_a_program_and_not_in_its_arguments() {
        let command = program("pg_dump", "postgres://me:LEAK%2FME@db:5432/x?sslmode=require").unwrap();
        let command = command.as_std();
        let arguments: Vec<String> = command.get_args().map(|text| text.to_string_lossy().into_owned()).collect();
        assert_eq!(arguments[1], "postgres://me@db:5432/x?sslmode=require");
        assert!(arguments.iter().all(|argument| !argument.contains("LEAK")));
        let (name, value) = command.get_envs().next().unwrap();
        assert_eq!((name.to_str(), value.and_then(|value| value.to_str())), (Some("PGPASSWORD"), Some("LEAK/ME")));
        let command = program("pg_dump", "postgres://me@db/x?password=LEAK%2FME&sslmode=require").unwrap();
        let arguments: Vec<_> = command.as_std().get_args().collect();
        assert_eq!(arguments[1], "postgres://me@db/x?sslmode=require");
        assert_eq!(command.as_std().get_envs().next().unwrap().1.unwrap(), "LEAK/ME");
        assert!(program("pg_dump", "postgres:///x?host=/run/postgresql&user=me").is_ok(), "a socket");
    }
}
