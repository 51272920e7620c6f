//! FLAC (RFC 9639): metadata blocks, and what follows the audio.
//!
//! Owns the list of blocks that stay. Invariant: blanked blocks become padding of the same length, and of what
//! follows the last frame only an ID3v1 tag stays.

use std::io::{Read, Seek};

use super::overlay::Overlay;
use super::{Error, flac_frames, id3, vorbis_comments};
use crate::bytes::Source;

/// The largest comment block that is read, in bytes. Images have blocks of their own.
const MAX_COMMENTS_BYTES: u64 = 1024 * 1024;
const MAX_BLOCKS: usize = 1000;
pub(super) const PADDING: u8 = 1;
pub(super) const COMMENTS: u8 = 4;

pub(super) fn scrub<R: Read + Seek>(source: &mut Source<'_, R>, overlay: &mut Overlay) -> Result<(), Error> {
    let mut at = id3::scrub_leading(source, overlay)?;
    if &source.array::<4>(at)? != b"fLaC" {
        return Err(Error::NotUnderstood("it does not start as FLAC"));
    }
    at += 4;
    for _ in 0..MAX_BLOCKS {
        let [head, a, b, c] = source.array(at)?;
        let (body, len) = (at + 4, u64::from(u32::from_be_bytes([0, a, b, c])));
        match head & 0x7f {
            // Stream information and seek table.
            0 | 3 => {}
            COMMENTS if len <= MAX_COMMENTS_BYTES => {
                let block = source.vector(body, len)?;
                overlay.replace(body, &block, &vorbis_comments::scrubbed(&block)?)?;
            }
            127 => return Err(Error::NotUnderstood("a block is not one of FLAC's")),
            // Applications, cue sheets, images, and any block type added later.
            _ => {
                overlay.write(at, 1, vec![head & 0x80 | PADDING])?;
                overlay.zero(body, len)?;
            }
        }
        at = body + len;
        if head & 0x80 != 0 {
            // The first frame: fourteen set bits. §9.1.
            let [sync, more] = source.array(at)?;
            if sync != 0xff || more & 0xfc != 0xf8 {
                return Err(Error::NotUnderstood("its audio does not start at the expected position"));
            }
            let end = id3::scrub_trailing(source, overlay, at)?;
            let audio = flac_frames::end_of_audio(source, at, end)?;
            return overlay.zero(audio, end - audio);
        }
    }
    Err(Error::TooComplex)
}
