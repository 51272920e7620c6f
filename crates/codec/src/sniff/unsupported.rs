//! Names unsupported formats and finds polyglots, files that are valid in two formats.
//!
//! Owns the texts of a refusal. Invariant: a format named here is not accepted.

use super::Format;
use crate::bytes::contains_text;

/// How far from the start other programs look for their own signature (PDF readers: the first 1024 bytes).
pub(super) const SUSPECT_BYTES: usize = 1024;

/// Signatures that make another program run or render the file, anywhere in its first kilobyte.
const MARKS: [&str; 8] = ["%PDF-", "<script", "<html", "<!doctype", "<svg", "<?php", "<iframe", "javascript:"];

/// Returns whether a file of this format is also valid for another program.
pub(super) fn is_polyglot(format: Format, head: &[u8]) -> bool {
    // An ID3 tag may contain any text; such a file is served with `nosniff` and is harmless.
    if matches!(format, Format::Mp3 | Format::Flac | Format::Ogg) {
        return false;
    }
    let head = head.get(..SUSPECT_BYTES).unwrap_or(head);
    let near = head.get(..64).unwrap_or(head);
    MARKS.iter().any(|mark| contains_text(head, mark)) || near.windows(4).any(|w| w == b"PK\x03\x04")
}

/// Returns a name for an unsupported file, such as "a PDF document", for the sentence of the refusal.
pub fn describe_unsupported(head: &[u8]) -> Option<&'static str> {
    const SIGNATURES: [(&[u8], &str); 18] = [
        (b"%PDF-", "a PDF document"),
        (b"PK\x03\x04", "a ZIP archive or office document"),
        (b"PK\x05\x06", "a ZIP archive"),
        (b"Rar!", "a RAR archive"),
        (b"7z\xbc\xaf", "a 7-Zip archive"),
        (b"\x1f\x8b", "a gzip archive"),
        (b"MZ", "a Windows program"),
        (b"\x7fELF", "a program"),
        (b"#!", "a script"),
        (b"BM", "a BMP image"),
        (b"II*\0", "a TIFF or raw image"),
        (b"MM\0*", "a TIFF or raw image"),
        (b"8BPS", "a Photoshop document"),
        (b"FLV\x01", "a Flash video"),
        (b"#EXTM3U", "a playlist"),
        (b"ffconcat", "a playlist"),
        (b"\xd0\xcf\x11\xe0", "an office document"),
        (b"{\\rtf", "a text document"),
    ];
    let head = head.get(..SUSPECT_BYTES).unwrap_or(head);
    if head.is_empty() {
        return Some("an empty file");
    }
    if let Some((_, name)) = SIGNATURES.iter().find(|(mark, _)| head.starts_with(mark)) {
        return Some(name);
    }
    if head.starts_with(b"RIFF") && head.get(8..12) == Some(b"AVI ") {
        return Some("an AVI video");
    }
    if contains_text(head, "<svg") {
        return Some("an SVG drawing");
    }
    if contains_text(head, "<html") || contains_text(head, "<!doctype html") {
        return Some("a web page");
    }
    let printable = |b: &u8| matches!(b, b'\t' | b'\n' | b'\r' | 0x20..=0x7e | 0x80..);
    (head.iter().all(printable) && std::str::from_utf8(head.get(..head.len().min(64)).unwrap_or(head)).is_ok())
        .then_some("a text")
}
