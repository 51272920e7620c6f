//! The text that a child process printed on standard error.
//!
//! Converters repeat strings of a file: locations, titles, names. So the text is compared with known phrases and never
//! printed. Invariant: neither `Debug` nor `Display` of anything that holds one contains a word of it, so no log line
//! and no response can.

use std::fmt;

/// The text; see the module.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct StderrText(String);

impl StderrText {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns whether it contains a known phrase.
    pub fn has(&self, words: &str) -> bool {
        self.0.contains(words)
    }

    /// Returns whether it begins with a known phrase.
    pub fn begins_with(&self, words: &str) -> bool {
        self.0.starts_with(words)
    }

    /// Extracts a number or a known word. The result must not be a string of the file.
    pub fn read<T>(&self, reader: impl FnOnce(&str) -> T) -> T {
        reader(&self.0)
    }
}

impl fmt::Debug for StderrText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StderrText({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ffmpeg::ProcessError;

    #[test]
    fn a_location_in_stderr_is_never_printed() {
        use std::os::unix::process::ExitStatusExt as _;
        let stderr = StderrText::new(
            "  Metadata:\n    LOCATION : +48.1372+011.5755/\n    TITLE : TOPSECRETTITLE\n\
             Invalid data found when processing input",
        );
        let failures = [
            ProcessError::IncompleteInput(stderr.clone()),
            ProcessError::Exited { status: std::process::ExitStatus::from_raw(256), stderr },
        ];
        for failure in failures {
            let error = crate::error::Error::Process(failure);
            let shown = format!("{error} {error:?} {error:#?}");
            assert!(!shown.contains("48.1372") && !shown.contains("SECRET"), "{shown}");
        }
    }
}
