//! PNG: chunks.
//!
//! Owns the list of chunks that belong to the image; every other one becomes an ignored, zero-filled one of the same
//! length. Invariant: every chunk's checksum is correct.

use std::io::{Read, Seek};

use super::overlay::Overlay;
use super::{Error, upright_exif};
use crate::bytes::{Source, WINDOW, take};
use crate::checksum::Crc32;

/// Chunks that determine the appearance of the image. PNG third edition §4.7.
const KEPT: [&[u8; 4]; 20] = [
    b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"cHRM", b"gAMA", b"iCCP", b"sBIT", b"sRGB", b"cICP", b"mDCV",
    b"cLLI", b"bKGD", b"hIST", b"pHYs", b"sPLT", b"acTL", b"fcTL", b"fdAT",
];
/// A private ancillary chunk, which decoders ignore (§5.4: lower-case first and second letter).
const VOID: &[u8; 4] = b"voId";
/// 25 MB in chunks of 64 bytes.
const MAX_CHUNKS: usize = 400_000;

pub(super) fn scrub<R: Read + Seek>(source: &mut Source<'_, R>, overlay: &mut Overlay) -> Result<(), Error> {
    let (mut at, mut has_pixels) = (8, false);
    for _ in 0..MAX_CHUNKS {
        // A file that is cut off ends with its pixels.
        if has_pixels && at + 12 > source.len() {
            return overlay.zero_rest(at);
        }
        let head = source.bytes(at, 8)?;
        let len = u64::from(u32::from_be_bytes(take(head, 0).unwrap_or_default()));
        let kind: [u8; 4] = take(head, 4).unwrap_or_default();
        let end = at + 12 + len;
        has_pixels |= &kind == b"IDAT";
        if end > source.len() {
            return match &kind {
                b"IDAT" => Ok(()),
                _ if has_pixels => overlay.zero_rest(at),
                _ => Err(Error::NotUnderstood("it is truncated")),
            };
        }
        if &kind == b"IEND" {
            return overlay.zero_rest(end);
        }
        if !KEPT.contains(&&kind) {
            if kind[0].is_ascii_uppercase() {
                return Err(Error::NotUnderstood("a critical chunk is unknown"));
            }
            let block = source.some(at + 8, len.min(WINDOW as u64) as usize)?;
            let exif = if &kind == b"eXIf" { upright_exif(block, block.len())? } else { None };
            let (kind, content) = if let Some(exif) = exif { (kind, exif) } else { (*VOID, Vec::new()) };
            let mut crc = Crc32::new();
            crc.update(&kind);
            crc.update(&content);
            crc.zeros(len - content.len() as u64);
            overlay.write(at + 4, 4 + len, [&kind[..], &content].concat())?;
            overlay.write(end - 4, 4, crc.finish().to_be_bytes().to_vec())?;
        }
        at = end;
    }
    Err(Error::TooComplex)
}
