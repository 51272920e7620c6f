//! What is recorded of a release: how far it is, and its restore point.
//!
//! Invariant: a record is written under a temporary name first, so a crash leaves the old one or the new one.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use boot::data_dir;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::acceptance::Acceptance;
use super::options::ReleaseOptions;
use crate::CommandError;

/// Bytes of a binary that are read at once.
const CHUNK_BYTES: usize = 64 * 1024;

/// How far a release is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Step {
    /// The schemas are checked, and there is a restore point.
    Prepared,
    /// The canary was watched, and nothing was wrong.
    Watched,
    /// It runs everywhere.
    Promoted,
    /// The release before runs again.
    RolledBack,
}

/// A release, as it is recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    /// Its version.
    pub(super) version: String,
    /// The SHA-256 of its binary.
    pub(super) binary_sha256: String,
    /// How far it is.
    pub(super) step: Step,
    /// Since when.
    pub(super) changed_at: DateTime<Utc>,
    /// The restore point that was made before it.
    pub(super) point: String,
    /// Whether the release before can work with its schemas.
    pub(super) has_way_back: bool,
}

impl Record {
    /// Whether the release before could not work with the schemas of this one, and may still have to come back.
    pub(super) fn bars_the_way_back(&self) -> bool {
        !self.has_way_back && self.step != Step::Promoted
    }

    /// Whether the release may be started: its restore point is of before it.
    pub(super) fn may_start(&self) -> bool {
        matches!(self.step, Step::Prepared | Step::Watched)
    }
}

/// The release that a command is a part of.
pub(super) struct ThisRelease {
    /// The version of this binary.
    pub(super) version: &'static str,
    /// The binary.
    pub(super) binary: PathBuf,
    /// Its SHA-256.
    pub(super) binary_sha256: String,
}

impl ThisRelease {
    /// Reads this binary.
    pub(super) fn read() -> Result<Self, CommandError> {
        let binary = std::env::current_exe()?;
        let (mut file, mut hash) = (std::fs::File::open(&binary)?, Sha256::new());
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            match file.read(&mut chunk)? {
                0 => break,
                count => hash.update(chunk.get(..count).unwrap_or_default()),
            }
        }
        Ok(Self { version: env!("CARGO_PKG_VERSION"), binary, binary_sha256: hex::encode(hash.finalize()) })
    }
}

/// The folder of records.
pub(super) struct Records(PathBuf);

impl Records {
    /// Returns the folder that the options name. It is made when something is written.
    pub(super) fn new(options: &ReleaseOptions, data: &Path) -> Self {
        Self(options.folder.clone().unwrap_or_else(|| data.join("releases")))
    }

    /// Returns the file of the acceptance of a release.
    pub(super) fn acceptance_file(&self, version: &str) -> PathBuf {
        self.0.join(format!("accepted-{version}.json"))
    }

    fn file(&self, version: &str) -> PathBuf {
        self.0.join(format!("{version}.json"))
    }

    /// Returns the record of a version, of whatever binary; `None` if it was not prepared.
    pub(super) fn find(&self, version: &str) -> Result<Option<Record>, CommandError> {
        let file = self.file(version);
        let text = match std::fs::read(&file) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            text => text.map_err(|error| format!("{}: {error}", file.display()))?,
        };
        let record = serde_json::from_slice(&text).map_err(|error| format!("{}: {error}", file.display()))?;
        Ok(Some(record))
    }

    /// Returns the record of a release. Fails if it was not prepared, or if another binary was.
    pub(super) fn of(&self, release: &ThisRelease) -> Result<Record, CommandError> {
        let Some(record) = self.find(release.version)? else {
            return Err(format!("{} is not prepared: type `tutti release prepare` first", release.version).into());
        };
        if record.binary_sha256 != release.binary_sha256 {
            return Err(format!(
                "another binary of {} was prepared than this one: type `tutti release prepare` again",
                release.version
            )
            .into());
        }
        Ok(record)
    }

    /// Writes a record.
    pub(super) fn write(&self, record: &Record) -> Result<(), CommandError> {
        write(&self.file(&record.version), &serde_json::to_vec_pretty(record)?)
    }
}

/// Writes an acceptance.
pub(super) fn write_acceptance(file: &Path, acceptance: &Acceptance) -> Result<(), CommandError> {
    write(file, &serde_json::to_vec_pretty(acceptance)?)
}

/// Reads an acceptance; `None` if there is none.
pub(super) fn read_acceptance(file: &Path) -> Result<Option<Acceptance>, CommandError> {
    let text = match std::fs::read(file) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        text => text.map_err(|error| format!("{}: {error}", file.display()))?,
    };
    let acceptance = serde_json::from_slice(&text).map_err(|error| format!("{}: {error}", file.display()))?;
    Ok(Some(acceptance))
}

fn write(file: &Path, text: &[u8]) -> Result<(), CommandError> {
    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        data_dir::create_private_folder(folder)?;
    }
    Ok(data_dir::write_secret(file, text).map_err(|error| format!("{}: {error}", file.display()))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_keeps_that_there_is_no_way_back_until_the_release_runs_everywhere() {
        let folder = tempfile::tempdir().unwrap();
        let options = ReleaseOptions { folder: Some(folder.path().to_owned()), ..ReleaseOptions::default() };
        let records = Records::new(&options, Path::new("data"));
        assert!(records.find("1.2.3").unwrap().is_none());
        let mut record = Record {
            version: "1.2.3".into(),
            binary_sha256: "ab".into(),
            step: Step::Prepared,
            changed_at: DateTime::UNIX_EPOCH,
            point: "p".into(),
            has_way_back: false,
        };
        records.write(&record).unwrap();
        assert_eq!(records.find("1.2.3").unwrap().as_ref(), Some(&record));
        assert!(record.may_start() && record.bars_the_way_back());
        record.step = Step::RolledBack;
        assert!(!record.may_start() && record.bars_the_way_back());
        record.step = Step::Promoted;
        assert!(!record.may_start() && !record.bars_the_way_back());
    }
}
