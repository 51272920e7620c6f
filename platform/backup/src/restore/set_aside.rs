//! Sets the databases of an installation aside, so that a point can be restored into their place.
//!
//! On SQLite the files go into a folder of the data folder, on PostgreSQL the schemas get other names. Nothing is
//! removed: an operator does that, once nothing of it is missed. Invariant: an interrupted roll-back sets aside only
//! what the first attempt had left, and never what it has restored itself.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use objects::reconcile::RoleDatabase;

use super::rows::open_all;
use super::sync_folder;
use crate::Error;
use crate::installation::Installation;
use crate::manifest::Engine;
use crate::postgres;
use crate::sqlite;
use boot::data_dir;

/// The file in the folder that says that all are set aside.
const COMPLETE: &str = "complete";
/// What the names of the files of a database have after `.db`.
const ENDINGS: [&str; 3] = ["", "-wal", "-shm"];
/// The longest name of a schema (PostgreSQL, "Identifiers and Key Words").
const MAX_NAME_CHARS: usize = 63;

/// Makes the folder of a roll-back, before the marker says that it has begun: the newest folder is that of the
/// roll-back that is not finished.
pub(super) fn begin(data: &Path, id: &str) -> Result<(), Error> {
    data_dir::create_private_folder(&named(data, id, newest(data, id) + 1))?;
    sync_folder(data)
}

/// Sets the databases aside, or what an interrupted attempt has left of them.
pub(super) async fn databases(installation: &Installation, id: &str) -> Result<(), Error> {
    let folder = named(&installation.data, id, newest(&installation.data, id));
    let complete = folder.join(COMPLETE);
    if complete.exists() {
        return Ok(());
    }
    // The embedded log is there beside PostgreSQL too.
    let mut names = vec![sqlite::BUS.to_owned()];
    if installation.engine()? == Engine::Sqlite {
        // Also those of roles that only a later release has: it would take them up again.
        names.extend(databases_in(&installation.data)?);
    } else {
        let ending = folder.file_name().map(|name| name.to_string_lossy().replace('-', "_").to_lowercase());
        let ending = ending.unwrap_or_default();
        let config = installation.engines()?.db;
        for RoleDatabase { service, db, .. } in open_all(installation).await? {
            let Some(options) = config.postgres(service)? else { continue };
            // PostgreSQL would cut the end of a long name, which is what tells two of them apart.
            let room = MAX_NAME_CHARS.saturating_sub(ending.len() + 1);
            let beginning: String = options.schema.chars().take(room).collect();
            postgres::rename_schema(&db, &options.schema, &format!("{beginning}_{ending}")).await?;
        }
    }
    for name in &names {
        for ending in ENDINGS {
            let file = format!("{name}.db{ending}");
            move_if_there(&installation.data.join(&file), &folder.join(&file))?;
        }
    }
    sync_folder(&folder)?;
    data_dir::write_secret(&complete, b"").map_err(Error::file(&complete))?;
    sync_folder(&folder)?;
    sync_folder(&installation.data)
}

/// Returns the names of the databases in a data folder.
fn databases_in(data: &Path) -> Result<BTreeSet<String>, Error> {
    let mut names = BTreeSet::new();
    for entry in std::fs::read_dir(data).map_err(Error::file(data))? {
        let name = entry.map_err(Error::file(data))?.file_name();
        // A log may be left of a database that has gone already.
        let name = name.to_str().and_then(|name| name.split_once(".db")).filter(|(_, rest)| ENDINGS.contains(rest));
        names.extend(name.map(|(name, _)| name.to_owned()));
    }
    Ok(names)
}

fn named(data: &Path, id: &str, number: usize) -> PathBuf {
    data.join(format!("before-{id}-{number}"))
}

/// Returns the number of the newest folder of roll-backs to a point; 0 if there is none.
fn newest(data: &Path, id: &str) -> usize {
    let mut newest = 0;
    while named(data, id, newest + 1).exists() {
        newest += 1;
    }
    newest
}

fn move_if_there(from: &Path, to: &Path) -> Result<(), Error> {
    match std::fs::rename(from, to) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::file(from)(error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_found_by_its_file_or_what_is_left_of_it() {
        let data = tempfile::tempdir().unwrap();
        for name in ["media.db", "media.db-wal", "chat.db", "social.db-wal", "media.db.bak", "lock", "media"] {
            std::fs::write(data.path().join(name), "").unwrap();
        }
        let found = databases_in(data.path()).unwrap();
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["chat", "media", "social"]);
    }

    #[test]
    fn each_roll_back_has_a_folder_of_its_own() {
        let data = tempfile::tempdir().unwrap();
        assert_eq!(newest(data.path(), "p"), 0);
        begin(data.path(), "p").unwrap();
        begin(data.path(), "p").unwrap();
        begin(data.path(), "q").unwrap();
        assert_eq!((newest(data.path(), "p"), newest(data.path(), "q")), (2, 1));
    }
}
