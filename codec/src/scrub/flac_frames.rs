//! The frames of a FLAC stream (RFC 9639, section 9): where the audio ends.
//!
//! Owns the walk over frames, by their checksums alone; decodes no sample. Invariant: what lies behind the last whole
//! frame is never taken for audio.

use std::io::{Read, Seek};

use super::Error;
use crate::bytes::{Source, WINDOW};

/// The largest frame that is walked over, in bytes. The format allows 16 MiB; encoders write some 20 KiB.
const MAX_FRAME_BYTES: u64 = 4 * 1024 * 1024;
/// The shortest frame: a header of six bytes, a byte for each channel's only sample, and the checksum.
const MIN_FRAME_BYTES: u64 = 8;
/// The longest header: four fixed bytes, a coded number of seven, two for the block size, two for the rate, one
/// checksum.
const MAX_HEADER_BYTES: usize = 16;

/// CRC-16 with the polynomial x¹⁶ + x¹⁵ + x² + 1, start 0, over a whole frame (section 9.3).
static CRC16: [u16; 256] = {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut value = (index as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 0x8000 == 0 { value << 1 } else { value << 1 ^ 0x8005 };
            bit += 1;
        }
        table[index] = value;
        index += 1;
    }
    table
};

pub(super) fn crc16(crc: u16, byte: u8) -> u16 {
    crc << 8 ^ CRC16[usize::from((crc >> 8) as u8 ^ byte)]
}

/// CRC-8 with the polynomial x⁸ + x² + x + 1, start 0, over a frame's header (section 9.1.8).
pub(super) fn crc8(data: &[u8]) -> u8 {
    data.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ byte, |crc: u8, _| if crc & 0x80 == 0 { crc << 1 } else { crc << 1 ^ 0x07 })
    })
}

/// Whether a frame's header begins here, its checksum included.
fn is_header(data: &[u8]) -> bool {
    let &[0xff, 0xf8 | 0xf9, sizes, channels, first, ..] = data else { return false };
    let (block, rate) = (sizes >> 4, sizes & 0x0f);
    // Reserved codes: section 9.1, tables 14 to 17.
    if block == 0 || rate == 0x0f || channels >> 4 > 10 || channels & 0x0f == 0x06 || channels & 1 != 0 {
        return false;
    }
    // The number of the frame or of its first sample is coded as UTF-8 codes a character, up to seven bytes.
    let number = match first.leading_ones() {
        0 => 1,
        1 | 8 => return false,
        bytes => bytes as usize,
    };
    let block = usize::from(matches!(block, 6 | 7)) + usize::from(block == 7);
    let rate = usize::from(matches!(rate, 12..=14)) + usize::from(matches!(rate, 13 | 14));
    let checksum = 4 + number + block + rate;
    data.get(..checksum).zip(data.get(checksum)).is_some_and(|(header, checksum)| crc8(header) == *checksum)
}

/// Returns where the last whole frame of a stream ends whose first frame begins at `from`. Nothing at `end` or later is
/// looked at.
///
/// A rest that has a header of another frame in it is an error, not an end: a damaged frame, or a second stream with
/// metadata of its own.
pub(super) fn end_of_audio<R: Read + Seek>(source: &mut Source<'_, R>, from: u64, end: u64) -> Result<u64, Error> {
    let (mut frame, mut crc, mut at) = (from, 0, from);
    // Where the last frame seems to end, if something else follows it. By chance a checksum holds in the middle of a
    // frame too: then the last tenth of a second is blanked with what follows.
    let mut last = None;
    while at < end && at - frame <= MAX_FRAME_BYTES {
        let window = (end - at).min(WINDOW as u64) as usize;
        let bytes = source.bytes(at, window)?.to_vec();
        // The last few bytes are looked at again with what follows them, as a header may begin there.
        let taken = if at + (window as u64) < end { window - MAX_HEADER_BYTES } else { window };
        for (index, byte) in bytes.iter().take(taken).enumerate() {
            crc = crc16(crc, *byte);
            // A frame ends with its own checksum, which leaves nothing over.
            let next = at + index as u64 + 1;
            if crc != 0 || next - frame <= MIN_FRAME_BYTES {
                continue;
            }
            if next == end || is_header(bytes.get(index + 1..).unwrap_or_default()) {
                (frame, last) = (next, None);
            } else {
                last = last.or(Some(next));
            }
        }
        at += taken as u64;
    }
    if frame == end {
        return Ok(end);
    }
    let audio = last.unwrap_or(frame);
    if audio == from || has_header(source, frame + 1, end)? {
        return Err(Error::NotUnderstood("its audio can't be followed to its end"));
    }
    Ok(audio)
}

fn has_header<R: Read + Seek>(source: &mut Source<'_, R>, from: u64, end: u64) -> Result<bool, Error> {
    let mut at = from;
    while at < end {
        let window = (end - at).min(WINDOW as u64) as usize;
        let bytes = source.bytes(at, window)?;
        let begins = memchr::memchr_iter(0xff, bytes).any(|index| is_header(bytes.get(index..).unwrap_or_default()));
        if begins {
            return Ok(true);
        }
        let is_last = at + (window as u64) == end;
        at += if is_last { window } else { window - MAX_HEADER_BYTES } as u64;
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::super::tests::files::flac_frame;
    use super::*;

    fn end(data: &[u8], from: usize) -> Result<u64, Error> {
        let mut cursor = Cursor::new(data);
        end_of_audio(&mut Source::new(&mut cursor, data.len() as u64), from as u64, data.len() as u64)
    }

    #[test]
    fn known_checksums() {
        // The check values of the catalogues (CRC-8/SMBUS, CRC-16/UMTS).
        assert_eq!(crc8(b"123456789"), 0xf4);
        assert_eq!(b"123456789".iter().fold(0, |crc, byte| crc16(crc, *byte)), 0xfee8);
    }

    #[test]
    fn the_audio_ends_with_its_last_whole_frame() {
        let frames: Vec<u8> = (0..40).flat_map(|number| flac_frame(number, 2000)).collect();
        let data = [b"head".to_vec(), frames.clone()].concat();
        let whole = data.len() as u64;
        assert!(whole > WINDOW as u64);
        assert_eq!(end(&data, 4).unwrap(), whole);
        for tail in [&b"ID3\x04GPSSECRET"[..], b"<html>", &[0xff; 40], &flac_frame(40, 2000)[..1500]] {
            assert_eq!(end(&[&data[..], tail].concat(), 4).unwrap(), whole, "{:?}", &tail[..tail.len().min(10)]);
        }
    }

    #[test]
    fn a_second_stream_a_damaged_frame_and_none_at_all_are_not_understood() {
        let frames: Vec<u8> = (0..3).flat_map(|number| flac_frame(number, 1000)).collect();
        let chained = [&frames[..], b"fLaC\x84\0\0\x09GPSSECRET", &frames].concat();
        assert!(matches!(end(&chained, 0), Err(Error::NotUnderstood(_))));
        let mut damaged = frames.clone();
        damaged[1500] ^= 1;
        assert!(matches!(end(&damaged, 0), Err(Error::NotUnderstood(_))));
        assert!(matches!(end(b"no frame at all", 0), Err(Error::NotUnderstood(_))));
    }
}
