//! What the messages that a child process writes to stderr mean.
//!
//! Invariant: only known phrases are repeated, never the message itself.

use super::StderrText;
use crate::model::RejectReason;

/// Messages of ffmpeg, ffprobe and heif-convert that mean the input will never work, most specific first.
pub(super) const REJECTED: [(&str, RejectReason); 14] = [
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
const OUT_OF_MEMORY: [&str; 10] = [
    "Cannot allocate memory",
    // A decoder that found none for a frame: -12 is ENOMEM.
    "get_buffer() failed (-12",
    "Error allocating a picture",
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

/// What ffmpeg writes about a codec that it has no decoder for, or that is not on its list.
pub(super) const NO_DECODER: &str = "Decoder (codec ";
pub(super) const NOT_LISTED: &str = ") not on whitelist";
