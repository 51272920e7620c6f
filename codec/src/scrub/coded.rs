//! Blanks what a camera writes into coded video itself: user data in H.264 and HEVC, metadata in AV1.
//!
//! Owns walking the units of samples and of decoder configurations. Of a unit that stays only the head is read.
//! Invariant: no unit moves or changes its length, those with pictures stay bit for bit, and the work is linear in the
//! file's length.

use std::io::{Read, Seek};

use super::overlay::Overlay;
use super::{Error, sei};
use crate::bytes::Source;

/// The most units of one file: two hours at sixty pictures a second have half a million pictures.
const MAX_UNITS: usize = 4_000_000;
/// The largest unit that is rewritten, in bytes.
const MAX_UNIT_BYTES: u64 = 32 * 1024;
/// Bytes that are compared at once.
const PIECE_BYTES: u64 = 8 * 1024;

const UNCLEAR: Error = Error::NotUnderstood("its video is not divided as its codec says");

/// How the samples of a track are divided into units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    /// H.264 or HEVC: each unit has its length before it, in so many bytes. ISO/IEC 14496-15 §5.3 and §8.3.
    Nal(NalCodec, usize),
    /// AV1: each unit has its length behind its head.
    Av1,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NalCodec {
    H264,
    Hevc,
}

impl NalCodec {
    fn head_bytes(self) -> usize {
        match self {
            Self::H264 => 1,
            Self::Hevc => 2,
        }
    }

    /// Returns what is done with a unit by the first byte of its head. H.264 table 7-1, H.265 table 7-1.
    fn rule(self, first: u8) -> Rule {
        match (self, first & 31, first >> 1 & 63) {
            (Self::H264, 6, _) | (Self::Hevc, _, 39 | 40) => Rule::Messages,
            (Self::H264, 12, _) | (Self::Hevc, _, 38) => Rule::Filler,
            // Unspecified and reserved, which decoders skip. Two of HEVC's are Dolby Vision's, in every picture.
            (Self::H264, 0 | 22..=31, _) | (Self::Hevc, _, 41..=61) => Rule::Blank,
            _ => Rule::Keep,
        }
    }

    /// Returns filler data as long as a unit.
    fn filler(self, unit: &[u8]) -> Vec<u8> {
        let mut filler = vec![0xff; unit.len()];
        if let Some(last) = filler.last_mut() {
            *last = 0x80;
        }
        let first = unit.first().copied().unwrap_or(0);
        let head = match self {
            Self::H264 => [12, 0],
            Self::Hevc => [first & 0x81 | 38 << 1, unit.get(1).copied().unwrap_or(1)],
        };
        filler.iter_mut().zip(head.iter().take(self.head_bytes())).for_each(|(byte, head)| *byte = *head);
        filler
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    Keep,
    Messages,
    Filler,
    Blank,
}

/// Walks the units of one file.
pub(super) struct Units {
    units_left: usize,
    /// The samples of a file do not overlap.
    bytes_left: u64,
}

impl Units {
    pub(super) fn new(file_len: u64) -> Self {
        Self { units_left: MAX_UNITS, bytes_left: file_len }
    }

    /// Returns how a track is divided that has this decoder configuration, and blanks what is private in it. `kind` is
    /// the type of its box in ISO base media; Matroska has the same content.
    pub(super) fn configuration<R: Read + Seek>(
        &mut self,
        source: &mut Source<'_, R>,
        overlay: &mut Overlay,
        kind: [u8; 4],
        (start, end): (u64, u64),
    ) -> Result<Coding, Error> {
        let fixed = match &kind {
            b"avcC" => 5,
            b"hvcC" => 22,
            _ => 4,
        };
        let head = match end.checked_sub(start) {
            Some(bytes) if bytes > fixed || &kind == b"av1C" => source.some(start, fixed as usize)?.to_vec(),
            _ => return Err(UNCLEAR),
        };
        let length_bytes = |at: usize| head.get(at).map_or(4, |byte| usize::from(byte & 3) + 1);
        let codec = match &kind {
            // Version 1; without it, the samples are divided by start codes.
            b"avcC" if head.first() == Some(&1) => NalCodec::H264,
            b"hvcC" => NalCodec::Hevc,
            b"av1C" => {
                self.obus(source, overlay, (start.saturating_add(fixed).min(end), end), false)?;
                return Ok(Coding::Av1);
            }
            _ => return Err(UNCLEAR),
        };
        let mut at = start + fixed;
        match codec {
            NalCodec::H264 => {
                for mask in [31, 255] {
                    let [count] = source.array(at)?;
                    at = self.unit_list(source, overlay, codec, (at + 1, end), u16::from(count & mask))?;
                }
            }
            NalCodec::Hevc => {
                let [arrays] = source.array(at)?;
                at += 1;
                for _ in 0..arrays {
                    let [_, high, low] = source.array(at)?;
                    let count = u16::from_be_bytes([high, low]);
                    at = self.unit_list(source, overlay, codec, (at + 3, end), count)?;
                }
            }
        }
        Ok(Coding::Nal(codec, length_bytes(if codec == NalCodec::H264 { 4 } else { 21 })))
    }

    /// Units with lengths of two bytes; returns where they end.
    fn unit_list<R: Read + Seek>(
        &mut self,
        source: &mut Source<'_, R>,
        overlay: &mut Overlay,
        codec: NalCodec,
        (mut at, end): (u64, u64),
        count: u16,
    ) -> Result<u64, Error> {
        for _ in 0..count {
            self.count()?;
            let unit = at + 2;
            let unit_end = unit + u64::from(u16::from_be_bytes(source.array(at)?));
            if unit_end > end {
                return Err(UNCLEAR);
            }
            unit_in(source, overlay, codec, unit, unit_end)?;
            at = unit_end;
        }
        Ok(at)
    }

    /// Blanks what is private in a sample; `is_cut` where the file ends in it.
    pub(super) fn sample<R: Read + Seek>(
        &mut self,
        source: &mut Source<'_, R>,
        overlay: &mut Overlay,
        coding: Coding,
        (start, end): (u64, u64),
        is_cut: bool,
    ) -> Result<(), Error> {
        let left = end.checked_sub(start).and_then(|bytes| self.bytes_left.checked_sub(bytes));
        self.bytes_left = left.ok_or(Error::NotUnderstood("its samples overlap"))?;
        let Coding::Nal(codec, length_bytes) = coding else {
            return self.obus(source, overlay, (start, end), is_cut);
        };
        let mut at = start;
        while at < end {
            self.count()?;
            let left = end - at;
            if left < length_bytes as u64 {
                let is_zero = source.bytes(at, left as usize)?.iter().all(|byte| *byte == 0);
                return if is_cut || is_zero { Ok(()) } else { Err(UNCLEAR) };
            }
            let length = source.bytes(at, length_bytes)?.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
            let unit = at + length_bytes as u64;
            let unit_end = match unit + length {
                unit_end if unit_end <= end => unit_end,
                _ if is_cut => end,
                _ => return Err(UNCLEAR),
            };
            unit_in(source, overlay, codec, unit, unit_end)?;
            at = unit_end;
        }
        Ok(())
    }

    /// AV1 specification §5.3 and §6.2: metadata becomes padding, except that of colours and of layers.
    fn obus<R: Read + Seek>(
        &mut self,
        source: &mut Source<'_, R>,
        overlay: &mut Overlay,
        (mut at, end): (u64, u64),
        is_cut: bool,
    ) -> Result<(), Error> {
        while at < end {
            self.count()?;
            let head = source.some(at, 10)?;
            let first = head.first().copied().ok_or(UNCLEAR)?;
            let before_size = 1 + usize::from(first >> 2 & 1);
            let (bytes, size_bytes) = if first & 2 == 0 {
                ((end - at).saturating_sub(before_size as u64), 0)
            } else {
                match leb128(head.get(before_size..).unwrap_or_default()) {
                    Some(size) => size,
                    None if is_cut => return Ok(()),
                    None => return Err(UNCLEAR),
                }
            };
            let body = at + (before_size + size_bytes) as u64;
            let unit_end = match body.saturating_add(bytes) {
                unit_end if unit_end <= end => unit_end,
                _ if is_cut && body <= end => end,
                _ if is_cut => return Ok(()),
                _ => return Err(UNCLEAR),
            };
            let is_kept = match first >> 3 & 15 {
                1..=4 | 6..=8 => true,
                // Light levels, the mastering display, scalability.
                5 => matches!(leb128(source.some(body, 8)?), Some((1..=3, _))),
                15 => is_filler(source, body, unit_end)?,
                _ => false,
            };
            if !is_kept {
                let mut fill = vec![first & 0x87 | 15 << 3];
                fill.extend(source.bytes(at, (body - at) as usize)?.iter().skip(1));
                // Its trailing bits: a one and zeros. §6.7.
                fill.extend((unit_end > body).then_some(0x80_u8));
                overlay.write(at, unit_end - at, fill)?;
            }
            at = unit_end;
        }
        Ok(())
    }

    fn count(&mut self) -> Result<(), Error> {
        self.units_left = self.units_left.checked_sub(1).ok_or(Error::TooComplex)?;
        Ok(())
    }
}

fn unit_in<R: Read + Seek>(
    source: &mut Source<'_, R>,
    overlay: &mut Overlay,
    codec: NalCodec,
    start: u64,
    end: u64,
) -> Result<(), Error> {
    if start == end {
        return Ok(());
    }
    let [first] = source.array(start)?;
    let (rule, head) = (codec.rule(first), codec.head_bytes());
    if rule == Rule::Keep || (rule == Rule::Filler && is_filler(source, start + head as u64, end)?) {
        return Ok(());
    }
    if end - start > MAX_UNIT_BYTES {
        return Err(Error::TooComplex);
    }
    let unit = source.bytes(start, (end - start) as usize)?.to_vec();
    let without = if rule == Rule::Messages { sei::blank(&unit, head) } else { None };
    overlay.replace(start, &unit, &without.unwrap_or_else(|| codec.filler(&unit)))
}

/// Returns whether there is nothing but what encoders fill with.
fn is_filler<R: Read + Seek>(source: &mut Source<'_, R>, mut at: u64, end: u64) -> Result<bool, Error> {
    while at < end {
        let piece = source.bytes(at, PIECE_BYTES.min(end - at) as usize)?;
        if !piece.iter().all(|byte| matches!(byte, 0 | 0x80 | 0xff)) {
            return Ok(false);
        }
        at += piece.len() as u64;
    }
    Ok(true)
}

/// Reads a number of seven bits in each byte, and returns in how many bytes it is. AV1 specification §4.10.5.
fn leb128(data: &[u8]) -> Option<(u64, usize)> {
    let bytes = data.iter().take(8).position(|byte| byte & 0x80 == 0)? + 1;
    let digits = data.iter().take(bytes).rev();
    Some((digits.fold(0, |sum, byte| sum << 7 | u64::from(byte & 0x7f)), bytes))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::super::apply;
    use super::*;

    fn scrubbed(coding: Coding, sample: &[u8]) -> Result<Vec<u8>, Error> {
        let (mut cursor, len) = (Cursor::new(sample), sample.len() as u64);
        let (mut source, mut overlay) = (Source::new(&mut cursor, len), Overlay::new(len));
        Units::new(len).sample(&mut source, &mut overlay, coding, (0, len), false)?;
        let mut output = sample.to_vec();
        apply(&overlay.finish()?, 0, &mut output);
        Ok(output)
    }

    const H264: Coding = Coding::Nal(NalCodec::H264, 2);

    #[test]
    fn messages_are_blanked_and_unknown_units_become_filler() {
        let sample = b"\0\x02\x09\x10\0\x08\x06\x05\x04here\x80\0\x05\x1eplac\0\x05\x06\x05\x63no\0\x03\x65\0\x05";
        let wanted = b"\0\x02\x09\x10\0\x08\x06\x05\x04\xff\xff\xff\xff\x80\0\x05\x0c\xff\xff\xff\x80\
            \0\x05\x0c\xff\xff\xff\x80\0\x03\x65\0\x05";
        assert_eq!(scrubbed(H264, sample).unwrap(), wanted);
        assert_eq!(scrubbed(H264, wanted).unwrap(), wanted);
        let hevc = Coding::Nal(NalCodec::Hevc, 1);
        let sample = b"\x08\x4e\x01\x05\x03now\x80\x04\x26\x01\x05\x03\x04\x70\x01at";
        let wanted = b"\x08\x4e\x01\x05\x03\xff\xff\xff\x80\x04\x26\x01\x05\x03\x04\x4c\x01\xff\x80";
        assert_eq!(scrubbed(hevc, sample).unwrap(), wanted);
    }

    #[test]
    fn metadata_becomes_padding_except_that_of_colours() {
        // A temporal delimiter, light levels, what is registered, a frame without a length.
        let sample = b"\x12\0\x2a\x06\x01\0\x10\0\x20\x80\x2a\x06\x04place\x30coded";
        let wanted = b"\x12\0\x2a\x06\x01\0\x10\0\x20\x80\x7a\x06\x80\0\0\0\0\0\x30coded";
        assert_eq!(scrubbed(Coding::Av1, sample).unwrap(), wanted);
        assert_eq!(scrubbed(Coding::Av1, wanted).unwrap(), wanted);
    }

    #[test]
    fn what_is_divided_otherwise_is_an_error() {
        assert!(scrubbed(H264, b"\0\x09\x65\0").is_err());
        assert!(scrubbed(Coding::Nal(NalCodec::H264, 4), b"\0\0\0\x01\x65\x88\x80\0\0\0\x01\x41").is_err());
        assert!(scrubbed(Coding::Av1, b"\x2a\x09\x04").is_err());
    }

    proptest! {
        #[test]
        fn any_sample_keeps_its_length(sample in proptest::collection::vec(0_u8..40, 0..200), codec in 0..3) {
            let codings = [H264, Coding::Nal(NalCodec::Hevc, 1), Coding::Av1];
            if let Ok(output) = scrubbed(codings[codec as usize], &sample) {
                prop_assert_eq!(output.len(), sample.len());
                prop_assert_eq!(scrubbed(codings[codec as usize], &output).unwrap(), output);
            }
        }
    }
}
