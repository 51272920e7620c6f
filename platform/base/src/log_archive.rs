//! Lines of the log in two files, which survive the process.
//!
//! Knows lines as texts. Invariant: both files together stay below a bound, a search reads one file at a time, and what
//! can't be written is lost here and nowhere else, as the log also goes to standard error.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

/// The file that is written.
const CURRENT: &str = "current.jsonl";
/// The one before, which is full.
const PREVIOUS: &str = "previous.jsonl";

/// The files.
#[derive(Debug)]
pub(crate) struct LogArchive {
    folder: PathBuf,
    /// A file that would be larger is replaced.
    max_file_bytes: u64,
    current: Mutex<Current>,
    /// Held by the one search that reads.
    search: Mutex<()>,
}

#[derive(Debug)]
struct Current {
    file: File,
    bytes: u64,
}

impl LogArchive {
    /// Opens the files of a folder, which is created. Both together have at most `max_bytes`.
    pub(crate) fn open(folder: &Path, max_bytes: u64) -> std::io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let mut current = Current::open(folder)?;
        if current.bytes > 0 {
            // A process that was killed may have left half a line.
            current.write("")?;
        }
        let (folder, max_file_bytes) = (folder.to_owned(), max_bytes / 2);
        Ok(Self { folder, max_file_bytes, current: Mutex::new(current), search: Mutex::new(()) })
    }

    /// Adds a line.
    pub(crate) fn append(&self, line: &str) {
        let mut current = self.current.lock();
        let is_full = current.bytes + line.len() as u64 + 1 > self.max_file_bytes;
        if is_full && current.bytes > 0 {
            let rotated = std::fs::rename(self.folder.join(CURRENT), self.folder.join(PREVIOUS));
            match rotated.and_then(|()| Current::open(&self.folder)) {
                Ok(next) => *current = next,
                // It must not grow, and logging this would come here again.
                Err(_) => return,
            }
        }
        let _ = current.write(line);
    }

    /// Returns what `read` makes of at most `limit` lines, the newest first.
    pub(crate) fn search<T>(&self, limit: usize, mut read: impl FnMut(&str) -> Option<T>) -> Vec<T> {
        let _one = self.search.lock();
        let mut found = Vec::new();
        for name in [CURRENT, PREVIOUS] {
            if found.len() >= limit {
                break;
            }
            let text = self.read(name);
            found.extend(text.lines().rev().filter_map(&mut read).take(limit - found.len()));
        }
        found
    }

    fn read(&self, name: &str) -> String {
        let mut bytes = Vec::new();
        // A line may be longer than a file should be; what is beyond is left out.
        let max = self.max_file_bytes.saturating_mul(2);
        let read = File::open(self.folder.join(name)).and_then(|file| file.take(max).read_to_end(&mut bytes));
        if read.is_ok() { String::from_utf8_lossy(&bytes).into_owned() } else { String::new() }
    }
}

impl Current {
    fn open(folder: &Path) -> std::io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(folder.join(CURRENT))?;
        let bytes = file.metadata()?.len();
        Ok(Self { file, bytes })
    }

    fn write(&mut self, line: &str) -> std::io::Result<()> {
        // In one call, so that a killed process leaves whole lines.
        let line = format!("{line}\n");
        self.bytes += line.len() as u64;
        self.file.write_all(line.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(archive: &LogArchive) -> Vec<String> {
        archive.search(usize::MAX, |line| (!line.is_empty()).then(|| line.to_owned()))
    }

    #[test]
    fn lines_survive_the_process_and_are_found_newest_first() {
        let folder = tempfile::tempdir().unwrap();
        let archive = LogArchive::open(folder.path(), 1_000).unwrap();
        archive.append("one");
        archive.append("two");
        // As if the process was killed within a line.
        let file = folder.path().join(CURRENT);
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, text + "hal").unwrap();
        let archive = LogArchive::open(folder.path(), 1_000).unwrap();
        archive.append("three");
        assert_eq!(all(&archive), ["three", "hal", "two", "one"]);
        assert_eq!(archive.search(1, |line| line.contains('o').then(|| line.to_owned())), ["two"]);
    }

    #[test]
    fn both_files_stay_below_the_bound_and_the_oldest_lines_go() {
        let folder = tempfile::tempdir().unwrap();
        let archive = LogArchive::open(folder.path(), 200).unwrap();
        for number in 0..100 {
            archive.append(&format!("line {number:03}"));
        }
        let bytes: u64 =
            [CURRENT, PREVIOUS].map(|name| folder.path().join(name).metadata().unwrap().len()).iter().sum();
        assert!(bytes <= 200, "{bytes}");
        let lines = all(&archive);
        assert!((11..=22).contains(&lines.len()), "{lines:?}");
        assert_eq!((lines[0].as_str(), lines[1].as_str()), ("line 099", "line 098"));
        archive.append(&"x".repeat(500));
        archive.append("y");
        assert_eq!(all(&archive)[0], "y", "a line that is too long by itself is replaced with the next one");
    }
}
