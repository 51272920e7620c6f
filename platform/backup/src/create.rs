//! Makes a recovery point: the databases at one moment, then the objects that they name, then the rest.
//!
//! Removals are held from before the databases are copied until the objects are, so what a row of the copy names is
//! there to be copied. The manifest is stored last. Invariant: what was acknowledged before the beginning is in the
//! point, and every file of the point was read back and compared.

use std::collections::HashMap;

use base::ObjectKey;
use boot::data_dir;

use crate::Error;
use crate::copy_objects;
use crate::hold::Hold;
use crate::installation::Installation;
use crate::manifest::{DatabaseFile, Engine, FORMAT, IndexEntry, Manifest, new_id, write_index};
use crate::named_objects::NamedObjects;
use crate::options::BackupOptions;
use crate::other_files;
use crate::postgres::{self, Dumped};
use crate::prune::{self, Pruned};
use crate::repository::Repository;
use crate::retention::Retention;
use crate::sqlite;

/// The folder for copies of databases, in the data folder.
const SCRATCH: &str = "backup-scratch";

/// Makes a recovery point, and removes those that the settings keep no longer. The second result is that of removing.
pub async fn create(
    installation: &Installation,
    options: &BackupOptions,
    repository: &Repository,
) -> Result<(Manifest, Result<Pruned, Error>), Error> {
    let databases = installation.open_databases().await?;
    let hold = Hold::begin(&databases, installation.random.id(), &installation.clock).await?;
    let made = async {
        let manifest = make(installation, options, repository, &databases, &hold).await?;
        // The point is complete, whatever becomes of the old ones.
        let pruned = prune::prune(repository, Retention::from(options), installation.clock.now()).await;
        Ok::<_, Error>((manifest, pruned))
    };
    let made = tokio::select! {
        made = made => made,
        lost = hold.keep() => Err(lost),
    };
    // A hold that can't be ended now ends by itself.
    if let Err(error) = hold.end().await {
        tracing::warn!(%error, "the hold on removals could not be ended; it ends by itself within five minutes");
    }
    made
}

/// Removes the points that the settings keep no longer, and the files that no point names.
pub async fn remove_old(
    installation: &Installation,
    options: &BackupOptions,
    repository: &Repository,
) -> Result<Pruned, Error> {
    let databases = installation.open_databases().await?;
    let hold = Hold::begin(&databases, installation.random.id(), &installation.clock).await?;
    let pruned = tokio::select! {
        pruned = prune::prune(repository, Retention::from(options), installation.clock.now()) => pruned,
        lost = hold.keep() => Err(lost),
    };
    hold.end().await?;
    pruned
}

async fn make(
    installation: &Installation,
    options: &BackupOptions,
    repository: &Repository,
    roles: &[objects::reconcile::RoleDatabase],
    hold: &Hold<'_>,
) -> Result<Manifest, Error> {
    let begun_at = installation.clock.now();
    let (engine, mut named) = (installation.engine()?, NamedObjects::new());
    let scratch = installation.data.join(SCRATCH);
    data_dir::recreate(&scratch)?;
    let databases: Result<Vec<DatabaseFile>, Error> = async {
        if engine == Engine::Sqlite {
            return sqlite::store_all(installation, roles, &scratch, repository, &mut named).await;
        }
        let mut databases = Vec::new();
        for dumped in Dumped::of(installation)? {
            databases.push(postgres::dump(&dumped, roles, options, repository, &mut named).await?);
        }
        if installation.database_file(sqlite::BUS).is_file() {
            databases.extend(sqlite::store(installation, &[sqlite::BUS], &scratch, repository, &mut named).await?);
        }
        Ok(databases)
    }
    .await;
    std::fs::remove_dir_all(&scratch).map_err(Error::file(&scratch))?;
    let databases = databases?;
    let objects = installation.open_objects().await?;
    let known = known_objects(repository).await?;
    let copied = copy_objects::copy(&objects, named, known, repository).await?;
    let files = other_files::store(installation, options, repository).await?;
    let index = repository.store_bytes("index", write_index(&copied.index)?).await?;
    let manifest = Manifest {
        format: FORMAT,
        id: new_id(begun_at, &installation.random),
        begun_at,
        ended_at: installation.clock.now(),
        release: installation.release.to_owned(),
        engine,
        databases,
        files,
        index,
        objects: copied.totals,
        missing: copied.missing,
        unfinished: copied.unfinished,
    };
    // A machine that slept has extended nothing meanwhile.
    hold.check().await?;
    repository.store_manifest(&manifest).await?;
    if let Err(error) = repository.remove_parts().await {
        tracing::warn!(%error, "lists of what was copied for this point are left; the next backup removes them");
    }
    Ok(manifest)
}

/// Returns the objects that need no copy: those of the newest point, and those that interrupted backups have copied
/// since. What the repository has lost is not among them.
async fn known_objects(repository: &Repository) -> Result<Vec<IndexEntry>, Error> {
    let mut entries = previous_index(repository).await?;
    entries.extend(repository.parts().await?);
    if entries.is_empty() {
        return Ok(entries);
    }
    let files = repository.list_files(entries.len()).await?.into_iter().map(|file| (file.key, file.bytes));
    let (files, count): (HashMap<ObjectKey, u64>, usize) = (files.collect(), entries.len());
    entries.retain(|entry| files.get(&entry.file.key) == Some(&entry.file.stored_bytes));
    if entries.len() < count {
        tracing::error!(
            files = count - entries.len(),
            "the repository has lost files of its newest point; what the store still has of them is copied again"
        );
    }
    Ok(entries)
}

/// Returns the objects of the newest point that can be read; none if there is none. A damaged point costs another copy
/// of its objects, and no backup.
async fn previous_index(repository: &Repository) -> Result<Vec<IndexEntry>, Error> {
    for id in repository.list().await?.iter().rev() {
        let read = async { repository.index(&repository.manifest(id).await?).await };
        let read = read.await;
        match read {
            Err(error @ Error::Damaged { .. }) => {
                tracing::error!(point = id, %error, "a recovery point is damaged");
            }
            read => return read,
        }
    }
    Ok(Vec::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_an_interrupted_backup_has_copied_is_known_to_the_next_one_unless_its_file_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("backup.key");
        crate::Keys::generate(&key).unwrap();
        let place = folder.path().join("repository");
        let options = BackupOptions { folder: Some(place.clone()), key_file: Some(key), ..BackupOptions::default() };
        let repository = Repository::open(&options, None).await.unwrap();
        let mut entries = Vec::new();
        for number in 0..2 {
            let file = repository.store_bytes("an object", vec![number; 10]).await.unwrap();
            entries.push(IndexEntry { object: ObjectKey::random(), modified: Some(1), file });
        }
        repository.store_part(&entries).await.unwrap();
        assert_eq!(known_objects(&repository).await.unwrap(), entries);
        std::fs::remove_file(place.join("data").join(entries[0].file.key.as_str())).unwrap();
        assert_eq!(known_objects(&repository).await.unwrap(), entries[1..]);
        repository.remove_parts().await.unwrap();
        assert!(known_objects(&repository).await.unwrap().is_empty());
    }
}
