//! Detects audio by its signature: MP3 (with or without ID3), WAV, FLAC, Ogg.
//!
//! Owns MPEG audio frame headers. Invariant: eleven set bits do not make an MP3; three consecutive consistent frames
//! do.

use super::{Format, Sniff};
use crate::bytes::{be32, take};

pub(super) fn sniff(head: &[u8], last: bool) -> Option<Sniff> {
    if head.starts_with(b"ID3") {
        return Some(after_id3(head, last));
    }
    if head.starts_with(b"fLaC") {
        return Some(flac(head));
    }
    if (head.starts_with(b"RIFF") || head.starts_with(b"RF64")) && head.get(8..12) == Some(b"WAVE") {
        let chunk = head.get(12..16).unwrap_or_default();
        let named = chunk.iter().all(|b| b.is_ascii_alphanumeric() || *b == b' ' || *b == b'_');
        return Some(if named { Sniff::Known(Format::Wav) } else { Sniff::Unknown });
    }
    if head.starts_with(b"OggS") {
        return Some(ogg(head));
    }
    mp3(head, last)
}

fn flac(head: &[u8]) -> Sniff {
    // The first block is STREAMINFO, 34 bytes long. RFC 9639 §8.2.
    match take::<4>(head, 4) {
        Some([0x00 | 0x80, 0, 0, 34]) => Sniff::Known(Format::Flac),
        _ => Sniff::Unknown,
    }
}

fn ogg(head: &[u8]) -> Sniff {
    // A page that begins a stream, version 0. RFC 3533 §6.
    let (Some(0), Some(2), Some(&segments)) = (head.get(4), head.get(5), head.get(26)) else {
        return if head.len() < 27 { Sniff::NeedMore } else { Sniff::Unknown };
    };
    let Some(packet) = head.get(27 + usize::from(segments)..).filter(|p| p.len() >= 8) else {
        return Sniff::NeedMore;
    };
    let known = packet.starts_with(b"OpusHead") || packet.starts_with(b"\x01vorbis") || packet.starts_with(b"\x7fFLAC");
    if known { Sniff::Known(Format::Ogg) } else { Sniff::Unknown }
}

/// The bytes behind an ID3v2 tag decide; a tag longer than the head (cover art) is taken for an MP3's.
fn after_id3(head: &[u8], last: bool) -> Sniff {
    let (Some(version), Some(size)) = (head.get(3), take::<4>(head, 6)) else { return Sniff::NeedMore };
    if !matches!(version, 2..=4) || size.iter().any(|b| *b >= 0x80) {
        return Sniff::Unknown;
    }
    // "Syncsafe": seven bits in each byte. ID3v2.4 §6.2.
    let size = size.iter().fold(0_usize, |sum, b| sum << 7 | usize::from(*b));
    let footer = if head.get(5).is_some_and(|flags| flags & 0x10 != 0) { 10 } else { 0 };
    let first_frame = head.get(10..13).unwrap_or_default();
    if size > 0 && !first_frame.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || *b == 0) {
        return Sniff::Unknown;
    }
    let Some(rest) = head.get(10 + size + footer..) else {
        let fills_the_head = head.len() >= super::HEAD_BYTES;
        return if fills_the_head { Sniff::Known(Format::Mp3) } else { Sniff::NeedMore };
    };
    let padding = rest.iter().take_while(|b| **b == 0).count();
    let rest = &rest[padding..];
    if rest.starts_with(b"fLaC") && rest.len() >= 8 {
        return flac(rest);
    }
    // The tag nearly fills the head: at most one frame header can be required.
    let crowded = head.len() >= super::HEAD_BYTES && rest.len() < 3 * MAX_FRAME_BYTES;
    if crowded && (rest.len() < 4 || Frame::at(rest, 0).is_some()) {
        return Sniff::Known(Format::Mp3);
    }
    match mp3(rest, last) {
        Some(answer) => answer,
        None if rest.len() < 8 && !last => Sniff::NeedMore,
        None => Sniff::Unknown,
    }
}

/// Three consecutive consistent frames, or all frames (at least two) when the file ends.
fn mp3(data: &[u8], last: bool) -> Option<Sniff> {
    let first = Frame::at(data, 0)?;
    let mut at = first.bytes;
    for seen in 1..3 {
        if at + 4 > data.len() {
            let enough = last && seen >= 2;
            return Some(if enough {
                Sniff::Known(Format::Mp3)
            } else if last {
                Sniff::Unknown
            } else {
                Sniff::NeedMore
            });
        }
        let next = Frame::at(data, at).filter(|next| next.stream == first.stream)?;
        at += next.bytes;
    }
    Some(Sniff::Known(Format::Mp3))
}

/// 320 kbit/s at 32 kHz, padded.
const MAX_FRAME_BYTES: usize = 1441;

/// The length in bytes of the MPEG audio frame that starts here, with its header.
pub(crate) fn mpeg_frame_bytes(data: &[u8]) -> Option<usize> {
    Frame::at(data, 0).map(|frame| frame.bytes)
}

struct Frame {
    bytes: usize,
    /// Version and sampling rate, which are constant within a stream.
    stream: u32,
}

impl Frame {
    /// An MPEG audio layer III frame header. ISO/IEC 11172-3 §2.4.2.3 and 13818-3.
    fn at(data: &[u8], at: usize) -> Option<Self> {
        const V1: [usize; 16] = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0];
        const V2: [usize; 16] = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0];
        const RATES: [usize; 3] = [44_100, 48_000, 32_000];
        let word = be32(data, at)?;
        let (sync, version, layer) = (word >> 21, word >> 19 & 3, word >> 17 & 3);
        if sync != 0x7ff || version == 1 || layer != 1 {
            return None;
        }
        let rate = RATES.get((word >> 10 & 3) as usize)?
            >> match version {
                3 => 0,
                2 => 1,
                _ => 2,
            };
        let index = (word >> 12 & 15) as usize;
        let (kilobits, samples) = if version == 3 { (V1[index], 144) } else { (V2[index], 72) };
        let padding = (word >> 9 & 1) as usize;
        let bytes = samples * kilobits * 1000 / rate + padding;
        (kilobits > 0).then_some(Self { bytes, stream: word & 0xfffe_0c00 })
    }
}
