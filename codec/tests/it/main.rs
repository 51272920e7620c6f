//! Tests the codec against real files and real tools: ffmpeg and libheif make the files, exiftool adds metadata and
//! searches for what is left, ffmpeg decodes before and after.
//!
//! Owns no code of the codec. Invariant: a missing tool fails the test with the name of its package; only the files of
//! real phones (Debian's `forensics-samples-files`) may be absent, because other systems do not package them.

// Test helpers are outside of `#[test]` functions, so clippy's exceptions for tests do not cover them.
#![allow(clippy::unwrap_used)]

mod claims;
mod coded_stream;
mod hostile;
mod parsers;
mod reading;
mod scrubbing;
mod seeds;
mod tools;
