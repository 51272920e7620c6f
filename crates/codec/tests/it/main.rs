//! The codec against real files and real tools: ffmpeg and libheif make the files, exiftool puts metadata into
//! them and looks for what is left, ffmpeg decodes before and after.
//!
//! Owns nothing of the codec. Invariant: a missing tool fails the test with the name of its package; only the files of real phones
//! (Debian's `forensics-samples-files`) may be absent, because other systems do not package them.

// The helpers of tests stand outside of `#[test]`, where clippy doesn't know them for tests.
#![allow(clippy::unwrap_used)]

mod claims;
mod parsers;
mod reading;
mod scrubbing;
mod seeds;
mod tools;
