//! What is lost when the databases go back to a point: rows of each table, also of those that the point does not have,
//! and each upload.
//!
//! Invariant: it reads alone, and holds no connection when it returns.

use std::collections::BTreeMap;
use std::path::Path;

use ::backup::Manifest;
use base::config::Config;
use boot::DbConfig;
use chrono::{DateTime, Utc};
use db::{Db, FromQueryResult, Sql};
use indicatif::HumanBytes;
use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbBackend, TransactionTrait as _};

use crate::terminal::say;
use crate::{CommandError, roles};

/// Tables that no member would miss a row of.
const UNMISSED_TABLES: [&str; 10] = [
    "environment",
    "outbox",
    "inbox",
    "restored",
    "removal_hold",
    "retirement",
    "schema_version",
    "schedule_run",
    "orphan_object",
    "idempotency",
];
/// Uploads that are listed one by one.
const MAX_LISTED: i64 = 1_000;

const UPLOADS: &str = "
    select name, owner, bytes, created_at
      from item
     where created_at > $1
     order by created_at, id
     limit $2";

const UPLOAD_TOTALS: &str = "
    select count(*) as number, cast(coalesce(sum(bytes), 0) as bigint) as bytes
      from item
     where created_at > $1";

#[derive(FromQueryResult)]
struct UploadRow {
    name: String,
    owner: String,
    bytes: i64,
    created_at: DateTime<Utc>,
}

#[derive(FromQueryResult)]
struct TotalsRow {
    number: i64,
    bytes: i64,
}

#[derive(FromQueryResult)]
struct CountRow {
    number: i64,
}

#[derive(FromQueryResult)]
struct NameRow {
    name: String,
}

const TABLES_OF_SQLITE: &str = "
    select name
      from sqlite_schema
     where type = 'table'
       and name not like 'sqlite\\_%' escape '\\'
     order by name";

const TABLES_OF_POSTGRESQL: &str = "
    select cast(tablename as text) as name
      from pg_tables
     where schemaname = current_schema()
     order by tablename";

/// Prints what came after a point. Fails if the site is retired: a roll-back would end that.
pub(super) async fn print(config: &Config, data: &Path, manifest: &Manifest) -> Result<(), CommandError> {
    let options: DbConfig = config.section("db")?;
    say!("What came after {} would be lost:", manifest.begun_at.to_rfc3339());
    let before: BTreeMap<&str, u64> = manifest
        .databases
        .iter()
        .flat_map(|database| &database.rows)
        .map(|(name, rows)| (name.as_str(), *rows))
        .collect();
    for service in roles::all().into_iter().filter(|service| service.migrations.is_some()) {
        let (role, file) = (service.name, data.join(format!("{}.db", service.name)));
        let connection = match options.postgres(role)? {
            Some(named) => Db::postgres(&named).await?.read().clone(),
            None if !file.is_file() => continue,
            // Closing it touches no file: they may be moved next.
            None => Db::open_unmigrated(&file).await?,
        };
        let printed = print_role(&connection, role, &before, manifest.begun_at).await;
        connection.close().await.map_err(db::Error::from)?;
        printed?;
    }
    for file in of_later_roles(data) {
        say!("  {file}: all of it, as only a later release has that role");
    }
    say!("  Changes of rows that were there already are lost too, and are in no list.");
    Ok(())
}

/// Returns the files of databases of which this release does not know the role.
fn of_later_roles(data: &Path) -> Vec<String> {
    let known = |file: &str| file == "bus.db" || roles::all().iter().any(|role| file == format!("{}.db", role.name));
    // Beside PostgreSQL there may be no folder.
    let entries = std::fs::read_dir(data).into_iter().flatten().filter_map(Result::ok);
    let files = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    files
        .filter(|file| Path::new(file).extension().is_some_and(|extension| extension == "db") && !known(file))
        .collect()
}

async fn print_role(
    connection: &DatabaseConnection,
    role: &str,
    before: &BTreeMap<&str, u64>,
    since: DateTime<Utc>,
) -> Result<(), CommandError> {
    let transaction = connection.begin().await.map_err(db::Error::from)?;
    if transaction.get_database_backend() == DbBackend::Postgres {
        // As long as they take.
        transaction.execute_unprepared("set local statement_timeout = 0").await.map_err(db::Error::from)?;
    }
    let counts = count_rows(&transaction).await?;
    if counts.get("retirement").is_some_and(|rows| *rows > 0) {
        return Err("this site is retired, and a roll-back would make it run again: nothing was changed. Type `tutti \
                    retire --undo` first if that is what you want"
            .into());
    }
    for (table, now) in counts.into_iter().filter(|(table, _)| !UNMISSED_TABLES.contains(&table.as_str())) {
        let name = format!("{role}.{table}");
        // A table that the point does not have, as a later release made it, goes with all its rows.
        let then = before.get(name.as_str()).copied().unwrap_or_default();
        if now != then {
            say!("  {name:<36} {now} rows, {then} then");
        }
    }
    if role == "media" {
        print_uploads(&transaction, since).await?;
    }
    Ok(transaction.rollback().await.map_err(db::Error::from)?)
}

/// Counts the rows of every table that there is.
async fn count_rows(sql: &impl Sql) -> Result<BTreeMap<String, u64>, db::Error> {
    let text = if sql.backend() == DbBackend::Postgres { TABLES_OF_POSTGRESQL } else { TABLES_OF_SQLITE };
    let (tables, mut counts): (Vec<NameRow>, _) = (sql.rows(text, vec![]).await?, BTreeMap::new());
    for NameRow { name } in tables {
        let text = format!("select count(*) as number from \"{}\"", name.replace('"', "\"\""));
        let row: Option<CountRow> = sql.row(&text, vec![]).await?;
        counts.insert(name, row.map_or(0, |row| row.number.unsigned_abs()));
    }
    Ok(counts)
}

async fn print_uploads(sql: &impl Sql, since: DateTime<Utc>) -> Result<(), CommandError> {
    let totals: Option<TotalsRow> = sql.row(UPLOAD_TOTALS, vec![since.into()]).await?;
    let TotalsRow { number, bytes } = totals.unwrap_or(TotalsRow { number: 0, bytes: 0 });
    if number == 0 {
        return Ok(());
    }
    say!("  {number} uploads, {}; their objects stay in the store:", HumanBytes(bytes.unsigned_abs()));
    let uploads: Vec<UploadRow> = sql.rows(UPLOADS, vec![since.into(), MAX_LISTED.into()]).await?;
    for UploadRow { name, owner, bytes, created_at } in uploads {
        say!("    {}  {owner}  {name}  {}", created_at.to_rfc3339(), HumanBytes(bytes.unsigned_abs()));
    }
    if number > MAX_LISTED {
        say!("    and {} more", number - MAX_LISTED);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use db::{Lane, Migration};

    use super::*;

    const LATER: &[Migration] =
        &[Migration { version: 1, min_compatible: 1, sql: "create table note (\n    id text primary key\n)" }];

    #[tokio::test]
    async fn rows_of_a_table_that_the_point_does_not_have_are_counted_and_a_retired_site_does_not_go_back() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::sqlite(&folder.path().join("test.db")).await.unwrap();
        db.migrate("test", LATER).await.unwrap();
        let written: Result<u64, db::Error> =
            db.write(Lane::NONE, async |tx| tx.execute("insert into note (id) values ('a')", vec![]).await).await;
        written.unwrap();
        assert_eq!(count_rows(db.read()).await.unwrap().get("note"), Some(&1));
        let before = BTreeMap::new();
        print_role(db.read(), "test", &before, DateTime::UNIX_EPOCH).await.unwrap();
        db::retirement::retire(&db, "moved", DateTime::UNIX_EPOCH).await.unwrap();
        assert_eq!(of_later_roles(folder.path()), ["test.db"]);
        let refused = print_role(db.read(), "test", &before, DateTime::UNIX_EPOCH).await.unwrap_err().to_string();
        assert!(refused.contains("is retired"), "{refused}");
    }
}
