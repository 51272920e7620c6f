//! Whether other users of the machine can read the data folder, and removing their permissions.
//!
//! Everything outside `objects/` is checked every time. There can be millions of objects: those of a shard are checked
//! only if its folder, or one above it, was open. Links are not followed, except at the top of a folder in which no
//! other user can create one. Invariant: after [`repair`] no folder gives the group or others any permission (mode
//! 0700), nor does any file that was checked (0600).

use std::fs::{File, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

/// The permissions of the group and of others.
const GROUP_AND_OTHERS: u32 = 0o077;
/// The permissions that expose a secret.
const READABLE: u32 = 0o044;
/// The permissions that make following a folder's links unsafe.
const WRITABLE: u32 = 0o022;
const FOLDER_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;
/// The deepest folder that is checked. Ours are never deeper.
const MAX_DEPTH: usize = 16;

/// What other users can access.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Exposed {
    /// How many folders.
    pub folders: u64,
    /// How many files.
    pub files: u64,
    /// The first path that was found.
    pub first: Option<PathBuf>,
}

/// Returns what other users can access in a data folder; nothing if the folder does not exist.
pub fn check(data: &Path) -> io::Result<Exposed> {
    Walk { make_private: None, exposed: Exposed::default() }.run(data)
}

/// Removes other users' permissions from a data folder and returns what was open. If that fails, the error names the
/// path.
pub fn repair(data: &Path) -> io::Result<Exposed> {
    Walk {
        make_private: Some(|file, mode| file.set_permissions(Permissions::from_mode(mode))),
        exposed: Exposed::default(),
    }
    .run(data)
}

/// Whether other users can read a file; `false` if it does not exist.
pub fn is_readable_by_others(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| metadata.mode() & READABLE != 0)
}

struct Walk {
    make_private: Option<fn(&File, u32) -> io::Result<()>>,
    exposed: Exposed,
}

/// A folder that was visited.
struct Folder {
    path: PathBuf,
    depth: usize,
    /// Whether the folder, or one above it, was open.
    was_open: bool,
    /// Whether its files are checked only if it was open.
    has_objects: bool,
}

impl Walk {
    fn run(mut self, data: &Path) -> io::Result<Exposed> {
        let follows_links = std::fs::metadata(data).is_ok_and(|metadata| metadata.mode() & WRITABLE == 0);
        let mut folders = match self.visit(data, true) {
            Ok(Some(was_open)) => vec![Folder { path: data.to_owned(), depth: 0, was_open, has_objects: false }],
            Ok(None) => Vec::new(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder.path).map_err(|error| with_path(&folder.path, &error))? {
                let entry = entry.map_err(|error| with_path(&folder.path, &error))?;
                let kind = entry.file_type().map_err(|error| with_path(&folder.path, &error))?;
                let is_link = kind.is_symlink() && folder.depth == 0 && follows_links;
                if kind.is_file() && folder.has_objects && !folder.was_open {
                    continue;
                }
                if !(kind.is_dir() || kind.is_file() || is_link) {
                    continue;
                }
                let path = entry.path();
                let was_open = match self.visit(&path, is_link) {
                    Ok(Some(was_open)) => was_open,
                    // A file; or it was deleted meanwhile, as scratch files and logs of databases are.
                    Ok(None) => continue,
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    Err(error) => return Err(error),
                };
                if folder.depth < MAX_DEPTH {
                    let has_objects = folder.has_objects || (folder.depth == 0 && entry.file_name() == "objects");
                    folders.push(Folder {
                        path,
                        depth: folder.depth + 1,
                        was_open: was_open || folder.was_open,
                        has_objects,
                    });
                }
            }
        }
        Ok(self.exposed)
    }

    /// Checks a folder or a file and changes its permissions if needed. For a folder, returns whether it was open.
    fn visit(&mut self, path: &Path, follow: bool) -> io::Result<Option<bool>> {
        let metadata = if follow { std::fs::metadata(path) } else { std::fs::symlink_metadata(path) }
            .map_err(|error| with_path(path, &error))?;
        let is_open = metadata.mode() & GROUP_AND_OTHERS != 0;
        if is_open {
            *(if metadata.is_dir() { &mut self.exposed.folders } else { &mut self.exposed.files }) += 1;
            self.exposed.first.get_or_insert_with(|| path.to_owned());
            if let Some(make_private) = self.make_private {
                // Through an open handle, so that the path can't be replaced by a link in between.
                let flags = if follow { OFlags::NONBLOCK } else { OFlags::NONBLOCK | OFlags::NOFOLLOW };
                let file = File::options()
                    .read(true)
                    .custom_flags(flags.bits().cast_signed())
                    .open(path)
                    .map_err(|error| with_path(path, &error))?;
                make_private(&file, if metadata.is_dir() { FOLDER_MODE } else { FILE_MODE })
                    .map_err(|error| with_path(path, &error))?;
            }
        }
        Ok(metadata.is_dir().then_some(is_open))
    }
}

fn with_path(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().mode() & 0o777
    }

    fn set(path: &Path, mode: u32) {
        std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn an_open_folder_is_seen_and_made_private_down_to_its_last_file() {
        let root = tempfile::tempdir().unwrap();
        let data = root.path().join("data");
        assert_eq!(check(&data).unwrap(), Exposed::default(), "it does not exist");
        let (shard, secrets) = (data.join("objects/ab"), data.join("secrets"));
        let files =
            [data.join("accounts.db"), data.join("accounts.db-wal"), shard.join("x"), secrets.join("url-signing.key")];
        for folder in [&shard, &secrets] {
            std::fs::create_dir_all(folder).unwrap();
        }
        let folders = [data.clone(), data.join("objects"), shard, secrets];
        for (path, open) in folders.iter().map(|path| (path, 0o755)).chain(files.iter().map(|path| (path, 0o644))) {
            if open == 0o644 {
                std::fs::write(path, "x").unwrap();
            }
            set(path, open);
        }
        // Links to other users' files are left alone.
        let elsewhere = root.path().join("elsewhere");
        std::fs::write(&elsewhere, "x").unwrap();
        set(&elsewhere, 0o644);
        std::os::unix::fs::symlink(&elsewhere, data.join("objects/link")).unwrap();
        let seen = check(&data).unwrap();
        assert_eq!((seen.folders, seen.files, seen.first.as_deref()), (4, 4, Some(data.as_path())));
        assert_eq!(repair(&data).unwrap(), seen);
        assert_eq!(repair(&data).unwrap(), Exposed::default(), "once is enough");
        assert!(folders.iter().all(|path| mode(path) == 0o700) && files.iter().all(|path| mode(path) == 0o600));
        assert_eq!(mode(&elsewhere), 0o644);
    }

    #[test]
    fn objects_in_a_private_folder_are_not_looked_at_one_by_one() {
        let data = tempfile::tempdir().unwrap();
        let shard = data.path().join("objects/ab");
        std::fs::create_dir_all(&shard).unwrap();
        for folder in [data.path(), &data.path().join("objects"), &shard] {
            set(folder, 0o700);
        }
        std::fs::write(shard.join("x"), "x").unwrap();
        set(&shard.join("x"), 0o644);
        assert_eq!(check(data.path()).unwrap(), Exposed::default());
        set(&shard, 0o755);
        assert_eq!(check(data.path()).unwrap().files, 1);
    }
}
