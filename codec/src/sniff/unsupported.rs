//! Names unsupported formats and finds polyglots, files that are valid in two formats.
//!
//! Owns the texts of a refusal. Invariant: a format named here is not accepted.

use super::{Format, audio};
use crate::bytes::{be16, contains_text};

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
    const SIGNATURES: [(&[u8], &str); 25] = [
        (b"%PDF-", "a PDF document"),
        (b"PK\x03\x04", "a ZIP archive or office document"),
        (b"PK\x05\x06", "a ZIP archive"),
        (b"Rar!", "a RAR archive"),
        (b"7z\xbc\xaf", "a 7-Zip archive"),
        (b"\x1f\x8b", "a gzip archive"),
        (b"MZ", "a Windows program"),
        (b"\x7fELF", "a program"),
        (b"#!AMR", "an AMR recording"),
        (b"#!SILK", "a SILK recording"),
        (b"#!", "a script"),
        (b"caff\0\x01", "a CAF recording"),
        (b"MThd", "a MIDI file"),
        (b"wvpk", "a WavPack recording"),
        (b"MAC ", "a Monkey's Audio recording"),
        // ASF, §10.1: WMA and WMV.
        (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "a Windows Media file (WMA or WMV)"),
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
    if head.is_empty() {
        return Some("an empty file");
    }
    let whole = head;
    let head = head.get(..SUSPECT_BYTES).unwrap_or(head);
    if let Some((_, name)) = SIGNATURES.iter().find(|(mark, _)| head.starts_with(mark)) {
        return Some(name);
    }
    if let Some(name) = photo_with_code(head).or_else(|| nested_signature(head)).or_else(|| repeated_signature(whole)) {
        return Some(name);
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

/// A photo of ours that was refused because it is also valid for another program: where the code is.
fn photo_with_code(head: &[u8]) -> Option<&'static str> {
    const SIGNATURES: [&[u8]; 3] = [b"\xff\xd8\xff", b"\x89PNG", b"GIF8"];
    let at = MARKS.iter().filter_map(|mark| find_text(head, mark)).min()?;
    let is_webp = head.starts_with(b"RIFF") && head.get(8..12) == Some(b"WEBP");
    if !is_webp && !SIGNATURES.iter().any(|signature| head.starts_with(signature)) {
        return None;
    }
    Some(match jpeg_segment_at(head, at) {
        Some((0xfe, _)) => "a photo with the code of a program in its comment",
        Some((0xe1, body)) if body.starts_with(b"Exif") => "a photo with the code of a program in its Exif data",
        Some((0xe1, _)) => "a photo with the code of a program in its XMP data",
        _ => "a photo with the code of a program in its metadata",
    })
}

/// Returns the marker and the content of the JPEG segment that contains a position.
fn jpeg_segment_at(head: &[u8], position: usize) -> Option<(u8, &[u8])> {
    let mut at = head.starts_with(&[0xff, 0xd8]).then_some(2)?;
    while at < position {
        let (marker, length) = (be16(head, at)?, usize::from(be16(head, at + 2)?));
        let end = at + 2 + length.max(2);
        if position < end {
            return Some((marker as u8, head.get(at + 4..)?));
        }
        at = end;
    }
    None
}

/// Formats whose signature is behind a common one.
fn nested_signature(head: &[u8]) -> Option<&'static str> {
    let form = head.get(8..12);
    if head.starts_with(b"RIFF") && form == Some(b"AVI ") {
        return Some("an AVI video");
    }
    if head.starts_with(b"FORM") && matches!(form, Some(b"AIFF" | b"AIFC")) {
        return Some("an AIFF recording");
    }
    if head.starts_with(b"OggS") {
        let first_packet = audio::ogg_packet(head).ok()?;
        let streams: [(&[u8], &str); 2] =
            [(b"\x80theora", "an Ogg video (Theora)"), (b"Speex   ", "a Speex recording")];
        return streams.into_iter().find(|(mark, _)| first_packet.starts_with(mark)).map(|(_, name)| name);
    }
    None
}

/// Formats that repeat a short pattern at a distance: three times are no chance.
fn repeated_signature(head: &[u8]) -> Option<&'static str> {
    let is_repeated =
        |first: usize, distance: usize| (0..3).all(|count| head.get(first + count * distance) == Some(&0x47));
    // ISO/IEC 13818-1 §2.4.3.2; with a time stamp of four bytes before each packet on Blu-ray and AVCHD.
    if is_repeated(0, 188) || is_repeated(4, 192) {
        return Some("an MPEG transport stream");
    }
    if head.starts_with(&[0, 0, 1, 0xba]) {
        return Some("an MPEG program stream");
    }
    // ADTS: twelve set bits, layer 0, and the length of the frame in 13 bits. ISO/IEC 13818-7 §6.2.
    let adts_length = |at: usize| {
        let frame = head.get(at..at + 6)?;
        let length = usize::from(frame[3] & 3) << 11 | usize::from(frame[4]) << 3 | usize::from(frame[5]) >> 5;
        (frame[0] == 0xff && frame[1] & 0xf6 == 0xf0 && length >= 7).then_some(length)
    };
    let second = adts_length(0)?;
    let third = second + adts_length(second)?;
    adts_length(third).map(|_| "an AAC recording without a container (ADTS)")
}

fn find_text(data: &[u8], needle: &str) -> Option<usize> {
    data.windows(needle.len()).position(|window| window.eq_ignore_ascii_case(needle.as_bytes()))
}
