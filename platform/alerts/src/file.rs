//! The file of what fires and what has been told, in the data folder.
//!
//! Invariant: a crash leaves the old file or the new one; a file that can't be read or written stops no alert.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::state::State;

const FILE: &str = "alerts.json";

/// The file.
#[derive(Debug)]
pub(crate) struct StateFile(PathBuf);

impl StateFile {
    /// Returns the file of a data folder.
    pub(crate) fn of(data: &Path) -> Self {
        Self(data.join(FILE))
    }

    /// Returns what it says; nothing if there is none, or if it can't be read.
    pub(crate) fn read(&self) -> State {
        let Ok(text) = std::fs::read_to_string(&self.0) else { return State::default() };
        serde_json::from_str(&text).unwrap_or_else(|error| {
            let file = self.0.display();
            tracing::warn!(%error, %file, "the file of alerts is not what it should be; it begins anew");
            State::default()
        })
    }

    /// Writes the file.
    pub(crate) fn write(&self, state: &State) {
        let write = || {
            let (text, temporary) = (serde_json::to_string(state)?, self.0.with_extension("new"));
            let mut file = std::fs::File::create(&temporary)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            std::fs::rename(&temporary, &self.0)
        };
        if let Err(error) = write() {
            tracing::warn!(%error, file = %self.0.display(), "what was told of alerts can't be recorded");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_missing_or_damaged_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let file = StateFile::of(folder.path());
        assert_eq!(file.read(), State::default());
        file.write(&State::default());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        std::fs::write(folder.path().join(FILE), "{").unwrap();
        assert_eq!(file.read(), State::default());
        StateFile::of(&folder.path().join("none")).write(&State::default());
    }
}
