//! What is lost when the databases go back to a point: rows of each table, and each upload.
//!
//! Invariant: it reads alone, and holds no connection when it returns.

use std::path::Path;

use ::backup::Manifest;
use base::config::Config;
use boot::DbConfig;
use chrono::{DateTime, Utc};
use db::{Db, FromQueryResult, Sql as _};
use indicatif::HumanBytes;
use sea_orm::{ConnectionTrait as _, DatabaseConnection, DatabaseTransaction, DbBackend, TransactionTrait as _};

use crate::terminal::say;
use crate::{CommandError, roles};

/// Tables that no member would miss a row of.
const UNMISSED_TABLES: [&str; 9] = [
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

/// Prints what came after a point.
pub(super) async fn print(config: &Config, data: &Path, manifest: &Manifest) -> Result<(), CommandError> {
    let options: DbConfig = config.section("db")?;
    say!("What came after {} would be lost:", manifest.begun_at.to_rfc3339());
    for service in roles::all().into_iter().filter(|service| service.migrations.is_some()) {
        let role = service.name;
        let connection = match options.postgres(role)? {
            Some(named) => Db::postgres(&named).await?.read().clone(),
            // Closing it touches no file: they may be moved next.
            None => Db::open_unmigrated(&data.join(format!("{role}.db"))).await?,
        };
        let printed = print_role(&connection, role, manifest).await;
        connection.close().await.map_err(db::Error::from)?;
        printed?;
    }
    Ok(())
}

async fn print_role(connection: &DatabaseConnection, role: &str, manifest: &Manifest) -> Result<(), CommandError> {
    let transaction = connection.begin().await.map_err(db::Error::from)?;
    if transaction.get_database_backend() == DbBackend::Postgres {
        // As long as they take.
        transaction.execute_unprepared("set local statement_timeout = 0").await.map_err(db::Error::from)?;
    }
    let rows = manifest.databases.iter().flat_map(|database| &database.rows);
    for (name, before) in rows {
        let Some(table) = name.strip_prefix(role).and_then(|rest| rest.strip_prefix('.')) else { continue };
        if UNMISSED_TABLES.contains(&table) {
            continue;
        }
        let text = format!("select count(*) as number from \"{}\"", table.replace('"', "\"\""));
        let now: Option<CountRow> = transaction.row(&text, vec![]).await?;
        let now = now.map_or(0, |row| row.number.unsigned_abs());
        if now != *before {
            say!("  {name:<36} {now} rows, {before} then");
        }
    }
    if role == "media" {
        print_uploads(&transaction, manifest.begun_at).await?;
    }
    Ok(transaction.rollback().await.map_err(db::Error::from)?)
}

async fn print_uploads(transaction: &DatabaseTransaction, since: DateTime<Utc>) -> Result<(), CommandError> {
    let totals: Option<TotalsRow> = transaction.row(UPLOAD_TOTALS, vec![since.into()]).await?;
    let TotalsRow { number, bytes } = totals.unwrap_or(TotalsRow { number: 0, bytes: 0 });
    if number == 0 {
        return Ok(());
    }
    say!("  {number} uploads, {}; their objects stay in the store:", HumanBytes(bytes.unsigned_abs()));
    let uploads: Vec<UploadRow> = transaction.rows(UPLOADS, vec![since.into(), MAX_LISTED.into()]).await?;
    for UploadRow { name, owner, bytes, created_at } in uploads {
        say!("    {}  {owner}  {name}  {}", created_at.to_rfc3339(), HumanBytes(bytes.unsigned_abs()));
    }
    if number > MAX_LISTED {
        say!("    and {} more", number - MAX_LISTED);
    }
    Ok(())
}
