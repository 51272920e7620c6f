//! From what a child complained about to a reason that a person can read.
//!
//! Invariant: what can't be recognised is never blamed on the file at once; it is tried again first.

use std::os::unix::process::ExitStatusExt;

use super::Failure;
use crate::model::Refusal;

/// Words of ffmpeg, ffprobe and heif-convert that mean the input will never work, most telling first.
const TELLING: [(&str, Refusal); 15] = [
    ("Invalid data found when processing input", Refusal::BrokenFile),
    ("moov atom not found", Refusal::BrokenFile),
    ("Error splitting the input into NAL units", Refusal::BrokenFile),
    ("Output file does not contain any stream", Refusal::NoPicture),
    ("matches no streams", Refusal::BrokenFile),
    ("Cannot allocate memory", Refusal::TooHeavy),
    ("Error while allocating", Refusal::TooHeavy),
    ("File too large", Refusal::TooHeavy),
    ("Cannot determine format of input stream", Refusal::BrokenFile),
    ("Output file is empty, nothing was encoded", Refusal::BrokenFile),
    ("Nothing was written into output file", Refusal::BrokenFile),
    ("Error while decoding stream", Refusal::BrokenFile),
    ("EBML header parsing failed", Refusal::BrokenFile),
    ("Could not read HEIF", Refusal::BadPhoto),
    ("Could not decode", Refusal::BadPhoto),
];

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
pub(crate) fn is_away(complaint: &str) -> bool {
    AWAY.iter().any(|words| complaint.contains(words))
}

/// Whether the disk that a child wrote to is full.
pub(crate) fn is_full(complaint: &str) -> bool {
    complaint.contains("No space left on device") || complaint.contains("Disk quota exceeded")
}

/// The reason behind a failure; `None` if it may pass on another try.
pub(crate) fn of(failure: &Failure) -> Option<Refusal> {
    match failure {
        Failure::NotStarted { .. } | Failure::Cancelled | Failure::CutOff(_) | Failure::Full => None,
        Failure::Stalled(_) => Some(Refusal::TimedOut),
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
            if let Some(codec) = unknown_codec(complaint) {
                return Some(Refusal::UnsupportedCodec(codec));
            }
            TELLING.iter().find(|(words, _)| complaint.contains(words)).map(|(_, refusal)| refusal.clone())
        }
    }
}

/// The codec in "Decoder (codec NAME) not found", as far as it is a plain word.
fn unknown_codec(complaint: &str) -> Option<String> {
    let name = complaint.split_once("Decoder (codec ")?.1.split_once(')')?.0;
    let plain = !name.is_empty() && name.len() <= 24 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') && name != "none";
    Some(if plain { name.to_owned() } else { "an unknown codec".to_owned() })
}

#[cfg(test)]
mod tests {
    use std::process::ExitStatus;

    use super::*;

    fn ended(status: i32, complaint: &str) -> Option<&'static str> {
        of(&Failure::Ended { status: ExitStatus::from_raw(status), complaint: complaint.into() }).map(|refusal| refusal.code())
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
        assert_eq!(ended(256, "[http] HTTP error 503\n(source) Server returned 5XX Server Error reply"), None);
    }
}
