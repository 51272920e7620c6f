//! Rows of a restored point, on either engine.
//!
//! Invariant: the restored databases have the schemas of this release, and say that they were restored.

use db::{Lane, Sql as _, restored};

use crate::Error;
use crate::installation::Installation;
use crate::manifest::{DatabaseFile, Engine, Manifest};
use crate::options::BackupOptions;
use crate::postgres::{self, Dumped};
use crate::repository::Repository;
use crate::sqlite;
use objects::reconcile::RoleDatabase;

/// The name under which the embedded log of the point is read; a restored server begins with a new one.
pub(super) const OLD_BUS: &str = "restored-bus";

/// Refuses schemas that have tables.
pub(super) async fn refuse_occupied(installation: &Installation, manifest: &Manifest) -> Result<(), Error> {
    if manifest.engine == Engine::Sqlite {
        return Ok(());
    }
    let databases = open_all(installation).await?;
    for dumped in matching(installation, manifest)? {
        if let Some(schema) = postgres::occupied(&dumped.0, &databases).await? {
            return Err(Error::NotEmpty(format!("the schema {schema}")));
        }
    }
    Ok(())
}

/// Restores the databases that are files.
pub(super) async fn restore_files(
    installation: &Installation,
    repository: &Repository,
    manifest: &Manifest,
) -> Result<(), Error> {
    for database in manifest.databases.iter().filter(|database| database.schemas.is_empty()) {
        for role in &database.roles {
            let name = if role == sqlite::BUS { OLD_BUS } else { role.as_str() };
            let file = installation.database_file(name);
            // What an interrupted restore left.
            for ending in ["", "-wal", "-shm"] {
                sqlite::remove(&file.with_extension(format!("db{ending}"))).await?;
            }
            sqlite::restore(&database.file, role, &file, repository).await?;
        }
    }
    Ok(())
}

/// Restores the schemas of a server, migrates all databases to this release's schemas, and returns them.
pub(super) async fn restore(
    installation: &Installation,
    options: &BackupOptions,
    repository: &Repository,
    manifest: &Manifest,
) -> Result<Vec<RoleDatabase>, Error> {
    if manifest.engine == Engine::Postgresql {
        let databases = open_all(installation).await?;
        for (dumped, file) in matching(installation, manifest)? {
            // One transaction restores all of it: an interrupted restore left none of it or all of it.
            if postgres::occupied(&dumped, &databases).await?.is_none() {
                postgres::restore(&dumped, file, options, repository).await?;
            }
        }
    }
    let databases = open_all(installation).await?;
    for (service, RoleDatabase { db, .. }) in installation.roles().zip(&databases) {
        db.migrate(service.name, service.migrations.unwrap_or_default()).await?;
    }
    Ok(databases)
}

/// Returns the databases of the configuration, each with its file of the point; refuses if they have other names. A
/// role that the point does not know yet, as it is of an earlier release, has no rows in it.
fn matching<'a>(installation: &Installation, manifest: &'a Manifest) -> Result<Vec<(Dumped, &'a DatabaseFile)>, Error> {
    let here = Dumped::of(installation)?;
    let of_point: Vec<&DatabaseFile> =
        manifest.databases.iter().filter(|database| !database.schemas.is_empty()).collect();
    let names_here: Vec<(Vec<String>, Vec<String>)> = here.iter().map(Dumped::names).collect();
    let mut pairs = Vec::new();
    for (dumped, names) in here.into_iter().zip(&names_here) {
        let is_here = |(role, schema): (&String, &String)| {
            names.0.iter().zip(&names.1).any(|(other_role, other)| (role, schema) == (other_role, other))
        };
        let file = of_point.iter().find(|file| file.roles.iter().zip(&file.schemas).all(is_here));
        let Some(file) = file else {
            let of_point: Vec<String> = of_point.iter().map(|file| file.schemas.join(" ")).collect();
            let here: Vec<String> = names_here.iter().map(|(_, schemas)| schemas.join(" ")).collect();
            return Err(Error::OtherSchemas { point: of_point.join(", "), here: here.join(", ") });
        };
        pairs.push((dumped, *file));
    }
    Ok(pairs)
}

/// Opens the database of every role, as it is.
pub(super) async fn open_all(installation: &Installation) -> Result<Vec<RoleDatabase>, Error> {
    let (config, mut databases) = (installation.engines()?.db, Vec::new());
    for service in installation.roles() {
        let db = config.open(service.name, &installation.data).await?;
        databases.push(RoleDatabase { service: service.name, db, columns: service.objects });
    }
    Ok(databases)
}

/// Records the restore in every database: clients drop what they have cached, removals are held no longer, and the site
/// is not retired.
pub(super) async fn raise_epoch(
    installation: &Installation,
    manifest: &Manifest,
    databases: &[RoleDatabase],
) -> Result<(), Error> {
    let now = installation.clock.now();
    // Each waits for the disk: all of them together.
    let records = databases.iter().map(async |RoleDatabase { db, .. }| {
        let point = manifest.id.clone();
        let recorded: Result<(), db::Error> = db
            .write(Lane::ALL, async move |tx| {
                tx.execute("delete from removal_hold", vec![]).await?;
                // The site that was retired is the old one; this is a new one.
                tx.execute("delete from retirement", vec![]).await?;
                restored::record(tx, &point, now).await
            })
            .await;
        recorded
    });
    futures::future::try_join_all(records).await?;
    Ok(())
}
