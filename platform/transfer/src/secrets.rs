//! Copies the key that signs URLs: with another key, every URL that was given out would end.
//!
//! Invariant: an existing key is never overwritten.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::{Error, ReportRow};
use boot::data_dir;

/// The folder's key, and the file where the destination expects it.
pub(super) struct SigningKey {
    secret: Vec<u8>,
    file: PathBuf,
    is_at_destination: bool,
}

impl SigningKey {
    /// Reads both sides; refuses if they differ.
    ///
    /// In the folder the key may still have the name that earlier releases gave it. A folder whose configuration named
    /// a key file has no key inside; then the destination's file is taken as that key.
    pub(super) fn read(data: &Path, destination: &Path) -> Result<Self, Error> {
        let secrets = data.join(data_dir::SECRETS);
        let (present, old) = (secrets.join(data_dir::URL_SIGNING_KEY), secrets.join(data_dir::OLD_URL_SIGNING_KEY));
        let (source_file, source) = match (read_key(&present)?, read_key(&old)?) {
            (None, Some(secret)) => (old, Some(secret)),
            (secret, _) => (present, secret),
        };
        let at_destination = read_key(destination)?;
        let file = destination.to_owned();
        match (source, at_destination) {
            (Some(secret), Some(at_destination)) if secret != at_destination => {
                Err(Error::DifferentKey { destination: file, source_file })
            }
            (Some(secret), at_destination) => Ok(Self { secret, file, is_at_destination: at_destination.is_some() }),
            (None, Some(secret)) => Ok(Self { secret, file, is_at_destination: true }),
            (None, None) => Err(Error::Key { path: source_file, cause: ErrorKind::NotFound.into() }),
        }
    }

    /// Returns the folder's name in the destination's records: the same for a copy of the folder, and derived from the
    /// key by a hash.
    pub(super) fn fingerprint(&self) -> String {
        let digest = Sha256::new_with_prefix("tutti data folder").chain_update(&self.secret).finalize();
        hex::encode(digest).chars().take(16).collect()
    }

    /// Returns the row of the report: whether the destination has the key.
    pub(super) fn report_row(&self) -> ReportRow {
        ReportRow {
            source_count: 1,
            destination_count: self.is_at_destination.into(),
            bytes: self.secret.len() as u64,
            matches: self.is_at_destination,
            ..ReportRow::new("secrets")
        }
    }

    /// Writes the key where the destination expects it.
    pub(super) fn write_to_destination(&self) -> Result<(), Error> {
        if self.is_at_destination {
            return Ok(());
        }
        data_dir::write_secret(&self.file, &self.secret).map_err(|cause| Error::Key { path: self.file.clone(), cause })
    }
}

fn read_key(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    match std::fs::read(path) {
        Ok(secret) => Ok(Some(secret)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(Error::Key { path: path.to_owned(), cause }),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_key_is_copied_with_private_permissions_and_another_one_is_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let (data, destination) = (folder.path().join("data"), folder.path().join("goal.key"));
        std::fs::create_dir_all(data.join("secrets")).unwrap();
        assert!(matches!(SigningKey::read(&data, &destination), Err(Error::Key { .. })));
        std::fs::write(data.join("secrets/addresses.key"), [7; 32]).unwrap();
        let old_name = SigningKey::read(&data, &destination).unwrap();
        std::fs::rename(data.join("secrets/addresses.key"), data.join("secrets/url-signing.key")).unwrap();
        assert_eq!(SigningKey::read(&data, &destination).unwrap().fingerprint(), old_name.fingerprint());
        let key = SigningKey::read(&data, &destination).unwrap();
        assert!(!key.report_row().matches);
        key.write_to_destination().unwrap();
        assert_eq!(std::fs::read(&destination).unwrap(), [7; 32]);
        assert_eq!(std::fs::metadata(&destination).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(SigningKey::read(&data, &destination).unwrap().report_row().matches);
        std::fs::write(&destination, [8; 32]).unwrap();
        assert!(SigningKey::read(&data, &destination).err().unwrap().to_string().contains("another key"));
        assert_eq!(std::fs::read(&destination).unwrap(), [8; 32]);
    }
}
