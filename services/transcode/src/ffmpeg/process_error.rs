//! Why a child process did not complete its work, and when a disk counts as full.
//!
//! Invariant: the text of an error never quotes what a child wrote, only the phrases of `stderr`.

use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use super::StderrText;
use super::stderr::known_phrase;

/// Less free space than this on the disk of the scratch folder counts as full. ffmpeg reports nothing about a full
/// disk, writes segments that end too soon, and exits with 0: so its report is ignored, and its output there is not
/// used. A child writes less than this between two checks.
const MIN_FREE_BYTES: u64 = 32 << 20;

/// Returns whether the disk of a folder has no space for a child's work.
pub(crate) fn is_disk_full(folder: &Path) -> bool {
    rustix::fs::statvfs(folder).is_ok_and(|disk| disk.f_bavail.saturating_mul(disk.f_frsize) < MIN_FREE_BYTES)
}

/// Why a child process did not complete its work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProcessError {
    /// The program does not exist, or the machine refused to start it.
    #[error(
        "{program} cannot be started: install ffmpeg, or set its path in the configuration ([transcode] ffmpeg, \
         ffprobe, heif_convert)"
    )]
    NotStarted {
        program: String,
        #[source]
        source: std::io::Error,
    },
    /// It was cancelled.
    #[error("the conversion was cancelled")]
    Cancelled,
    /// It made no more progress.
    #[error("the converter made no progress for {} s", .0.as_secs())]
    Stalled(Duration),
    /// It exited with 0, but could not read its source to the end: its output may be too short.
    #[error("the source ended too early: {}", known_phrase(.0))]
    IncompleteInput(StderrText),
    /// The disk of its working directory is full.
    #[error("the disk with the scratch folder is full: less than {} MB are free", MIN_FREE_BYTES >> 20)]
    DiskFull,
    /// All memory for child processes was in use for too long.
    #[error("the converter got no memory: other tasks use all of it")]
    NoMemory,
    /// It reached its memory limit.
    #[error("the converter needed more than its limit of {} MB of memory", limit_bytes >> 20)]
    OutOfMemory { limit_bytes: u64 },
    /// It exited with an error; its last stderr.
    #[error("the converter failed ({status}): {}", known_phrase(stderr))]
    Exited { status: ExitStatus, stderr: StderrText },
}
