//! What a child printed on standard error.
//!
//! Converters repeat what stands in a file: places, titles, names. So a complaint is compared with words that we know and never shown. Invariant:
//! neither `Debug` nor `Display` of anything that holds one contains a word of it, so no log line and no answer can.

use std::fmt;

/// See the module.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct StderrText(String);

impl StderrText {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Whether these words stand in it.
    pub fn has(&self, words: &str) -> bool {
        self.0.contains(words)
    }

    /// Whether it begins like this.
    pub fn begins_with(&self, words: &str) -> bool {
        self.0.starts_with(words)
    }

    /// Reads a number or a word that is known beforehand out of it. What comes out must not be what the file says.
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
    fn a_place_in_a_complaint_is_never_shown() {
        use std::os::unix::process::ExitStatusExt as _;
        let stderr = StderrText::new("  Metadata:\n    LOCATION : +48.1372+011.5755/\n    TITLE : TOPSECRETTITLE\nInvalid data found when processing input");
        let failures = [ProcessError::IncompleteInput(stderr.clone()), ProcessError::Exited { status: std::process::ExitStatus::from_raw(256), stderr }];
        for failure in failures {
            let error = crate::error::Error::Process(failure);
            let shown = format!("{error} {error:?} {error:#?}");
            assert!(!shown.contains("48.1372") && !shown.contains("SECRET"), "{shown}");
        }
    }
}
