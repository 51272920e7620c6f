//! The data folder of a process: private, locked, with the secrets that the process generated.
//!
//! Owns the folder's permissions (through `permissions`), its lock and its secrets. Does not own what the engines store
//! in it. Invariant: no other user can read it, and no second process works in it.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use super::permissions::{self, Exposed};
use base::Random;
use service::BootError;

/// The folder with the secrets that the process generated.
pub const SECRETS: &str = "secrets";
/// The file of the key that signs URLs, in that folder.
pub const URL_SIGNING_KEY: &str = "url-signing.key";
/// The name that earlier releases gave it.
pub const OLD_URL_SIGNING_KEY: &str = "addresses.key";

/// Creates a folder that only this user can read.
pub fn create_private_folder(path: &Path) -> Result<(), BootError> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| BootError::Io(format!("the folder {} can't be created", path.display()), error))
}

/// Removes other users' permissions from the data folder, which an earlier release or another program may have left
/// readable.
pub fn make_private(data: &Path) -> Result<(), BootError> {
    match permissions::repair(data) {
        Ok(Exposed { first: None, .. }) => Ok(()),
        Ok(Exposed { folders, files, first: Some(first) }) => {
            tracing::warn!(
                data = %data.display(), folders, files, first = %first.display(),
                "other users of this machine could read the data folder; it is private now. If any of them is not to \
                 be trusted, generate its keys anew \
                 (docs/guides/operating.md, \"Who can read the data folder\")"
            );
            Ok(())
        }
        Err(error) => {
            let shown = data.display();
            Err(BootError::Other(format!(
                "other users of this machine can read the data folder {shown}, and this user may not change that \
                 ({error}). Type \
                 `sudo chown -R {} {shown} && sudo chmod -R go-rwx {shown}`, or name another folder with --data.",
                rustix::process::geteuid().as_raw()
            )))
        }
    }
}

/// Deletes a folder with its contents and creates it again.
pub fn recreate(path: &Path) -> Result<(), BootError> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(BootError::Io(format!("the folder {} can't be emptied", path.display()), error));
        }
        _ => {}
    }
    create_private_folder(path)
}

/// Locks the data folder for this process, until the returned file is dropped. Two processes on one folder would each
/// treat the log as their own.
pub fn lock(data: &Path) -> Result<std::fs::File, BootError> {
    let path = data.join("lock");
    let failed = |error| BootError::Io(format!("{} can't be opened", path.display()), error);
    let file = std::fs::OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
    rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive).map_err(|_| {
        BootError::Other(format!(
            "another Tutti process already uses the data folder {}. Stop it, or choose another folder with --data.",
            data.display()
        ))
    })?;
    Ok(file)
}

/// Renames the URL signing key of an earlier release to its present name, unless a key of that name exists. The folder
/// must be locked.
pub fn rename_url_signing_key(data: &Path) -> Result<(), BootError> {
    let folder = data.join(SECRETS);
    let (old, present) = (folder.join(OLD_URL_SIGNING_KEY), folder.join(URL_SIGNING_KEY));
    let rename = || {
        if present.try_exists()? || !old.try_exists()? {
            return Ok(());
        }
        std::fs::rename(&old, &present)?;
        std::fs::File::open(&folder)?.sync_all()
    };
    let failed = |error| BootError::Io(format!("{} can't be renamed to {URL_SIGNING_KEY}", old.display()), error);
    rename().map_err(failed)
}

/// Reads a secret of 32 bytes, or generates it at the first start.
pub fn read_or_create_secret(folder: &Path, name: &str) -> Result<[u8; 32], BootError> {
    create_private_folder(folder)?;
    let path = folder.join(name);
    let failed = |error| BootError::Io(format!("the secret {} can't be read or created", path.display()), error);
    match std::fs::File::open(&path) {
        Ok(mut file) => {
            let mut secret = [0; 32];
            file.read_exact(&mut secret).map_err(failed)?;
            Ok(secret)
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let secret: [u8; 32] = Random::system().bytes();
            write_secret(&path, &secret).map_err(failed)?;
            Ok(secret)
        }
        Err(error) => Err(failed(error)),
    }
}

/// Writes a secret that only this user can read. It is written under a temporary name first, so a crash leaves the old
/// file or the new one.
pub fn write_secret(path: &Path, secret: &[u8]) -> std::io::Result<()> {
    let temporary = path.with_extension("new");
    let mut file = std::fs::OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&temporary)?;
    file.write_all(secret).and_then(|()| file.sync_all())?;
    std::fs::rename(&temporary, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_an_earlier_release_is_renamed_and_never_replaces_another() {
        let data = tempfile::tempdir().unwrap();
        rename_url_signing_key(data.path()).unwrap();
        let secrets = data.path().join(SECRETS);
        create_private_folder(&secrets).unwrap();
        rename_url_signing_key(data.path()).unwrap();
        assert_eq!(std::fs::read_dir(&secrets).unwrap().count(), 0, "no key is created");
        std::fs::write(secrets.join(OLD_URL_SIGNING_KEY), [7; 32]).unwrap();
        rename_url_signing_key(data.path()).unwrap();
        assert!(!secrets.join(OLD_URL_SIGNING_KEY).exists());
        assert_eq!(read_or_create_secret(&secrets, URL_SIGNING_KEY).unwrap(), [7; 32]);
        std::fs::write(secrets.join(OLD_URL_SIGNING_KEY), [8; 32]).unwrap();
        rename_url_signing_key(data.path()).unwrap();
        assert_eq!(read_or_create_secret(&secrets, URL_SIGNING_KEY).unwrap(), [7; 32], "the present one counts");
    }
}
