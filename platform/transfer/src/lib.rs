//! Transfers a data folder to PostgreSQL and S3, so that an installation can leave the embedded engines.
//!
//! Owns what is copied and that both sides are equal; knows tables, objects and events, no domain. The folder is only
//! read (decision 17). Invariant: after an interruption at any moment, the same command resumes the transfer and ends
//! with the same result.

mod error;
mod events;
mod objects;
mod progress;
mod rows;
mod secrets;
mod tables;
mod verify;

pub use error::Error;

use std::path::Path;

use sea_orm::DatabaseConnection;

use ::objects::Objects;
use base::clock::Clock;
use base::config::Config;
use boot::{DbConfig, Engines, data_dir};
use bus::pending;
use db::{Db, Lane, Sql};
use secrets::SigningKey;
use service::Service;
use tables::Table;

/// The part under which the end of a transfer is recorded.
const DONE: &str = "done";

/// Gets the progress of a transfer.
pub trait ProgressListener: Sync {
    /// A sentence about the next step.
    fn step(&self, sentence: &str);
    /// The total size of the objects, in bytes.
    fn total_bytes(&self, bytes: u64);
    /// The size of objects that were just stored, in bytes.
    fn advanced(&self, bytes: u64);
}

/// A part of the data on both sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportRow {
    /// Such as `media.item`, or `objects`.
    pub part: String,
    /// Rows or objects in the folder.
    pub source_count: u64,
    /// Rows or objects at the destination.
    pub destination_count: u64,
    /// The size in the folder, in bytes.
    pub bytes: u64,
    /// Whether both sides are equal.
    pub matches: bool,
    /// Some keys that differ, if they are known.
    pub differences: Vec<String>,
}

impl ReportRow {
    fn new(part: &str) -> Self {
        Self {
            part: part.to_owned(),
            source_count: 0,
            destination_count: 0,
            bytes: 0,
            matches: true,
            differences: Vec::new(),
        }
    }
}

/// The result of a transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The report after the transfer.
    Moved(Vec<ReportRow>),
    /// The transfer was complete before, at this time (RFC 3339); nothing was changed.
    AlreadyDone(String),
}

/// A service's rows on both sides.
struct Schema {
    service: &'static str,
    /// `None` if the service never ran in the folder.
    source: Option<DatabaseConnection>,
    destination: Db,
    /// Parents before children.
    tables: Vec<Table>,
}

/// A locked data folder and its destination.
pub struct Transfer {
    /// The folder's name in the destination's records.
    name: String,
    key: SigningKey,
    log: DatabaseConnection,
    schemas: Vec<Schema>,
    /// The first schema, which records what belongs to no service.
    records: Db,
    source: Objects,
    destination: Objects,
    clock: Clock,
    /// Whether an earlier transfer began.
    is_resumed: bool,
    _lock: std::fs::File,
}

impl std::fmt::Debug for Transfer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transfer").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Transfer {
    /// Locks the folder `data`, opens the destination that `config` names, and migrates both to this release's schemas.
    pub async fn open(data: &Path, config: &Config, services: &[Service], clock: Clock) -> Result<Self, Error> {
        let engines = Engines::of(config)?;
        let key_file = check_configured(&engines)?;
        if !data.join("bus.db").is_file() || !data.join("objects").is_dir() {
            return Err(Error::NotADataFolder(data.to_owned()));
        }
        let lock = data_dir::lock(data)?;
        let key = SigningKey::read(data, key_file)?;
        let (source, destination) =
            (Objects::folder(&data.join("objects")).await?, objects_s3::open(&engines.objects)?);
        destination.ping().await?;
        let log = pending::open(&data.join("bus.db")).await?;
        let mut schemas = Vec::new();
        for service in services.iter().filter(|service| service.migrations.is_some()) {
            schemas.push(open_schema(service, &engines.db, data).await?);
        }
        let records = schemas
            .first()
            .map(|schema| schema.destination.clone())
            .ok_or_else(|| Error::NoDestination("a role with a database".into()))?;
        let name = key.fingerprint();
        let is_resumed = check_destination(&schemas, &name).await?;
        Ok(Self { name, key, log, schemas, records, source, destination, clock, is_resumed, _lock: lock })
    }

    /// Copies what is missing, and compares both sides.
    ///
    /// Objects are read back as they are copied; [`Transfer::verify`] reads all of them again.
    pub async fn run(&self, listener: &dyn ProgressListener) -> Result<Outcome, Error> {
        if let Some(at) = progress::find(self.records.read(), &self.name, DONE, "").await? {
            return Ok(Outcome::AlreadyDone(at));
        }
        self.key.write_to_destination()?;
        listener.total_bytes(objects::total_bytes(&self.source).await?);
        listener.step(if self.is_resumed { "Going on with the objects" } else { "Copying the objects" });
        // Before the rows that name them.
        let objects = objects::copy(self, listener).await?;
        for schema in &self.schemas {
            let Some(source) = &schema.source else { continue };
            listener.step(&format!("Copying the rows of {}", schema.service));
            for table in &schema.tables {
                rows::copy(&self.name, schema, source, table).await?;
            }
        }
        let (due, skipped) = events::make_due(self).await?;
        listener.step(&format!("Pending events that are due again: {due}"));
        if skipped > 0 {
            listener.step(&format!("Events of roles that this release doesn't have, left in the folder: {skipped}"));
        }
        listener.step("Comparing the rows of both sides");
        let mut report = verify::tables(self).await?;
        report.push(objects);
        if report.iter().all(|row| row.matches) {
            let (name, now) = (self.name.clone(), self.clock.now().to_rfc3339());
            self.records.write(Lane::ALL, async move |tx| progress::record(tx, &name, DONE, "", &now).await).await?;
        }
        Ok(Outcome::Moved(report))
    }

    /// Compares both sides, reading every row and every object of each.
    pub async fn verify(&self, listener: &dyn ProgressListener) -> Result<Vec<ReportRow>, Error> {
        listener.step("Comparing the rows of both sides");
        let mut report = verify::tables(self).await?;
        report.push(self.key.report_row());
        listener.total_bytes(objects::total_bytes(&self.source).await?);
        listener.step("Reading the objects of both sides");
        report.push(objects::compare(self, listener).await?);
        Ok(report)
    }
}

/// Whether a transfer into the installation that `db` belongs to has begun and not ended.
pub async fn is_in_progress(db: &Db) -> Result<bool, db::Error> {
    progress::is_in_progress(db.read(), DONE).await
}

/// Returns the file of the destination's key; an error names what the configuration lacks.
fn check_configured(engines: &Engines) -> Result<&Path, Error> {
    let has_database = engines.db.postgres("")?.is_some();
    let key = engines.secrets.url_signing_key_file.as_deref();
    let named = [
        ("db.url", has_database),
        ("bus.servers", !engines.bus.servers.is_empty()),
        ("objects.bucket", !engines.objects.bucket.is_empty()),
    ];
    let missing: Vec<&str> = named
        .into_iter()
        .chain([("secrets.url_signing_key_file", key.is_some())])
        .filter(|(_, there)| !there)
        .map(|(name, _)| name)
        .collect();
    match key {
        Some(key) if missing.is_empty() => Ok(key),
        _ => Err(Error::NoDestination(missing.join(", "))),
    }
}

async fn open_schema(service: &Service, config: &DbConfig, data: &Path) -> Result<Schema, Error> {
    let migrations = service.migrations.unwrap_or_default();
    let destination = config.open(service.name, data).await?;
    destination.migrate(service.name, migrations).await?;
    progress::create_table(&destination).await?;
    let tables = tables::read_schema(destination.read()).await?;
    let file = data.join(format!("{}.db", service.name));
    let source = if file.is_file() { Some(Db::open_read_only(&file, service.name, migrations).await?) } else { None };
    if let Some(source) = &source {
        tables::compare(source, service.name, &tables).await?;
    }
    Ok(Schema { service: service.name, source, destination, tables })
}

/// Refuses a destination with rows from elsewhere. Returns whether it has some of this folder's.
async fn check_destination(schemas: &[Schema], name: &str) -> Result<bool, Error> {
    let mut known = false;
    for schema in schemas {
        if progress::has_checkpoint(schema.destination.read(), name).await? {
            known = true;
            continue;
        }
        for table in &schema.tables {
            let row: Option<AnyRow> = schema
                .destination
                .read()
                .row(&format!("select 1 as found from {} limit 1", table.quoted()), vec![])
                .await?;
            if row.is_some() {
                return Err(Error::Occupied { service: schema.service.to_owned(), table: table.name.clone() });
            }
        }
    }
    Ok(known)
}

#[derive(sea_orm::FromQueryResult)]
struct AnyRow {
    #[allow(dead_code)]
    found: i32,
}
