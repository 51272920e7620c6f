//! The `[objects]` section: where the S3 store is and how much of this process it may take.
//!
//! Invariant: a secret is never in debug output or an error.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use base::config::Secret;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use objects::Error;

const MIB: usize = 1 << 20;
/// The least size of every part of a multipart upload but the last (Amazon S3 User Guide, "multipart upload limits").
pub(super) const MIN_PART_BYTES: usize = 5 * MIB;

/// Where the objects are stored: in the data folder, or on S3 if a `bucket` is named.
#[derive(Clone, Deserialize, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct S3Options {
    /// The bucket, which must exist.
    pub bucket: String,
    /// The prefix of every name in the bucket, such as `tutti/`, so that a bucket can be shared. Two installations need
    /// two prefixes.
    pub prefix: String,
    /// The server's URL, such as `https://minio.internal:9000`. If unset, Amazon's own.
    pub endpoint: Option<String>,
    /// The URL of the same server as browsers reach it, for direct downloads. If unset, `endpoint`.
    pub public_endpoint: Option<String>,
    /// The region.
    pub region: String,
    /// Whether the bucket is the first part of the host name. An `endpoint` must then contain it already.
    pub virtual_hosted: bool,
    /// The id of the access key. If unset, the key comes from the sources that AWS's own programs use: the environment
    /// (`AWS_…`), a web identity, the instance's role.
    pub access_key: Option<String>,
    /// The secret access key. It is safer in a file, or in the environment as `TUTTI_OBJECTS_SECRET_KEY`.
    #[schema(value_type = Option<String>)]
    pub secret_key: Option<Secret>,
    /// A file that contains only the secret access key.
    #[schema(value_type = Option<String>)]
    pub secret_key_file: Option<PathBuf>,
    /// A PEM file of certificates to trust in addition to the system's.
    #[schema(value_type = Option<String>)]
    pub ca_file: Option<PathBuf>,
    /// The size of a part of a multipart upload in bytes, at least 5 MiB. It doubles after every thousand parts, as S3
    /// accepts 10,000.
    pub part_bytes: usize,
    /// Bytes that all writers of this process together hold, approximately; with very many writers, 64 KiB each are
    /// added.
    pub memory_bytes: usize,
    /// Seconds in which the store must respond.
    pub deadline_seconds: u64,
    /// Bytes per second that the store must accept at least; the time for a request with a body is extended
    /// accordingly.
    pub least_bytes_per_second: u64,
    /// Seconds after which the store, and every proxy before it, has ended a request whose sender is gone. For this
    /// time a removed key is tracked, and removed again if its object appears.
    pub settle_seconds: u64,
    /// Hours for which a URL that ffmpeg gets is valid: longer than the longest task.
    pub source_hours: u32,
    /// Whether clients are redirected to the store for large files that need no change.
    pub direct_downloads: bool,
}

impl Default for S3Options {
    fn default() -> Self {
        Self {
            bucket: String::new(),
            prefix: String::new(),
            endpoint: None,
            public_endpoint: None,
            region: "us-east-1".to_owned(),
            virtual_hosted: false,
            access_key: None,
            secret_key: None,
            secret_key_file: None,
            ca_file: None,
            part_bytes: 8 * MIB,
            memory_bytes: 192 * MIB,
            deadline_seconds: 10,
            least_bytes_per_second: 2 << 20,
            settle_seconds: 600,
            source_hours: 24,
            direct_downloads: false,
        }
    }
}

impl fmt::Debug for S3Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Options")
            .field("bucket", &self.bucket)
            .field("prefix", &self.prefix)
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

impl S3Options {
    /// Returns the URL of the server that clients are redirected to for large files; `None` if there are no redirects.
    pub fn downloads_from(&self) -> Option<&str> {
        let address = self.public_endpoint.as_deref().or(self.endpoint.as_deref());
        address
            .filter(|_| self.direct_downloads && !self.bucket.is_empty())
            .map(|address| address.trim_end_matches('/'))
    }

    /// Returns the secret access key, from the setting or the file.
    pub(super) fn secret(&self) -> Result<Option<String>, Error> {
        match (&self.secret_key, &self.secret_key_file) {
            (Some(secret), _) => Ok(Some(secret.expose().to_owned())),
            (None, Some(path)) => Ok(Some(read(path, "secret_key_file")?.trim().to_owned())),
            (None, None) => Ok(None),
        }
    }

    /// Returns the certificates to trust in addition to the system's, as PEM.
    pub(super) fn ca_certificates(&self) -> Result<Option<String>, Error> {
        self.ca_file.as_ref().map(|path| read(path, "ca_file")).transpose()
    }

    /// Returns `prefix` in the form that names begin with: empty, or ending with one slash.
    pub(super) fn key_prefix(&self) -> String {
        let trimmed = self.prefix.trim_matches('/');
        if trimmed.is_empty() { String::new() } else { format!("{trimmed}/") }
    }

    pub(super) fn deadline(&self) -> Duration {
        Duration::from_secs(self.deadline_seconds.max(1))
    }

    pub(super) fn source_url_lifetime(&self) -> Duration {
        // Signed URLs are valid for at most seven days (Signature Version 4).
        Duration::from_secs(u64::from(self.source_hours.clamp(1, 168)) * 3600)
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        let wrong = match self {
            _ if self.bucket.is_empty() => "[objects] bucket is empty",
            _ if !self.prefix.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-_.".contains(&byte)) => {
                "[objects] prefix may have letters, digits and / - _ . only"
            }
            _ if self.part_bytes < MIN_PART_BYTES => {
                "[objects] part_bytes must be at least 5242880: S3 accepts no smaller parts"
            }
            _ if self.memory_bytes < 2 * self.part_bytes => "[objects] memory_bytes must be at least twice part_bytes",
            _ if self.access_key.is_some() != (self.secret_key.is_some() || self.secret_key_file.is_some()) => {
                "[objects] access_key and secret_key (or secret_key_file) go together"
            }
            _ => return Ok(()),
        };
        Err(Error::Engine(std::io::Error::new(std::io::ErrorKind::InvalidInput, wrong)))
    }
}

fn read(path: &std::path::Path, option: &str) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(|error| {
        Error::Engine(std::io::Error::new(error.kind(), format!("[objects] {option} {}: {error}", path.display())))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_never_printed_and_a_wrong_section_says_what_is_wrong() {
        let options = S3Options {
            bucket: "b".into(),
            access_key: Some("me".into()),
            secret_key: Some("hidden".into()),
            ..S3Options::default()
        };
        assert!(!format!("{options:?}").contains("hidden"));
        assert!(options.check().is_ok());
        let small = S3Options { part_bytes: 1, ..options.clone() };
        assert!(matches!(small.check(), Err(Error::Engine(error)) if error.to_string().contains("part_bytes")));
        assert!(S3Options { secret_key: None, ..options }.check().is_err());
        assert!(toml::from_str::<S3Options>("buckte = 'x'").is_err());
    }

    #[test]
    fn a_prefix_is_one_folder_however_it_is_written() {
        for (written, is) in [("", ""), ("/", ""), ("a", "a/"), ("/a/b/", "a/b/")] {
            assert_eq!(S3Options { prefix: written.into(), ..S3Options::default() }.key_prefix(), is);
        }
    }
}
