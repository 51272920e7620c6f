//! The scratch folder of a drill: for this user alone, and gone afterwards, also after a drill that was killed.
//!
//! What a drill restores is everything that members have entrusted to the installation, so none of it may stay behind.
//! A drill that is killed can't clean up: the next one with the same parent folder does. Invariant: only folders of
//! drills that don't run any more are removed, of this user.

use std::fs::{File, OpenOptions, Permissions};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use rustix::fs::{FlockOperation, flock};
use tempfile::TempDir;

use crate::CommandError;

const PREFIX: &str = "tutti-drill-";
/// The file that a running drill has locked.
const LOCK: &str = "lock";

/// See the module.
pub(super) struct Scratch {
    folder: TempDir,
    _lock: File,
}

impl Scratch {
    /// Makes a folder in `parent`, and removes what drills that were killed have left there.
    pub(super) fn make(parent: &Path) -> Result<Self, CommandError> {
        remove_left(parent);
        let made = || {
            let private = Permissions::from_mode(0o700);
            let folder = tempfile::Builder::new().prefix(PREFIX).permissions(private).tempdir_in(parent)?;
            let lock = open_lock(folder.path(), true)?;
            flock(&lock, FlockOperation::NonBlockingLockExclusive)?;
            Ok::<_, std::io::Error>(Self { folder, _lock: lock })
        };
        made().map_err(|error| {
            format!("no folder can be made in {}: {error}; name another with --scratch", parent.display()).into()
        })
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }
}

fn open_lock(folder: &Path, is_new: bool) -> std::io::Result<File> {
    OpenOptions::new().write(true).create_new(is_new).mode(0o600).open(folder.join(LOCK))
}

/// Removes the folders that killed drills have left. What can't be removed is reported, and stops no drill.
fn remove_left(parent: &Path) {
    let Ok(entries) = std::fs::read_dir(parent) else { return };
    for entry in entries.filter_map(Result::ok) {
        let path = entry.path();
        if !entry.file_name().to_string_lossy().starts_with(PREFIX) || !is_left(&path) {
            continue;
        }
        let shown = path.display();
        match std::fs::remove_dir_all(&path) {
            Ok(()) => eprintln!("{shown}, which a killed drill had left, was removed."),
            Err(error) => eprintln!("{shown}, a copy of the installation that a killed drill has left: {error}"),
        }
    }
}

/// Whether a folder is of this user, and of a drill that does not run any more.
fn is_left(folder: &Path) -> bool {
    let is_own = std::fs::symlink_metadata(folder)
        .is_ok_and(|metadata| metadata.is_dir() && metadata.uid() == rustix::process::geteuid().as_raw());
    // One without the file has just been made.
    is_own && open_lock(folder, false).is_ok_and(|lock| flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_killed_drill_leaves_nothing_to_the_next_one_and_a_running_one_is_left_alone() {
        let parent = tempfile::tempdir().unwrap();
        let running = Scratch::make(parent.path()).unwrap();
        let mode = std::fs::metadata(running.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        let killed = parent.path().join("tutti-drill-killed");
        std::fs::create_dir_all(killed.join("data")).unwrap();
        std::fs::write(killed.join("data/accounts.db"), "everything").unwrap();
        std::fs::write(killed.join(LOCK), "").unwrap();
        let other = parent.path().join("other");
        std::fs::create_dir(&other).unwrap();
        let next = Scratch::make(parent.path()).unwrap();
        assert!(!killed.exists() && other.exists() && running.path().exists() && next.path().exists());
        let path = next.path().to_owned();
        drop(next);
        assert!(!path.exists());
    }
}
