//! MP3, and the tags around any audio: ID3v2 in front, ID3v1, APE and Lyrics3 behind.
//!
//! Owns the list of ID3 frames that stay. Invariant: a frame that cannot be read is blanked with everything behind it
//! in its tag; between the tags of an MP3 there are only MPEG audio frames.

use std::io::{Read, Seek};

use super::Error;
use super::overlay::Overlay;
use crate::bytes::{Source, be32, le32, take};
use crate::sniff::{first_frame_behind_junk, mpeg_frame_bytes};

/// Title, artist, album artist, album, track, disc, genre, year: ID3v2.2 names, then 2.3 and 2.4 names.
const KEPT: [&[u8]; 17] = [
    b"TT2", b"TP1", b"TP2", b"TAL", b"TRK", b"TPA", b"TCO", b"TYE", b"TIT2", b"TPE1", b"TPE2", b"TALB", b"TRCK",
    b"TPOS", b"TCON", b"TYER", b"TDRC",
];
/// The longest text that is kept; titles are shorter.
const MAX_TEXT_BYTES: usize = 1024;
/// The bytes of a tag that are read for frames to keep: texts come first, images last.
const MAX_TAG_BYTES: u64 = 1024 * 1024;
const MAX_FRAMES: usize = 50_000_000;
/// 320 kbit/s at 32 kHz, padded.
const MAX_FRAME_BYTES: u64 = 1441;
/// Holds what may be in front of the first frame, and three frames.
const JUNK_WINDOW: usize = 16 * 1024;

pub(super) fn mp3<R: Read + Seek>(source: &mut Source<'_, R>, overlay: &mut Overlay) -> Result<(), Error> {
    let mut at = scrub_leading(source, overlay)?;
    let end = scrub_trailing(source, overlay, at)?;
    let mut heard = false;
    for _ in 0..MAX_FRAMES {
        let data = source.some(at, 4)?;
        if at >= end || data.len() < 4 {
            if !heard {
                return Err(Error::NotUnderstood("it has no audio"));
            }
            return overlay.zero(at.min(end), end.saturating_sub(at));
        }
        if let Some(bytes) = mpeg_frame_bytes(data) {
            at += bytes as u64;
            heard = true;
        } else if end - at <= MAX_FRAME_BYTES {
            // Less than a frame behind the last one: nothing audible.
            return overlay.zero(at, end - at);
        } else if data[0] == 0 {
            at += 1;
        } else if let Some(junk) = first_frame_behind_junk(source.some(at, JUNK_WINDOW)?, true).filter(|_| !heard) {
            overlay.zero(at, junk as u64)?;
            at += junk as u64;
        } else {
            return Err(Error::NotUnderstood("other data is between its frames"));
        }
    }
    Err(Error::TooComplex)
}

/// Blanks the ID3v2 tags at the start; returns the offset behind them.
pub(super) fn scrub_leading<R: Read + Seek>(source: &mut Source<'_, R>, overlay: &mut Overlay) -> Result<u64, Error> {
    let mut at = 0;
    for _ in 0..10 {
        let head = source.some(at, 10)?;
        if !head.starts_with(b"ID3") || head.len() < 10 {
            return Ok(at);
        }
        let (version, flags) = (head[3], head[5]);
        let size = syncsafe(head.get(6..10)).ok_or(Error::NotUnderstood("its ID3 tag has no size"))?;
        let size = u64::from(size);
        // Unsynchronisation stays as it is because the frames' bytes are not changed; no extended header, no footer.
        overlay.write(at + 5, 1, vec![flags & 0x80])?;
        let tag = source.vector(at + 10, size.min(MAX_TAG_BYTES).min(source.len().saturating_sub(at + 10)))?;
        overlay.write(at + 10, size, kept_frames(&tag, version, flags))?;
        let footer = if version >= 4 && flags & 0x10 != 0 { 10 } else { 0 };
        overlay.zero(at + 10 + size, footer)?;
        at += 10 + size + footer;
    }
    Err(Error::TooComplex)
}

/// The frames that stay, one after the other.
fn kept_frames(tag: &[u8], version: u8, flags: u8) -> Vec<u8> {
    let mut kept = Vec::new();
    // An extended header: its size includes itself in 2.4, not in 2.3.
    let mut at = match (version, flags & 0x40) {
        (_, 0) => 0,
        (4, _) => syncsafe(tag.get(..4)).unwrap_or(u32::MAX) as usize,
        _ => (be32(tag, 0).unwrap_or(u32::MAX) as usize).saturating_add(4),
    };
    let (name, head) = if version == 2 { (3, 6) } else { (4, 10) };
    while let Some(frame) = tag.get(at..at.saturating_add(head)) {
        let size = match version {
            2 => take::<3>(frame, 3).map(|[a, b, c]| u32::from_be_bytes([0, a, b, c])),
            3 => be32(frame, 4),
            _ => syncsafe(frame.get(4..8)),
        };
        let Some(end) = size.and_then(|size| at.checked_add(head)?.checked_add(size as usize)) else { break };
        let Some(whole) = tag.get(at..end).filter(|_| frame[0] != 0) else { break };
        // Compressed or encrypted texts are not kept: their flags are in the second byte.
        let plain = version == 2 || frame.get(9).is_some_and(|flags| flags & 0xfd == 0);
        if plain
            && whole.len() <= head + MAX_TEXT_BYTES
            && KEPT.contains(&&frame[..name])
            && kept.len() < 16 * MAX_TEXT_BYTES
        {
            kept.extend(whole);
        }
        at = end;
    }
    kept
}

/// Blanks the tags behind the audio that starts at `from`; returns the offset at which the audio ends.
pub(super) fn scrub_trailing<R: Read + Seek>(
    source: &mut Source<'_, R>,
    overlay: &mut Overlay,
    from: u64,
) -> Result<u64, Error> {
    let mut end = source.len();
    for _ in 0..10 {
        let behind = end;
        let tail = |source: &mut Source<'_, R>, bytes: u64| -> Result<Vec<u8>, Error> {
            let at = end.saturating_sub(bytes).max(from);
            Ok(source.bytes(at, (end - at) as usize)?.to_vec())
        };
        let last = tail(source, 128)?;
        if last.len() == 128 && last.starts_with(b"TAG") {
            // ID3v1: title, artist, album, year and genre stay; the comment does not, except a track number at its end,
            // which follows a zero.
            overlay.zero(end - 31, if last[125] == 0 { 28 } else { 30 })?;
            end -= 128;
            continue;
        }
        if last.ends_with(b"LYRICS200") {
            let digits = last.len().checked_sub(15).and_then(|at| last.get(at..at + 6));
            let size = digits.and_then(|digits| std::str::from_utf8(digits).ok()?.parse::<u64>().ok());
            end = end
                .checked_sub(size.unwrap_or(u64::MAX).saturating_add(15))
                .filter(|at| *at >= from)
                .ok_or(INVALID_TRAILING_TAG)?;
        } else if last.len() >= 32 && last[last.len() - 32..].starts_with(b"APETAGEX") {
            let footer = &last[last.len() - 32..];
            // The size includes the footer, not the header, which bit 31 declares.
            let (size, flags) = le32(footer, 12).zip(le32(footer, 20)).ok_or(INVALID_TRAILING_TAG)?;
            let header = if flags & 0x8000_0000 != 0 { 32 } else { 0 };
            end = end.checked_sub(u64::from(size) + header).filter(|at| *at >= from).ok_or(INVALID_TRAILING_TAG)?;
        } else if last.len() >= 10 && last[last.len() - 10..].starts_with(b"3DI") {
            let size = syncsafe(last.get(last.len() - 4..)).ok_or(INVALID_TRAILING_TAG)?;
            end = end.checked_sub(u64::from(size) + 20).filter(|at| *at >= from).ok_or(INVALID_TRAILING_TAG)?;
        } else {
            return Ok(end);
        }
        overlay.zero(end, behind - end)?;
    }
    Err(Error::TooComplex)
}

const INVALID_TRAILING_TAG: Error = Error::NotUnderstood("a tag at its end cannot be read");

/// Seven bits in each of four bytes. ID3v2.4 §6.2.
fn syncsafe(bytes: Option<&[u8]>) -> Option<u32> {
    let bytes = bytes.filter(|bytes| bytes.len() == 4 && bytes.iter().all(|b| *b < 0x80))?;
    Some(bytes.iter().fold(0, |sum, b| sum << 7 | u32::from(*b)))
}
