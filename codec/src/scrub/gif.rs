//! GIF: extension blocks.
//!
//! Owns telling extensions that control the animation from those that contain text. Invariant: a blanked extension is a
//! comment of zeros whose sub-blocks end where the old ones ended (XMP in GIF uses its own text as sub-block lengths,
//! so zeroing the data alone would leave some of it).

use std::io::{Read, Seek};

use super::Error;
use super::overlay::Overlay;
use crate::bytes::Source;

/// 25 MB in sub-blocks of a few bytes.
const MAX_BLOCKS: usize = 8_000_000;
/// The longest extension that is rewritten, in bytes.
const MAX_EXTENSION_BYTES: u64 = 200 * 1024;

pub(super) fn scrub<R: Read + Seek>(source: &mut Source<'_, R>, overlay: &mut Overlay) -> Result<(), Error> {
    let mut blocks_left = MAX_BLOCKS;
    let [flags] = source.array(10)?;
    let mut at = 13 + color_table_bytes(flags);
    loop {
        blocks_left = blocks_left.checked_sub(1).ok_or(Error::TooComplex)?;
        let [block] = source.array(at)?;
        match block {
            0x3b => return overlay.zero_rest(at + 1),
            0x2c => {
                let [flags] = source.array(at + 9)?;
                at = after_sub_blocks(source, at + 11 + color_table_bytes(flags), &mut blocks_left)?;
            }
            0x21 => {
                let [label] = source.array(at + 1)?;
                let end = after_sub_blocks(source, at + 2, &mut blocks_left)?;
                if !is_animation_extension(source, at, label)? {
                    blank_extension(overlay, at + 1, end)?;
                }
                at = end;
            }
            _ => return Err(Error::NotUnderstood("a block is not one of GIF's")),
        }
    }
}

/// Graphic control, the loop count under both its names, and a colour profile.
fn is_animation_extension<R: Read + Seek>(source: &mut Source<'_, R>, at: u64, label: u8) -> Result<bool, Error> {
    match label {
        0xf9 => Ok(true),
        0xff => {
            Ok(matches!(&source.array::<12>(at + 2)?, b"\x0bNETSCAPE2.0" | b"\x0bANIMEXTS1.0" | b"\x0bICCRGBG1012"))
        }
        _ => Ok(false),
    }
}

/// Replaces the extension whose label is at `label` by a comment of zeros that ends at `end`.
fn blank_extension(overlay: &mut Overlay, label: u64, end: u64) -> Result<(), Error> {
    // Between the label and the terminator.
    let bytes = end - label - 2;
    if bytes > MAX_EXTENSION_BYTES {
        return Err(Error::TooComplex);
    }
    let mut fill = vec![0xfe];
    let mut bytes_left = bytes as usize;
    while bytes_left > 0 {
        // A sub-block is a length and at least one byte, so a single byte must not be left over.
        let block = match bytes_left {
            257 => 255,
            more => more.min(256),
        };
        fill.push((block - 1) as u8);
        fill.resize(fill.len() + block - 1, 0);
        bytes_left -= block;
    }
    overlay.write(label, 1 + bytes, fill)
}

fn after_sub_blocks<R: Read + Seek>(
    source: &mut Source<'_, R>,
    mut at: u64,
    blocks_left: &mut usize,
) -> Result<u64, Error> {
    loop {
        *blocks_left = blocks_left.checked_sub(1).ok_or(Error::TooComplex)?;
        let [len] = source.array(at)?;
        at += 1 + u64::from(len);
        if len == 0 {
            return Ok(at);
        }
    }
}

fn color_table_bytes(flags: u8) -> u64 {
    if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) }
}
