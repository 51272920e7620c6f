//! Finds the size of images that are embedded in tags and attachments.
//!
//! Owns finding them by their own signatures, wherever they are and however the tag around them is built: a decoder
//! looks for the same signatures. Invariant: one pass over the bytes, one window in memory.

use std::io::{Read, Seek};

use super::claims::Claims;
use crate::bytes::{Source, WINDOW, be16, be32};
use crate::isobmff::FormatError;

/// Bytes from a signature to the end of the dimensions, with room for the bytes that ID3's unsynchronisation inserts.
const MARK_BYTES: usize = 48;
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

/// Records the largest image that begins between `from` and `to`.
pub(super) fn scan<R: Read + Seek>(
    source: &mut Source<'_, R>,
    from: u64,
    to: u64,
    claims: &mut Claims,
) -> Result<(), FormatError> {
    let to = to.min(source.len());
    let mut at = from;
    while at < to {
        let wanted = usize::try_from(to - at).unwrap_or(usize::MAX).min(WINDOW);
        let window = source.some(at, wanted)?;
        if window.is_empty() {
            return Ok(());
        }
        scan_bytes(window, claims);
        let read = window.len() as u64;
        // A signature that the window's end cuts is found again at the start of the next window.
        at += if at + read < to { read.saturating_sub(MARK_BYTES as u64).max(1) } else { read };
    }
    Ok(())
}

/// Records the largest image that begins in `data`.
pub(super) fn scan_bytes(data: &[u8], claims: &mut Claims) {
    for at in memchr::memchr2_iter(0xff, 0x89, data) {
        let mark = data.get(at..data.len().min(at + MARK_BYTES)).unwrap_or_default();
        // A byte that unsynchronisation does not change is compared first, so that a tag full of 0xFF costs nothing.
        if !(mark.starts_with(PNG) || matches!(mark, [0xff, 0xc0..=0xcf | 0xf7, 0, 11 | 14 | 17 | 20, ..])) {
            continue;
        }
        let plain = resynchronised(mark);
        for mark in [mark, &plain] {
            if let Some(size) = png(mark).or_else(|| start_of_frame(mark)) {
                claims.cover(size);
            }
        }
    }
}

/// ID3v2 inserts a zero behind each 0xFF that could be taken for an audio frame (ID3v2.4 §6.1).
fn resynchronised(mark: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(mark.len());
    let mut after_ff = false;
    for byte in mark {
        if !(after_ff && *byte == 0) {
            plain.push(*byte);
        }
        after_ff = *byte == 0xff;
    }
    plain
}

fn png(mark: &[u8]) -> Option<(u32, u32)> {
    mark.starts_with(PNG).then(|| be32(mark, 16).zip(be32(mark, 20))).flatten()
}

/// A JPEG's start of frame: its length matches its number of components (T.81 §B.2.2). Coded data never looks like
/// this; other data does with a probability of 10^-15.
fn start_of_frame(mark: &[u8]) -> Option<(u32, u32)> {
    let is_frame = matches!(mark.get(1)?, 0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf | 0xf7);
    let (length, precision, components) = (be16(mark, 2)?, *mark.get(4)?, *mark.get(9)?);
    let fits =
        (1..=4).contains(&components) && length == 8 + 3 * u16::from(components) && (2..=16).contains(&precision);
    (is_frame && fits && mark.starts_with(&[0xff]))
        .then(|| be16(mark, 7).zip(be16(mark, 5)))?
        .map(|(w, h)| (w.into(), h.into()))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn frame(width: u16, height: u16) -> Vec<u8> {
        let [w, h] = [width.to_be_bytes(), height.to_be_bytes()];
        [&[0xff, 0xc2, 0, 17, 8], &h[..], &w, &[3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1]].concat()
    }

    fn largest(data: &[u8]) -> Option<(u32, u32)> {
        let mut claims = Claims::default();
        scan(&mut Source::new(&mut Cursor::new(data), data.len() as u64), 0, data.len() as u64, &mut claims).unwrap();
        claims.cover
    }

    #[test]
    fn covers_are_found_at_any_position() {
        let png = [PNG, b"\0\0\0\x0dIHDR", &16_000_u32.to_be_bytes(), &15_000_u32.to_be_bytes()].concat();
        for before in [0, 1, 70_000, WINDOW - 20, WINDOW - 1, WINDOW - 4] {
            let data = [vec![7; before], png.clone(), vec![7; 99]].concat();
            assert_eq!(largest(&data), Some((16_000, 15_000)), "{before}");
        }
        let two = [vec![0xff; 90], frame(100, 80), vec![0xff; 200_000], frame(30_000, 20_000), vec![0; 60]].concat();
        assert_eq!(largest(&two), Some((30_000, 20_000)));
        assert_eq!(largest(&vec![0xff; 100_000]), None);
    }

    #[test]
    fn unsynchronised_tags_hide_nothing() {
        let mut plain = frame(0xe000, 0x40ff);
        let height_end = 6;
        plain.insert(height_end + 1, 0);
        assert_eq!(largest(&[plain, vec![0; 60]].concat()), Some((0xe000, 0x40ff)));
    }
}
