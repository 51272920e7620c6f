//! `tutti objects`: compares the store with the rows, and removes objects without a row.
//!
//! Works beside running servers. Invariant: `check` changes nothing; `repair` removes only objects that no row of any
//! role names and that were written long ago, and never runs without the rows of every role.

use base::Environment;
use boot::DbConfig;
use chrono::TimeDelta;
use objects::Objects;
use objects::reconcile;
use objects::reconcile::{Report, RoleDatabase};
use objects_s3::S3Options;

use crate::cli::{Objects as Arguments, ObjectsAction, Settings};
use crate::terminal::say;
use crate::{CommandError, roles, settings};

/// Lines of each kind that are printed; `--json` has all.
const MAX_SHOWN: usize = 50;
/// From this many untracked objects on, a store of which more than half is untracked counts as another installation's.
const SUSPICIOUS_COUNT: u64 = 100;

pub(crate) async fn run(arguments: Arguments) -> Result<(), CommandError> {
    let (objects, books) = open(&arguments.settings).await?;
    let report = reconcile::check(&objects, &books).await?;
    match arguments.action {
        ObjectsAction::Check { json } => {
            print(&report, json)?;
            if report.is_clean() {
                Ok(())
            } else {
                Err("the store and the rows differ; docs/guides/operating.md explains what to do".into())
            }
        }
        ObjectsAction::Repair { older_than_hours, force, json } => {
            let untracked = report.untracked.len() as u64;
            if untracked >= SUSPICIOUS_COUNT && untracked > report.objects / 2 && !force {
                return Err(format!(
                    "{untracked} of {} objects have no row. This may be another installation's store, or an \
                     incomplete database: nothing was removed. \
                     Check the list of `tutti objects check`, and add --force if it is right",
                    report.objects
                )
                .into());
            }
            print(&report, json)?;
            let removed = reconcile::remove_untracked(
                &objects,
                &report,
                base::Clock::system().now(),
                TimeDelta::hours(older_than_hours.into()),
            )
            .await?;
            let kept = untracked.saturating_sub(removed);
            eprintln!(
                "{removed} objects without a row were removed; {kept} were written less than {older_than_hours} hours \
                 ago, or at an unknown time, and stay."
            );
            if report.missing.is_empty() {
                Ok(())
            } else {
                Err(format!("{} rows name objects that are missing; only a backup has them", report.missing.len())
                    .into())
            }
        }
    }
}

/// Opens the store and the database of every role that has one; fails if any is missing.
async fn open(settings: &Settings) -> Result<(Objects, Vec<RoleDatabase>), CommandError> {
    let (config, server) = settings::installation(settings)?;
    let (db, s3): (DbConfig, S3Options) = (config.section("db")?, config.section("objects")?);
    let folder = server.data.join("objects");
    if s3.bucket.is_empty() && !folder.is_dir() {
        return Err(format!(
            "there is no store in {}: give the server's data folder with --data, or its configuration with --config",
            server.data.display()
        )
        .into());
    }
    let (environment, mut books) = (Environment::of(&config)?, Vec::new());
    for service in roles::all() {
        let Some(migrations) = service.migrations else { continue };
        let file = server.data.join(format!("{}.db", service.name));
        if db.postgres(service.name)?.is_none() && !file.is_file() {
            // Opening would create an empty database, and every object would count as untracked.
            return Err(format!(
                "the database of {} is not in {}: without it its objects can't be checked",
                service.name,
                server.data.display()
            )
            .into());
        }
        let database = db.open(service.name, &server.data).await?;
        boot::refuse_other_environment(service.name, &database, &environment).await?;
        if !database.is_current(service.name, migrations).await? {
            return Err(format!(
                "the schema of {} is older than this release: run `tutti migrate` first",
                service.name
            )
            .into());
        }
        if transfer::is_in_progress(&database).await? {
            return Err("a `tutti move` into this installation is not finished: it copies objects before their rows. \
                        Finish it first"
                .into());
        }
        books.push(RoleDatabase { service: service.name, db: database, columns: service.objects });
    }
    let objects = boot::open_objects(&s3, &folder).await?;
    objects.ping().await?;
    Ok((objects, books))
}

fn print(report: &Report, json: bool) -> Result<(), CommandError> {
    if json {
        say!("{}", serde_json::to_string_pretty(report)?);
        return Ok(());
    }
    say!(
        "{} objects, {} bytes; {} keys in rows, {} being written or removed",
        report.objects,
        report.bytes,
        report.named,
        report.tracked
    );
    say!("{} objects without a row", report.untracked.len());
    for object in report.untracked.iter().take(MAX_SHOWN) {
        let modified = object.modified.map_or_else(|| "unknown".to_owned(), |at| at.to_rfc3339());
        say!("  {}  {} bytes  written {modified}", object.key, object.bytes);
    }
    say!("{} rows without an object", report.missing.len());
    for missing in report.missing.iter().take(MAX_SHOWN) {
        say!("  {}  {}", missing.key, missing.named_in);
    }
    Ok(())
}
