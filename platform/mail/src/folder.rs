//! The embedded engine: a folder with a file for each mail.
//!
//! The console shows them and any mail program opens them, so a laptop needs no mail server. Nothing leaves the
//! machine. Invariant: a file that ends in `.eml` is complete and only this user can read it; there are at
//! most `mail.max_files` of them. The name of a mail's file is its id, which begins with the mail's time.

use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
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
        names.into_iter().try_for_each(|name| remove(&self.path.join(name)))
    }

    /// Removes the files of these mails, also unfinished ones, durably.
    fn remove_mails(&self, ids: &[String]) -> std::io::Result<()> {
        let _writing = self.writing.lock();
        for id in ids {
            remove(&self.file(id, "eml"))?;
            remove(&self.file(id, "new"))?;
        }
        std::fs::File::open(&self.path)?.sync_all()
    }

    /// Removes the files of mails that were recorded before a time. Other files stay.
    fn remove_before(&self, time: DateTime<Utc>) -> std::io::Result<()> {
        let (_writing, first) = (self.writing.lock(), time_prefix(time));
        for entry in std::fs::read_dir(&self.path)? {
            let name = entry?.file_name();
            let prefix = name.to_str().and_then(|name| name.get(..first.len())).filter(|prefix| is_time_prefix(prefix));
            if prefix.is_some_and(|prefix| prefix < first.as_str()) {
                remove(&self.path.join(&name))?;
            }
        }
        Ok(())
    }

    /// Runs work on the folder where it may take its time.
    async fn run(&self, work: impl FnOnce(&Self) -> std::io::Result<()> + Send + 'static) -> Result<(), Error> {
        let folder = self.clone();
        let done = tokio::task::spawn_blocking(move || work(&folder)).await;
        done.unwrap_or_else(|error| Err(std::io::Error::other(error))).map_err(Error::Folder)
    }
}

/// Removes a file, if it is there.
fn remove(path: &Path) -> std::io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Returns how the ids of mails of a time begin: its milliseconds since 1970 (RFC 9562 §5.7).
fn time_prefix(time: DateTime<Utc>) -> String {
    let milliseconds = u64::try_from(time.timestamp_millis()).unwrap_or(0);
    format!("{:08x}-{:04x}", milliseconds >> 16, milliseconds & 0xffff)
}

/// Whether a text is the beginning of an id.
fn is_time_prefix(text: &str) -> bool {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    text.bytes().enumerate().all(|(at, byte)| if at == 8 { byte == b'-' } else { is_digit(byte) })
}

#[async_trait]
impl Engine for Folder {
    async fn send(&self, message: &Message) -> Result<(), Error> {
        let message = message.clone();
        self.run(move |folder| folder.write(&message)).await
    }

    fn concurrency(&self) -> usize {
        MAX_CLAIMED
    }

    fn timeout(&self) -> Duration {
        WRITE_TIME
    }

    async fn forget(&self, ids: &[String]) -> Result<(), Error> {
        let ids = ids.to_vec();
        self.run(move |folder| folder.remove_mails(&ids)).await
    }

    async fn forget_before(&self, time: DateTime<Utc>) -> Result<(), Error> {
        self.run(move |folder| folder.remove_before(time)).await
    }
}
