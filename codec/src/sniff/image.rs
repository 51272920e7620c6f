//! Detects images by their signatures: JPEG, PNG, WebP, GIF.
//!
//! Owns the check that a second structure follows where the first one says, so that four lucky bytes before a web page
//! do not make an image.

use super::{Format, Sniff};
use crate::bytes::{be16, be32, le32};

/// Returns `None` if the head is not one of these, otherwise the result.
pub(super) fn sniff(head: &[u8]) -> Option<Sniff> {
    if head.starts_with(&[0xff, 0xd8, 0xff]) {
        Some(jpeg(head))
    } else if head.starts_with(b"\x89PNG\r\n\x1a\n") {
        Some(png(head))
    } else if head.starts_with(b"GIF87a") || head.starts_with(b"GIF89a") {
        Some(gif(head))
    } else if head.starts_with(b"RIFF") && head.get(8..12) == Some(b"WEBP") {
        Some(webp(head))
    } else {
        None
    }
}

/// What remains possible when the head is full: a JPEG whose first segment fills it.
pub(super) fn at_end_of_head(head: &[u8]) -> Sniff {
    let jpeg = head.starts_with(&[0xff, 0xd8, 0xff]) && head.len() >= super::HEAD_BYTES;
    if jpeg { Sniff::Known(Format::Jpeg) } else { Sniff::Unknown }
}

fn jpeg(head: &[u8]) -> Sniff {
    let mut at = 2;
    // Two consecutive marker segments, the second with a plausible marker too.
    for _ in 0..2 {
        // Any number of fill bytes may precede a marker. ITU-T T.81 §B.1.1.2.
        let fill = head.get(at + 1..).unwrap_or_default().iter().take_while(|byte| **byte == 0xff).count();
        at += fill;
        let Some(marker) = be16(head, at) else { return Sniff::NeedMore };
        // APPn, COM, DQT, DHT, DRI, SOFn: the markers allowed before the scan.
        if !matches!(marker, 0xffc0..=0xffcf | 0xffdb | 0xffdd | 0xffe0..=0xffef | 0xfffe) {
            return Sniff::Unknown;
        }
        let Some(length) = be16(head, at + 2) else { return Sniff::NeedMore };
        if length < 2 {
            return Sniff::Unknown;
        }
        at += 2 + usize::from(length);
    }
    Sniff::Known(Format::Jpeg)
}

fn png(head: &[u8]) -> Sniff {
    if head.len() < 33 {
        return Sniff::NeedMore;
    }
    let is_header = be32(head, 8) == Some(13) && head.get(12..16) == Some(b"IHDR");
    let checks = head.get(12..29).map(crate::checksum::crc32) == be32(head, 29);
    if is_header && checks { Sniff::Known(Format::Png) } else { Sniff::Unknown }
}

fn gif(head: &[u8]) -> Sniff {
    let Some(&flags) = head.get(10) else { return Sniff::NeedMore };
    let color_table_bytes = if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) };
    match head.get(13 + color_table_bytes) {
        None => Sniff::NeedMore,
        // An extension or an image must follow. A screen without area is that of its images, as browsers see it.
        Some(0x21 | 0x2c) => Sniff::Known(Format::Gif),
        Some(_) => Sniff::Unknown,
    }
}

fn webp(head: &[u8]) -> Sniff {
    let size = le32(head, 4).unwrap_or(0);
    let chunk = head.get(12..16);
    if size >= 12 && matches!(chunk, Some(b"VP8 " | b"VP8L" | b"VP8X")) {
        Sniff::Known(Format::Webp)
    } else {
        Sniff::Unknown
    }
}
