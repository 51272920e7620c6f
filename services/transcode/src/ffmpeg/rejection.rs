//! Whether a failure is the file's fault, so that no retry can help, and what its owner is told.
//!
//! Invariant: an unknown message is never blamed on the file at once; the task is retried first.

use std::os::unix::process::ExitStatusExt;

use super::process_error::ProcessError;
use super::stderr::{NO_DECODER, NOT_LISTED, REJECTED, is_disk_full, is_input_lost};
use crate::model::RejectReason;

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
    use crate::ffmpeg::StderrText;

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
