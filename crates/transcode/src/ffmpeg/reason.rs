//! From what a child complained about to a reason that a person can read.
//!
//! Invariant: what can't be recognised is never blamed on the file at once; it is tried again first.

use std::os::unix::process::ExitStatusExt;

use super::{Complaint, Failure};
use crate::model::Refusal;

/// Words of ffmpeg, ffprobe and heif-convert that mean the input will never work, most telling first.
const TELLING: [(&str, Refusal); 14] = [
    ("Invalid data found when processing input", Refusal::BrokenFile),
    ("moov atom not found", Refusal::BrokenFile),
    ("Error splitting the input into NAL units", Refusal::BrokenFile),
    ("Output file does not contain any stream", Refusal::NoPicture),
    ("matches no streams", Refusal::BrokenFile),
    ("File too large", Refusal::TooHeavy),
    ("Cannot determine format of input stream", Refusal::BrokenFile),
    ("Output file is empty, nothing was encoded", Refusal::BrokenFile),
    ("Nothing was written into output file", Refusal::BrokenFile),
    ("Error while decoding stream", Refusal::BrokenFile),
    ("EBML header parsing failed", Refusal::BrokenFile),
    // A stream that no filter takes, such as one of 255 channels.
    ("Error reinitializing filters", Refusal::BrokenFile),
    ("Could not read HEIF", Refusal::BadPhoto),
    ("Could not decode", Refusal::BadPhoto),
];

/// Words that mean that a child came to the end of its memory. They come first: what it says besides is mostly a consequence.
const MEMORY: [&str; 8] = [
    "Cannot allocate memory",
    // A thread that found no room for its stack.
    "Resource temporarily unavailable",
    "Error while allocating",
    "malloc of size",
    "std::bad_alloc",
    "Out of memory",
    "out of memory",
    "Memory allocation",
];

/// Whether a child came to the end of its memory.
pub(crate) fn is_out_of_memory(complaint: &Complaint) -> bool {
    MEMORY.iter().any(|words| complaint.has(words))
}

/// The words that a complaint was recognised by, which are ours and not the file's: for the log.
pub(crate) fn known_words(complaint: &Complaint) -> &'static str {
    let telling = TELLING.iter().map(|(words, _)| *words);
    let decoder = [NO_DECODER, NOT_LISTED];
    MEMORY.into_iter().chain(AWAY).chain(FULL).chain(decoder).chain(telling).find(|words| complaint.has(words)).unwrap_or("for no reason that is known")
}

/// Words that mean that the store was away, not that the file is bad.
const AWAY: [&str; 9] = [
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

/// Whether a child could not read its source, so that it says nothing about the file.
pub(crate) fn is_away(complaint: &Complaint) -> bool {
    AWAY.iter().any(|words| complaint.has(words))
}

/// Words that mean that the disk is full.
const FULL: [&str; 2] = ["No space left on device", "Disk quota exceeded"];

/// Whether the disk that a child wrote to is full.
pub(crate) fn is_full(complaint: &Complaint) -> bool {
    FULL.iter().any(|words| complaint.has(words))
}

/// The reason behind a failure; `None` if it may pass on another try.
pub(crate) fn of(failure: &Failure) -> Option<Refusal> {
    match failure {
        Failure::NotStarted { .. } | Failure::Cancelled | Failure::CutOff(_) | Failure::Full | Failure::NoShare => None,
        Failure::Stalled(_) => Some(Refusal::TimedOut),
        Failure::OutOfMemory { limit_bytes } => Some(Refusal::TooMuchMemory(limit_bytes >> 20)),
        Failure::Ended { status, complaint } => {
            // Ended by the kernel for using more than its limits: CPU time, file size.
            match status.signal() {
                Some(24) => return Some(Refusal::TimedOut),
                Some(25) => return Some(Refusal::TooHeavy),
                _ => {}
            }
            if is_away(complaint) || is_full(complaint) {
                return None;
            }
            if let Some(codec) = complaint.read(unknown_codec) {
                return Some(Refusal::UnsupportedCodec(codec));
            }
            TELLING.iter().find(|(words, _)| complaint.has(words)).map(|(_, refusal)| refusal.clone())
        }
    }
}

const NO_DECODER: &str = "Decoder (codec ";
const NOT_LISTED: &str = ") not on whitelist";

/// The codec in "Decoder (codec NAME) not found" or "Codec (NAME) not on whitelist", as far as it is a plain word.
fn unknown_codec(complaint: &str) -> Option<String> {
    let missing = complaint.split_once(NO_DECODER).and_then(|(_, rest)| Some(rest.split_once(')')?.0));
    let name = missing.or_else(|| complaint.split_once(NOT_LISTED)?.0.rsplit_once("Codec (").map(|(_, name)| name))?;
    let plain = !name.is_empty() && name.len() <= 24 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') && name != "none";
    Some(if plain { name.to_owned() } else { "an unknown codec".to_owned() })
}

#[cfg(test)]
mod tests {
    use std::process::ExitStatus;

    use super::*;

    fn ended(status: i32, complaint: &str) -> Option<&'static str> {
        of(&Failure::Ended { status: ExitStatus::from_raw(status), complaint: Complaint::new(complaint) }).map(|refusal| refusal.code())
    }

    #[test]
    fn known_complaints_have_codes_and_unknown_ones_are_tried_again() {
        assert_eq!(ended(256, "file:x: Invalid data found when processing input"), Some("transcode.broken_file"));
        assert_eq!(ended(256, "[mov] moov atom not found"), Some("transcode.broken_file"));
        assert_eq!(ended(256, "Decoder (codec dvhe) not found for input stream #0:0"), Some("transcode.unsupported_codec"));
        assert_eq!(ended(24, ""), Some("transcode.timed_out"));
        assert_eq!(ended(25, ""), Some("transcode.too_heavy"));
        assert_eq!(ended(9, ""), None);
        assert_eq!(ended(256, "Input/output error"), None);
        assert_eq!(ended(256, "av_interleaved_write_frame(): No space left on device\nInvalid data found when processing input"), None);
        assert_eq!(ended(256, "[https] Stream ends prematurely\n(source) Invalid data found when processing input"), None);
        assert_eq!(ended(256, "[vc1 @ 0x1] Codec (vc1) not on whitelist 'h264'\nError: Invalid argument"), Some("transcode.unsupported_codec"));
        let starved = of(&Failure::OutOfMemory { limit_bytes: 700 << 20 }).unwrap();
        assert_eq!(starved.code(), "transcode.too_much_memory");
        assert!(starved.to_string().starts_with("This file needs more memory to convert than the 700 MB"), "{starved}");
        assert_eq!(ended(256, "[http] HTTP error 503\n(source) Server returned 5XX Server Error reply"), None);
    }
}
