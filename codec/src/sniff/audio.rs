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
    if head.starts_with(&[0]) {
        return mp3_behind_padding(head, last);
    }
    mp3(head, last)
}

/// An encoder's padding in front of the first frame. Three frames follow it, or the file is no MP3.
fn mp3_behind_padding(head: &[u8], last: bool) -> Option<Sniff> {
    let padding = head.iter().take_while(|byte| **byte == 0).count();
    match mp3(&head[padding..], last) {
        // A file that begins with zeros may be many things: an ISO base media file's first size does, too.
        None if head.len() - padding < 4 && !last => Some(Sniff::NeedMore),
        result => result,
    }
}

fn flac(head: &[u8]) -> Sniff {
    // The first block is STREAMINFO, 34 bytes long. RFC 9639 §8.2.
    match take::<4>(head, 4) {
        Some([0x00 | 0x80, 0, 0, 34]) => Sniff::Known(Format::Flac),
        _ => Sniff::Unknown,
    }
}

fn ogg(head: &[u8]) -> Sniff {
    let packet = match ogg_packet(head) {
        Ok(packet) => packet,
        Err(result) => return result,
    };
    let known = packet.starts_with(b"OpusHead") || packet.starts_with(b"\x01vorbis") || packet.starts_with(b"\x7fFLAC");
    if known { Sniff::Known(Format::Ogg) } else { Sniff::Unknown }
}

/// Returns the beginning of the first packet of the first stream with media, or the result if there is none. A Skeleton
/// stands in front of the streams that it describes, and is the first one. Ogg Skeleton 4.0, "How to identify".
pub(super) fn ogg_packet(head: &[u8]) -> Result<&[u8], Sniff> {
    let mut rest = head;
    for _ in 0..2 {
        if rest.len() >= 4 && !rest.starts_with(b"OggS") {
            return Err(Sniff::Unknown);
        }
        // A page that begins a stream, version 0. RFC 3533 §6.
        let (Some(0), Some(2), Some(&segments)) = (rest.get(4), rest.get(5), rest.get(26)) else {
            return Err(if rest.len() < 27 { Sniff::NeedMore } else { Sniff::Unknown });
        };
        let lengths = rest.get(27..27 + usize::from(segments)).ok_or(Sniff::NeedMore)?;
        let packet = rest.get(27 + lengths.len()..).filter(|packet| packet.len() >= 8).ok_or(Sniff::NeedMore)?;
        if !packet.starts_with(b"fishead\0") {
            return Ok(packet);
        }
        let bytes: usize = lengths.iter().map(|length| usize::from(*length)).sum();
        rest = packet.get(bytes..).ok_or(Sniff::NeedMore)?;
    }
    Err(Sniff::Unknown)
}

/// The most ID3v2 tags in a row.
const MAX_TAGS: usize = 10;
/// The most bytes between a tag and the first frame that belong to neither. Decoders search for the first frame further
/// than this (LAME and mpg123: 64 KB), but what is longer may be another file.
const MAX_JUNK_BYTES: usize = 4096;

/// The bytes behind the ID3v2 tags decide; a tag longer than the head (cover art) is taken for an MP3's.
fn after_id3(head: &[u8], last: bool) -> Sniff {
    let mut rest = head;
    for _ in 0..MAX_TAGS {
        match behind_tag(rest, head.len() >= super::HEAD_BYTES) {
            Ok(behind) if behind.starts_with(b"ID3") => rest = behind,
            Ok(behind) => return audio_behind_tags(head, behind, last),
            Err(result) => return result,
        }
    }
    Sniff::Unknown
}

/// Returns what is behind one tag and its padding, or the result if that is known already.
fn behind_tag(head: &[u8], is_full: bool) -> Result<&[u8], Sniff> {
    let (Some(version), Some(size)) = (head.get(3), take::<4>(head, 6)) else { return Err(Sniff::NeedMore) };
    if !matches!(version, 2..=4) || size.iter().any(|b| *b >= 0x80) {
        return Err(Sniff::Unknown);
    }
    // "Syncsafe": seven bits in each byte. ID3v2.4 §6.2.
    let size = size.iter().fold(0_usize, |sum, b| sum << 7 | usize::from(*b));
    let footer = if head.get(5).is_some_and(|flags| flags & 0x10 != 0) { 10 } else { 0 };
    let first_frame = head.get(10..13).unwrap_or_default();
    if size > 0 && !first_frame.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || *b == 0) {
        return Err(Sniff::Unknown);
    }
    let reaches_beyond = if is_full { Sniff::Known(Format::Mp3) } else { Sniff::NeedMore };
    let rest = head.get(10 + size + footer..).ok_or(reaches_beyond)?;
    let padding = rest.iter().take_while(|b| **b == 0).count();
    Ok(&rest[padding..])
}

fn audio_behind_tags(head: &[u8], rest: &[u8], last: bool) -> Sniff {
    if rest.starts_with(b"fLaC") && rest.len() >= 8 {
        return flac(rest);
    }
    // The tag nearly fills the head: at most one frame header can be required.
    let crowded = head.len() >= super::HEAD_BYTES && rest.len() < 3 * MAX_FRAME_BYTES;
    if crowded && (rest.len() < 4 || Frame::at(rest, 0).is_some()) {
        return Sniff::Known(Format::Mp3);
    }
    match mp3(rest, last) {
        Some(result) => result,
        None if rest.len() < 8 && !last => Sniff::NeedMore,
        None if first_frame_behind_junk(rest, last).is_some() => Sniff::Known(Format::Mp3),
        None if !last && rest.len() < MAX_JUNK_BYTES + 3 * MAX_FRAME_BYTES => Sniff::NeedMore,
        None => Sniff::Unknown,
    }
}

/// Returns the offset of the first of three consecutive consistent frames behind a few bytes that are none.
pub(crate) fn first_frame_behind_junk(data: &[u8], last: bool) -> Option<usize> {
    let starts = memchr::memchr_iter(0xff, data.get(..MAX_JUNK_BYTES).unwrap_or(data));
    starts.into_iter().find(|at| mp3(&data[*at..], last) == Some(Sniff::Known(Format::Mp3)))
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
