//! SQLite databases of a point: all copied at one moment, the embedded log with them.
//!
//! Invariant: a copy is checked by SQLite before it is stored, and again after it is restored.

use std::path::Path;

use bytes::Bytes;
use db::snapshot::{self, SnapshotFile};
use futures::{Stream, TryStreamExt as _};
use objects::reconcile::RoleDatabase;
use sea_orm::TransactionTrait as _;
use tokio::io::AsyncWriteExt as _;
use tokio_util::io::ReaderStream;

use crate::Error;
use crate::installation::Installation;
use crate::manifest::{DatabaseFile, SealedFile};
use crate::named_objects::{self, NamedObjects};
use crate::repository::Repository;

/// The name of the embedded log among the roles of a point.
pub(crate) const BUS: &str = "bus";
const CHUNK_BYTES: usize = 256 * 1024;
/// The room that a backup leaves for the server.
const SERVER_ROOM_BYTES: u64 = 64 << 20;

/// Copies the databases of these roles at one moment, stores the copies, and adds the objects that their rows name.
pub(crate) async fn store_all(
    installation: &Installation,
    databases: &[RoleDatabase],
    scratch: &Path,
    repository: &Repository,
    named: &mut NamedObjects,
) -> Result<Vec<DatabaseFile>, Error> {
    let mut roles: Vec<&str> = databases.iter().map(|database| database.service).collect();
    roles.extend(installation.database_file(BUS).is_file().then_some(BUS));
    store(installation, &roles, scratch, repository, named).await
}

/// Copies the databases of `roles` at one moment and stores the copies.
pub(crate) async fn store(
    installation: &Installation,
    roles: &[&str],
    scratch: &Path,
    repository: &Repository,
    named: &mut NamedObjects,
) -> Result<Vec<DatabaseFile>, Error> {
    let files: Vec<SnapshotFile> = roles
        .iter()
        .map(|role| SnapshotFile { source: installation.database_file(role), copy: scratch.join(format!("{role}.db")) })
        .collect();
    refuse_without_room(&files, scratch)?;
    let counts = snapshot::copy_all(&files).await?;
    let mut stored = Vec::new();
    for ((role, file), counts) in roles.iter().zip(&files).zip(counts) {
        if let Some(service) = installation.roles().find(|service| service.name == *role) {
            let copy = snapshot::open_copy(&file.copy).await?;
            // In a transaction, whose statements take as long as they take.
            let transaction = copy.begin().await.map_err(db::Error::from)?;
            named_objects::read(&transaction, "", service.objects, named).await?;
            transaction.rollback().await.map_err(db::Error::from)?;
            copy.close().await.map_err(db::Error::from)?;
        }
        let source = read_file(&file.copy).await?;
        let sealed = repository.store(&format!("the database of {role}"), source).await?;
        remove(&file.copy).await?;
        stored.push(DatabaseFile {
            roles: vec![(*role).to_owned()],
            schemas: Vec::new(),
            rows: counts.into_iter().map(|(table, rows)| (format!("{role}.{table}"), rows)).collect(),
            file: sealed,
        });
    }
    Ok(stored)
}

/// Returns an error if copies might fill the disk: members write there.
fn refuse_without_room(files: &[SnapshotFile], scratch: &Path) -> Result<(), Error> {
    let size = |path: &Path| std::fs::metadata(path).map_or(0, |metadata| metadata.len());
    let sizes = files.iter().map(|file| size(&file.source) + size(&file.source.with_extension("db-wal")));
    let needed_bytes = sizes.sum::<u64>() + SERVER_ROOM_BYTES;
    let disk = rustix::fs::statvfs(scratch).map_err(|error| Error::file(scratch)(error.into()))?;
    let free_bytes = disk.f_bavail.saturating_mul(disk.f_frsize);
    if free_bytes < needed_bytes {
        return Err(Error::NoRoom { folder: scratch.to_owned(), free_bytes, needed_bytes });
    }
    Ok(())
}

/// Restores a copy to a new file at `path`.
pub(crate) async fn restore(file: &SealedFile, role: &str, path: &Path, repository: &Repository) -> Result<(), Error> {
    write_file(&format!("the database of {role}"), file, path, repository).await?;
    Ok(snapshot::check(path).await?)
}

/// Returns the content of a local file as a stream.
pub(crate) async fn read_file(path: &Path) -> Result<impl Stream<Item = Result<Bytes, Error>>, Error> {
    let file = tokio::fs::File::open(path).await.map_err(Error::file(path))?;
    Ok(ReaderStream::with_capacity(file, CHUNK_BYTES).map_err(Error::file(path)))
}

/// Writes a sealed file of the repository to a new local file that only this user can read.
pub(crate) async fn write_file(
    what: &str,
    file: &SealedFile,
    path: &Path,
    repository: &Repository,
) -> Result<(), Error> {
    let mut options = tokio::fs::OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let mut local = options.open(path).await.map_err(Error::file(path))?;
    repository
        .open_file(what, file, async |chunk: Bytes| local.write_all(&chunk).await.map_err(Error::file(path)))
        .await?;
    local.flush().await.map_err(Error::file(path))?;
    local.sync_all().await.map_err(Error::file(path))
}

/// Removes a local file, if it exists.
pub(crate) async fn remove(path: &Path) -> Result<(), Error> {
    match tokio::fs::remove_file(path).await {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::file(path)(error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn databases_are_not_copied_onto_a_disk_that_they_might_fill() {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("band.db");
        let file = std::fs::File::create(&source).unwrap();
        let files = [SnapshotFile { source, copy: folder.path().join("copy.db") }];
        assert!(refuse_without_room(&files, folder.path()).is_ok());
        // Without a byte on the disk.
        file.set_len(8 << 40).unwrap();
        assert!(matches!(refuse_without_room(&files, folder.path()), Err(Error::NoRoom { .. })));
    }
}
