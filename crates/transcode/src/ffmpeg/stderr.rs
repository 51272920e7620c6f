//! Derives from a child process's stderr the reason of a failure.
//!
//! Invariant: an unknown message is never blamed on the file at once; the task is retried first.

use std::os::unix::process::ExitStatusExt;

use super::{ProcessError, StderrText};
use crate::model::RejectReason;

/// Messages of ffmpeg, ffprobe and heif-convert that mean the input will never work, most specific first.
const REJECTED: [(&str, RejectReason); 14] = [
    ("Invalid data found when processing input", RejectReason::BrokenFile),
    ("moov atom not found", RejectReason::BrokenFile),
    ("Error splitting the input into NAL units", RejectReason::BrokenFile),
    ("Output file does not contain any stream", RejectReason::NoAudioOrVideo),
    ("matches no streams", RejectReason::BrokenFile),
    ("File too large", RejectReason::TooHeavy),
    ("Cannot determine format of input stream", RejectReason::BrokenFile),
    ("Output file is empty, nothing was encoded", RejectReason::BrokenFile),
    ("Nothing was written into output file", RejectReason::BrokenFile),
    ("Error while decoding stream", RejectReason::BrokenFile),
    ("EBML header parsing failed", RejectReason::BrokenFile),
    // A stream that no filter accepts, such as one of 255 channels.
    ("Error reinitializing filters", RejectReason::BrokenFile),
    ("Could not read HEIF", RejectReason::BadPhoto),
    ("Could not decode", RejectReason::BadPhoto),
];

/// Messages that mean that a child reached its memory limit. They are checked first: its other messages are mostly a
/// consequence.
const OUT_OF_MEMORY: [&str; 8] = [
    "Cannot allocate memory",
    // A thread that found no memory for its stack.
    "Resource temporarily unavailable",
    "Error while allocating",
    "malloc of size",
    "std::bad_alloc",
    "Out of memory",
    "out of memory",
    "Memory allocation",
];

/// Returns whether a child reached its memory limit.
pub(crate) fn is_out_of_memory(stderr: &StderrText) -> bool {
    OUT_OF_MEMORY.iter().any(|words| stderr.has(words))
}

/// Returns the known phrase in a stderr, which is ours and not the file's: for the log.
pub(crate) fn known_phrase(stderr: &StderrText) -> &'static str {
    let rejected = REJECTED.iter().map(|(words, _)| *words);
    let decoder = [NO_DECODER, NOT_LISTED];
    OUT_OF_MEMORY
        .into_iter()
        .chain(INPUT_LOST)
        .chain(DISK_FULL)
        .chain(decoder)
        .chain(rejected)
        .find(|words| stderr.has(words))
        .unwrap_or("unknown reason")
}

/// Messages that mean that the object store was unavailable, not that the file is bad.
const INPUT_LOST: [&str; 9] = [
    "Connection refused",
    "Connection reset",
    "Connection timed out",
    "Operation timed out",
    "Network is unreachable",
    "Failed to resolve hostname",
    "Server returned",
    "Stream ends prematurely",
    "Input/output error",
];

/// Returns whether a child could not read its source, which says nothing about the file.
pub(crate) fn is_input_lost(stderr: &StderrText) -> bool {
    INPUT_LOST.iter().any(|words| stderr.has(words))
}

/// Messages that mean that the disk is full.
const DISK_FULL: [&str; 2] = ["No space left on device", "Disk quota exceeded"];

/// Returns whether the disk to which a child wrote is full.
pub(crate) fn is_disk_full(stderr: &StderrText) -> bool {
    DISK_FULL.iter().any(|words| stderr.has(words))
}

/// Returns the reason of a failure; `None` if a retry may succeed.
pub(crate) fn reject_reason(failure: &ProcessError) -> Option<RejectReason> {
    match failure {
        ProcessError::NotStarted { .. }
        | ProcessError::Cancelled
        | ProcessError::IncompleteInput(_)
        | ProcessError::DiskFull
        | ProcessError::NoMemory => None,
        ProcessError::Stalled(_) => Some(RejectReason::TimedOut),
        ProcessError::OutOfMemory { limit_bytes } => Some(RejectReason::TooMuchMemory(limit_bytes >> 20)),
        ProcessError::Exited { status, stderr } => {
            // Killed by the kernel for exceeding its limits: CPU time, file size.
            match status.signal() {
                Some(24) => return Some(RejectReason::TimedOut),
                Some(25) => return Some(RejectReason::TooHeavy),
                _ => {}
            }
            if is_input_lost(stderr) || is_disk_full(stderr) {
                return None;
            }
            if let Some(codec) = stderr.read(unknown_codec) {
                return Some(RejectReason::UnsupportedCodec(codec));
            }
            REJECTED.iter().find(|(words, _)| stderr.has(words)).map(|(_, reason)| reason.clone())
        }
    }
}

const NO_DECODER: &str = "Decoder (codec ";
const NOT_LISTED: &str = ") not on whitelist";

/// The codec in "Decoder (codec NAME) not found" or "Codec (NAME) not on whitelist", if it is a plain word.
fn unknown_codec(stderr: &str) -> Option<String> {
    let missing = stderr.split_once(NO_DECODER).and_then(|(_, rest)| Some(rest.split_once(')')?.0));
    let name = missing.or_else(|| stderr.split_once(NOT_LISTED)?.0.rsplit_once("Codec (").map(|(_, name)| name))?;
    let plain = !name.is_empty()
        && name.len() <= 24
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && name != "none";
    Some(if plain { name.to_owned() } else { "an unknown codec".to_owned() })
}

#[cfg(test)]
mod tests {
    use std::process::ExitStatus;

    use super::*;

    fn ended(status: i32, stderr: &str) -> Option<&'static str> {
        reject_reason(&ProcessError::Exited { status: ExitStatus::from_raw(status), stderr: StderrText::new(stderr) })
            .map(|reason| reason.code())
    }

    #[test]
    fn known_messages_have_codes_and_unknown_ones_are_retried() {
        assert_eq!(ended(256, "file:x: Invalid data found when processing input"), Some("transcode.broken_file"));
        assert_eq!(ended(256, "[mov] moov atom not found"), Some("transcode.broken_file"));
        assert_eq!(
            ended(256, "Decoder (codec dvhe) not found for input stream #0:0"),
            Some("transcode.unsupported_codec")
        );
        assert_eq!(ended(24, ""), Some("transcode.timed_out"));
        assert_eq!(ended(25, ""), Some("transcode.too_heavy"));
        assert_eq!(ended(9, ""), None);
        assert_eq!(ended(256, "Input/output error"), None);
        assert_eq!(
            ended(
                256,
                "av_interleaved_write_frame(): No space left on device\nInvalid data found when processing input"
            ),
            None
        );
        assert_eq!(
            ended(256, "[https] Stream ends prematurely\n(source) Invalid data found when processing input"),
            None
        );
        assert_eq!(
            ended(256, "[vc1 @ 0x1] Codec (vc1) not on whitelist 'h264'\nError: Invalid argument"),
            Some("transcode.unsupported_codec")
        );
        let starved = reject_reason(&ProcessError::OutOfMemory { limit_bytes: 700 << 20 }).unwrap();
        assert_eq!(starved.code(), "transcode.too_much_memory");
        assert!(starved.to_string().starts_with("This file needs more memory to convert than the 700 MB"), "{starved}");
        assert_eq!(ended(256, "[http] HTTP error 503\n(source) Server returned 5XX Server Error reply"), None);
    }
}
