//! The `[objects]` section: where the S3 store is and how much of this process it may take.
//!
//! Invariant: a secret never shows in a debug print or an error.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::objects::Error;

const MIB: usize = 1 << 20;
/// Every part of a multipart upload but the last has at least so many bytes (Amazon S3 User Guide, "multipart upload limits").
pub(super) const MIN_PART_BYTES: usize = 5 * MIB;

/// Where objects lie on S3. In the folder of the process as long as no `bucket` is named.
#[derive(Clone, Deserialize, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct S3Options {
    /// The bucket. It must exist.
    pub bucket: String,
    /// What every name in the bucket begins with, such as `tutti/`, so that a bucket can be shared. Two installations need two prefixes.
    pub prefix: String,
    /// The server's address, such as `https://minio.internal:9000`; Amazon's own where none is given.
    pub endpoint: Option<String>,
    /// The address of the same server as browsers reach it, for direct downloads; `endpoint` where none is given.
    pub public_endpoint: Option<String>,
    /// The region.
    pub region: String,
    /// Whether the bucket is the first part of the host's name. With an `endpoint` of its own, that one then has it already.
    pub virtual_hosted: bool,
    /// The name of the key. Where none is given, what AWS's own programs use: the environment (`AWS_…`), a web identity, the instance's role.
    pub access_key: Option<String>,
    /// The key. Better in a file, or in the environment as `TUTTI_OBJECTS_SECRET_KEY`.
    pub secret_key: Option<String>,
    /// A file that holds the key, and nothing else.
    #[schema(value_type = Option<String>)]
    pub secret_key_file: Option<PathBuf>,
    /// A file of certificates (PEM) to trust besides the system's.
    #[schema(value_type = Option<String>)]
    pub ca_file: Option<PathBuf>,
    /// Bytes of a part of a multipart upload, at least 5 MiB. Doubled after every thousand parts, as S3 takes 10,000 of them.
    pub part_bytes: usize,
    /// Bytes that all writers of this process hold together, about; 64 KiB per writer come on top when there are very many.
    pub memory_bytes: usize,
    /// Seconds in which the store must have answered …
    pub deadline_seconds: u64,
    /// … and besides, how many bytes a second it must take at least.
    pub least_bytes_per_second: u64,
    /// Seconds after which the store, and every proxy before it, has ended a request whose sender is gone, one way or the other. For so long a
    /// removed key is kept in mind and removed again should its object appear.
    pub settle_seconds: u64,
    /// Hours that an address lasts which is handed to ffmpeg: longer than the longest piece of work.
    pub source_hours: u32,
    /// Whether readers are sent to the store for large files that need no change on their way.
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
        f.debug_struct("S3Options").field("bucket", &self.bucket).field("prefix", &self.prefix).field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

impl S3Options {
    /// The address to which readers are sent for large files; `None` where they get everything from us.
    pub fn downloads_from(&self) -> Option<&str> {
        let address = self.public_endpoint.as_deref().or(self.endpoint.as_deref());
        address.filter(|_| self.direct_downloads && !self.bucket.is_empty()).map(|address| address.trim_end_matches('/'))
    }

    /// The key, from wherever it is.
    pub(super) fn secret(&self) -> Result<Option<String>, Error> {
        match (&self.secret_key, &self.secret_key_file) {
            (Some(secret), _) => Ok(Some(secret.clone())),
            (None, Some(path)) => Ok(Some(read(path, "secret_key_file")?.trim().to_owned())),
            (None, None) => Ok(None),
        }
    }

    /// The certificates to trust besides the system's, as PEM.
    pub(super) fn ca_certificates(&self) -> Result<Option<String>, Error> {
        self.ca_file.as_ref().map(|path| read(path, "ca_file")).transpose()
    }

    /// `prefix` as names begin with it: empty, or ending with one slash.
    pub(super) fn key_prefix(&self) -> String {
        let trimmed = self.prefix.trim_matches('/');
        if trimmed.is_empty() { String::new() } else { format!("{trimmed}/") }
    }

    pub(super) fn deadline(&self) -> Duration {
        Duration::from_secs(self.deadline_seconds.max(1))
    }

    pub(super) fn source_url_lifetime(&self) -> Duration {
        // Signed addresses last seven days at most (Signature Version 4).
        Duration::from_secs(u64::from(self.source_hours.clamp(1, 168)) * 3600)
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        let wrong = match self {
            _ if self.bucket.is_empty() => "[objects] bucket is empty",
            _ if !self.prefix.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-_.".contains(&byte)) => "[objects] prefix may have letters, digits and / - _ . only",
            _ if self.part_bytes < MIN_PART_BYTES => "[objects] part_bytes must be at least 5242880: S3 takes no smaller parts",
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
    std::fs::read_to_string(path).map_err(|error| Error::Engine(std::io::Error::new(error.kind(), format!("[objects] {option} {}: {error}", path.display()))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_never_printed_and_a_wrong_section_says_what_is_wrong() {
        let options = S3Options { bucket: "b".into(), access_key: Some("me".into()), secret_key: Some("hidden".into()), ..S3Options::default() };
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
