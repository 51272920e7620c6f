//! RIFF: WebP and WAV files.
//!
//! Owns the two lists of chunks that belong to the image or the audio; every other chunk is renamed and blanked.
//! Invariant: no chunk moves.

use std::io::{Read, Seek};

use super::overlay::Overlay;
use super::{Error, upright_exif};
use crate::bytes::{Source, WINDOW, le32, take};

const MAX_CHUNKS: usize = 100_000;

struct Chunk {
    kind: [u8; 4],
    /// The offset of its name.
    start: u64,
    /// Bytes of content.
    len: u64,
    /// Offset of the next chunk, at most the list's end.
    end: u64,
}

fn chunk<R: Read + Seek>(source: &mut Source<'_, R>, start: u64, limit: u64) -> Result<Chunk, Error> {
    let head = source.bytes(start, 8)?;
    let kind = take(head, 0).unwrap_or_default();
    let len = u64::from(le32(head, 4).unwrap_or_default());
    if start + 8 + len > limit {
        return Err(Error::NotUnderstood("a chunk ends behind the end of the file"));
    }
    // The padding byte of an odd length may be missing at the very end.
    Ok(Chunk { kind, start, len, end: (start + 8 + len + (len & 1)).min(limit) })
}

/// Renames a chunk to a name that no reader knows and blanks it.
fn void(overlay: &mut Overlay, chunk: &Chunk, name: [u8; 4]) -> Result<(), Error> {
    overlay.write(chunk.start, 4, name.to_vec())?;
    overlay.zero(chunk.start + 8, chunk.end - chunk.start - 8)
}

pub(super) fn webp<R: Read + Seek>(source: &mut Source<'_, R>, overlay: &mut Overlay) -> Result<(), Error> {
    let head = source.bytes(0, 12)?;
    let end = 8 + u64::from(le32(head, 4).unwrap_or_default());
    if end > source.len() {
        return Err(Error::NotUnderstood("it is truncated"));
    }
    overlay.zero_rest(end)?;
    let (mut at, mut flags_at, mut keeps_exif) = (12, None, false);
    for _ in 0..MAX_CHUNKS {
        if at + 8 > end {
            overlay.zero(at, end.saturating_sub(at))?;
            // Extended header: bit 3 is EXIF, bit 2 XMP. RFC 9649 §2.7.
            if let Some((place, flags)) = flags_at {
                let kept = flags & if keeps_exif { !0x04 } else { !0x0c };
                overlay.write(place, 1, vec![kept])?;
            }
            return Ok(());
        }
        let chunk = chunk(source, at, end)?;
        at = chunk.end;
        match &chunk.kind {
            b"VP8X" => {
                let [flags] = source.array(chunk.start + 8)?;
                flags_at = Some((chunk.start + 8, flags));
            }
            b"VP8 " | b"VP8L" | b"ALPH" | b"ANIM" | b"ICCP" => {}
            b"ANMF" => frame(source, overlay, &chunk)?,
            b"EXIF" if !keeps_exif => {
                let room = chunk.len.min(WINDOW as u64) as usize;
                let exif = upright_exif(source.some(chunk.start + 8, room)?, room)?;
                match exif {
                    Some(exif) => {
                        keeps_exif = true;
                        overlay.write(chunk.start + 8, chunk.end - chunk.start - 8, exif)?;
                    }
                    None => void(overlay, &chunk, *b"VOID")?,
                }
            }
            _ => void(overlay, &chunk, *b"VOID")?,
        }
    }
    Err(Error::TooComplex)
}

/// The chunks of one frame of an animation, behind its 16 bytes of position and duration.
fn frame<R: Read + Seek>(source: &mut Source<'_, R>, overlay: &mut Overlay, parent: &Chunk) -> Result<(), Error> {
    let (mut at, limit) = (parent.start + 24, parent.start + 8 + parent.len);
    for _ in 0..100 {
        if at + 8 > limit {
            return Ok(());
        }
        let chunk = chunk(source, at, limit)?;
        at = chunk.end;
        if !matches!(&chunk.kind, b"VP8 " | b"VP8L" | b"ALPH") {
            void(overlay, &chunk, *b"VOID")?;
        }
    }
    Err(Error::TooComplex)
}

pub(super) fn wav<R: Read + Seek>(source: &mut Source<'_, R>, overlay: &mut Overlay) -> Result<(), Error> {
    let len = source.len();
    let mut at = 12;
    let (mut data_len, mut has_sound) = (None, false);
    for _ in 0..MAX_CHUNKS {
        if at + 8 > len {
            overlay.zero_rest(at)?;
            return if has_sound { Ok(()) } else { Err(Error::NotUnderstood("it has no audio")) };
        }
        let head = source.bytes(at, 8)?;
        let kind: [u8; 4] = take(head, 0).unwrap_or_default();
        let declared = le32(head, 4).unwrap_or_default();
        if &kind == b"ds64" {
            // RF64: the length of `data` in 64 bits. EBU Tech 3306 §3.
            data_len = Some(u64::from_le_bytes(source.array(at + 16)?));
        }
        if &kind == b"data" {
            has_sound = true;
            let content = match declared {
                u32::MAX => data_len.unwrap_or(u64::MAX),
                // A recorder that never finished leaves this.
                0 => u64::MAX,
                declared => declared.into(),
            };
            // A recording truncated in its audio is all audio to its end.
            at = at.saturating_add(8).saturating_add(content).saturating_add(content & 1).min(len);
            continue;
        }
        let found = chunk(source, at, len)?;
        at = found.end;
        if !matches!(&kind, b"fmt " | b"fact" | b"ds64") {
            void(overlay, &found, *b"JUNK")?;
        }
    }
    Err(Error::TooComplex)
}
