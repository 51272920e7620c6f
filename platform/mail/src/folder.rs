//! The embedded engine: a folder with a file for each mail.
//!
//! The console shows them and any mail program opens them, so a laptop needs no mail server. Nothing leaves the
//! machine. Invariant: a file that ends in `.eml` is complete and only this user can read it; there are at
//! most `mail.max_files` of them.

use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;

use super::Engine;
use super::error::Error;
use super::message::Message;

/// Mails that are claimed together; they are written one after the other.
const MAX_CLAIMED: usize = 4;
/// Longer than a disk takes to write them.
const WRITE_TIME: Duration = Duration::from_secs(60);

/// A folder of mails.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    path: PathBuf,
    max_files: usize,
    /// One mail is written at a time, so that the files are counted once.
    writing: Arc<Mutex<()>>,
}

impl Folder {
    /// Opens the folder, and creates it if needed.
    pub(crate) fn open(path: &Path, max_files: usize) -> std::io::Result<Self> {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        Ok(Self { path: path.to_owned(), max_files, writing: Arc::default() })
    }

    /// Writes a mail under a temporary name, renames it, and removes the oldest above the bound. A mail that is written
    /// again replaces itself.
    fn write(&self, message: &Message) -> std::io::Result<()> {
        let _writing = self.writing.lock();
        let (temporary, path) = (self.file(message.id(), "new"), self.file(message.id(), "eml"));
        let mut file =
            std::fs::OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&temporary)?;
        file.write_all(message.bytes()).and_then(|()| file.sync_all())?;
        std::fs::rename(&temporary, &path)?;
        std::fs::File::open(&self.path)?.sync_all()?;
        self.remove_oldest()
    }

    fn file(&self, id: &str, extension: &str) -> PathBuf {
        self.path.join(format!("{id}.{extension}"))
    }

    /// Removes the oldest files above the bound: their names begin with their time. Temporary files of a process that
    /// died are among them.
    fn remove_oldest(&self) -> std::io::Result<()> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.path)? {
            names.push(entry?.file_name());
        }
        if names.len() <= self.max_files {
            return Ok(());
        }
        names.sort_unstable();
        names.truncate(names.len() - self.max_files);
        for name in names {
            match std::fs::remove_file(self.path.join(name)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Engine for Folder {
    async fn send(&self, message: &Message) -> Result<(), Error> {
        let (folder, message) = (self.clone(), message.clone());
        let written = tokio::task::spawn_blocking(move || folder.write(&message)).await;
        written.unwrap_or_else(|error| Err(std::io::Error::other(error))).map_err(Error::Folder)
    }

    fn concurrency(&self) -> usize {
        MAX_CLAIMED
    }

    fn timeout(&self) -> Duration {
        WRITE_TIME
    }
}
