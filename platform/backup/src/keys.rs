//! The keys of backups: the one of the installation, and those of others who can restore.
//!
//! A file of the repository is encrypted to all of them, so that any one opens it: the installation's own, with which
//! it verifies and continues, and one that is kept elsewhere for the day on which the machine is gone. Invariant: a
//! secret key is in its file and in memory, never in a log, an error or the repository.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::str::FromStr as _;

use age::secrecy::ExposeSecret as _;
use age::x25519::{Identity, Recipient};

use crate::Error;

/// The keys that open backups, and those to which new ones are encrypted.
pub struct Keys {
    pub(crate) identities: Vec<Identity>,
    pub(crate) recipients: Vec<Recipient>,
}

impl std::fmt::Debug for Keys {
    /// Without the secret keys.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys").field("recipients", &self.recipients.len()).finish_non_exhaustive()
    }
}

impl Keys {
    /// Reads a key file in the format of age: one secret key a line, comments after `#`. `others` are public keys.
    pub fn read(path: &Path, others: &[String]) -> Result<Self, Error> {
        let failed = |reason: String| Error::KeyFile { path: path.to_owned(), reason };
        let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let identities: Vec<Identity> = lines
            .map(Identity::from_str)
            .collect::<Result<_, _>>()
            .map_err(|_| failed("a line of it is no secret key of age (AGE-SECRET-KEY-1…)".to_owned()))?;
        if identities.is_empty() {
            return Err(failed("it has no key".to_owned()));
        }
        let mut recipients: Vec<Recipient> = identities.iter().map(Identity::to_public).collect();
        for other in others {
            recipients.push(Recipient::from_str(other.trim()).map_err(|_| Error::Recipient(other.clone()))?);
        }
        Ok(Self { identities, recipients })
    }

    /// Makes a key and writes it into a new file that only this user can read. Returns the public key.
    pub fn generate(path: &Path) -> Result<String, Error> {
        let failed = |reason: String| Error::KeyFile { path: path.to_owned(), reason };
        let identity = Identity::generate();
        let public = identity.to_public().to_string();
        let text = format!("# public key: {public}\n{}\n", identity.to_string().expose_secret());
        let write = || {
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
            file.write_all(text.as_bytes()).and_then(|()| file.sync_all())
        };
        match write() {
            Ok(()) => Ok(public),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                Err(failed("it exists already, and a key that is overwritten opens no backup any more".to_owned()))
            }
            Err(error) => Err(failed(error.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_key_is_private_is_never_overwritten_and_is_never_printed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("backup.key");
        let public = Keys::generate(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(Keys::generate(&path).unwrap_err().to_string().contains("exists already"));
        let keys = Keys::read(&path, &[public]).unwrap();
        assert_eq!((keys.identities.len(), keys.recipients.len()), (1, 2));
        let secret = std::fs::read_to_string(&path).unwrap();
        let secret = secret.lines().last().unwrap();
        assert!(secret.starts_with("AGE-SECRET-KEY-1") && !format!("{keys:?}").contains(secret));
        assert!(matches!(Keys::read(&path, &["age1x".into()]), Err(Error::Recipient(_))));
        std::fs::write(&path, "nonsense").unwrap();
        let refused = Keys::read(&path, &[]).unwrap_err().to_string();
        assert!(refused.contains("AGE-SECRET-KEY-1") && !refused.contains("nonsense"), "{refused}");
    }
}
