//! A folder for one task, removed when it is over.
//!
//! Invariant: dropping it removes it, also when the task was cancelled half-way; folders of a killed process are
//! removed at the next start.

use std::path::{Path, PathBuf};

/// A scratch folder.
#[derive(Debug)]
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    /// Creates one inside `parent`; `name` is unique.
    pub async fn create(parent: &Path, name: &str) -> std::io::Result<Self> {
        let path = parent.join(name);
        tokio::fs::create_dir_all(&path).await?;
        Ok(Self(path))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // A few files at most, so this does not block the thread for long; a child that is just ending may still add
        // one.
        for _ in 0..3 {
            match std::fs::remove_dir_all(&self.0) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {}
                _ => return,
            }
        }
        tracing::warn!(folder = %self.0.display(), "a scratch folder could not be removed; the next start will");
    }
}
