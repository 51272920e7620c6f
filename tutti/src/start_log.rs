//! When this installation's process has started, and after which starts it did not end by itself: a file in the data
//! folder.
//!
//! A metric in memory forgets the starts before it, and a process that dies before the first scrape is never seen; this
//! file knows them all. Invariant: it is bounded, a crash leaves the old one or the new one, and a disk that is full
//! keeps no server from starting.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use boot::data_dir;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

const FILE: &str = "process-starts.json";
/// The most starts whose times are kept. Those of an hour are counted, so it bounds what a crash loop costs.
const MAX_STARTS: usize = 100;
/// Starts of this time are recent.
const RECENT: TimeDelta = TimeDelta::hours(1);

/// A start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Start {
    at: DateTime<Utc>,
    /// The release that started.
    version: String,
    /// Whether the process before it was not asked to end: it crashed, was killed, or its machine stopped.
    after_crash: bool,
}

/// The starts of a process on one data folder.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Starts {
    /// All of them.
    pub(crate) total: u64,
    /// Those after a crash.
    pub(crate) crashes: u64,
    /// Whether the newest one has not ended, as far as the file knows.
    running: bool,
    /// The newest ones, the oldest first.
    newest: VecDeque<Start>,
}

impl Starts {
    fn add(&mut self, at: DateTime<Utc>) {
        let after_crash = self.running;
        self.total = self.total.saturating_add(1);
        self.crashes = self.crashes.saturating_add(after_crash.into());
        self.running = true;
        self.newest.push_back(Start { at, version: env!("CARGO_PKG_VERSION").to_owned(), after_crash });
        while self.newest.len() > MAX_STARTS {
            self.newest.pop_front();
        }
    }

    /// Returns how many starts there were within the last hour, and how many of them after a crash.
    pub(crate) fn recent(&self, now: DateTime<Utc>) -> (u64, u64) {
        // A clock that was set back makes no start recent for ever.
        let recent = self.newest.iter().filter(|start| (now - start.at).abs() < RECENT);
        recent.fold((0, 0), |(starts, crashes), start| (starts + 1, crashes + u64::from(start.after_crash)))
    }
}

/// The file, for the process that has recorded its start in it.
#[derive(Debug)]
pub(crate) struct StartLog {
    path: PathBuf,
    starts: Starts,
    /// Whether this process has written its start into the file.
    recorded: bool,
}

impl StartLog {
    /// Records that this process starts. If another process has locked the data folder, nothing is recorded: this one
    /// is going to be refused.
    pub(crate) fn record(data: &Path, now: DateTime<Utc>) -> Self {
        let path = data.join(FILE);
        let locked = data_dir::create_private_folder(data).and_then(|()| data_dir::lock(data));
        let mut log = Self { starts: read(&path), path, recorded: false };
        if locked.is_ok() {
            log.starts.add(now);
            log.recorded = log.write();
        }
        log
    }

    /// Returns the starts, with that of this process.
    pub(crate) fn starts(&self) -> &Starts {
        &self.starts
    }

    /// Records that this process ends because it was asked to.
    pub(crate) fn end(&mut self) {
        if self.recorded {
            self.starts.running = false;
            self.write();
        }
    }

    fn write(&self) -> bool {
        let written = serde_json::to_string(&self.starts)
            .map_err(std::io::Error::from)
            .and_then(|text| data_dir::write_secret(&self.path, text.as_bytes()));
        if let Err(error) = &written {
            tracing::warn!(%error, file = %self.path.display(), "starts of the process can't be recorded");
        }
        written.is_ok()
    }
}

/// Returns what the file says; nothing if there is none, or if it can't be read.
fn read(path: &Path) -> Starts {
    let Ok(text) = std::fs::read_to_string(path) else { return Starts::default() };
    serde_json::from_str(&text).unwrap_or_else(|error| {
        tracing::warn!(%error, file = %path.display(), "the file of starts is not what it should be; it begins anew");
        Starts::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_and_crashes_are_counted_across_processes() {
        let folder = tempfile::tempdir().unwrap();
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(1);
        let mut first = StartLog::record(folder.path(), now);
        assert_eq!((first.starts().total, first.starts().crashes), (1, 0));
        first.end();
        // Asked to end, and started again: no crash. Then killed twice.
        for (minutes, expected) in [(1, (2, 0)), (2, (3, 1)), (70, (4, 2))] {
            let log = StartLog::record(folder.path(), now + TimeDelta::minutes(minutes));
            assert_eq!((log.starts().total, log.starts().crashes), expected);
        }
        let starts = read(&folder.path().join(FILE));
        assert_eq!(starts.recent(now + TimeDelta::minutes(59)), (4, 2));
        assert_eq!(starts.recent(now + TimeDelta::minutes(71)), (1, 1), "earlier ones are not recent any more");
        assert_eq!(starts.recent(now - TimeDelta::days(9)), (0, 0), "nor are those of a clock that was ahead");
    }

    #[test]
    fn the_file_is_bounded_and_begins_anew_if_it_is_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let (now, file) = (DateTime::UNIX_EPOCH, folder.path().join(FILE));
        let mut starts = Starts::default();
        (0..MAX_STARTS + 5).for_each(|_| starts.add(now));
        std::fs::write(&file, serde_json::to_string(&starts).unwrap()).unwrap();
        let log = StartLog::record(folder.path(), now);
        assert_eq!((log.starts().total, log.starts().newest.len()), (MAX_STARTS as u64 + 6, MAX_STARTS));
        std::fs::write(&file, "half a fi").unwrap();
        assert_eq!(StartLog::record(folder.path(), now).starts().total, 1);
    }

    #[test]
    fn a_process_that_is_refused_records_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let lock = data_dir::lock(folder.path()).unwrap();
        let mut refused = StartLog::record(folder.path(), DateTime::UNIX_EPOCH);
        refused.end();
        assert!(!folder.path().join(FILE).exists());
        drop(lock);
        assert_eq!(StartLog::record(folder.path(), DateTime::UNIX_EPOCH).starts().total, 1);
    }
}
