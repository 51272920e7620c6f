//! Properties that WAV, FLAC and MP3 files declare.
//!
//! Owns their chunks and blocks in front of the audio data. Invariant: every walk moves forward and takes at most
//! [`MAX_STEPS`].

use std::io::{Read, Seek};

use super::claims::Claims;
use super::cover;
use crate::bytes::{Source, be16, be32, be64, le16, le32, take};
use crate::isobmff::FormatError;

/// The most chunks of a WAV file; FLAC has far fewer blocks.
const MAX_STEPS: usize = 100_000;
const MAX_BLOCKS: usize = 1000;
/// The most consecutive ID3 tags.
const MAX_TAGS: usize = 10;
/// The most frames of one ID3 tag.
const MAX_FRAMES: usize = 10_000;
/// The most bytes that a compressed ID3 frame may expand to: enough for texts, not for images.
const MAX_UNPACKED_BYTES: u64 = 64 * 1024;

/// RIFF and RF64 (EBU Tech 3306).
pub(super) fn wav<R: Read + Seek>(source: &mut Source<'_, R>, claims: &mut Claims) -> Result<(), FormatError> {
    claims.tracks = 1;
    let (mut at, mut wide, mut audio_bytes, mut per_second) = (12_u64, None, None, None);
    for _ in 0..MAX_STEPS {
        if at.saturating_add(8) > source.len() {
            if let Some((bytes, per_second)) = audio_bytes.zip(per_second) {
                claims.duration(bytes, per_second);
            }
            return Ok(());
        }
        let head = source.bytes(at, 8)?;
        let (kind, declared) = (take::<4>(head, 0).unwrap_or_default(), u64::from(le32(head, 4).unwrap_or(0)));
        let body = at + 8;
        let mut len = declared;
        match &kind {
            b"fmt " => per_second = format(source.bytes(body, declared.min(40) as usize)?, claims)?.or(per_second),
            b"ds64" => wide = Some(u64::from_le_bytes(source.array(body + 8)?)),
            b"data" => {
                // A recorder that did not finish leaves 0, or all ones.
                len = match declared {
                    0 => u64::MAX,
                    0xffff_ffff => wide.unwrap_or(u64::MAX),
                    declared => declared,
                };
                audio_bytes = Some(len.min(source.len().saturating_sub(body)));
            }
            b"id3 " | b"ID3 " => {
                claims.tags(declared);
                cover::scan(source, body, body.saturating_add(declared), claims)?;
            }
            _ => {}
        }
        at = body.saturating_add(len).saturating_add(len & 1);
    }
    Err(FormatError::Invalid("it has too many chunks"))
}

/// `fmt `: records rate and channels; returns the bytes of a second of audio.
fn format(data: &[u8], claims: &mut Claims) -> Result<Option<u64>, FormatError> {
    const UNCOMPRESSED: [u16; 5] = [1, 3, 6, 7, 0xfffe];
    let (Some(tag), Some(channels), Some(rate), Some(bytes), Some(block)) =
        (le16(data, 0), le16(data, 2), le32(data, 4), le32(data, 8), le16(data, 12))
    else {
        return Err(FormatError::Invalid("its format cannot be read"));
    };
    claims.rate(rate);
    claims.channels(channels.into());
    if block == 0 {
        return Err(FormatError::Invalid("its samples have no size"));
    }
    let per_second = if UNCOMPRESSED.contains(&tag) { u64::from(rate) * u64::from(block) } else { u64::from(bytes) };
    Ok((per_second > 0).then_some(per_second))
}

/// RFC 9639 §8 and §9.1.
pub(super) fn flac<R: Read + Seek>(source: &mut Source<'_, R>, claims: &mut Claims) -> Result<(), FormatError> {
    claims.tracks = 1;
    let mut at = id3_tags(source, claims)?;
    if !source.some(at, 4)?.starts_with(b"fLaC") {
        return Ok(());
    }
    at += 4;
    let start = at;
    for _ in 0..MAX_BLOCKS {
        let [head, a, b, c] = source.array(at)?;
        let (body, len) = (at + 4, u64::from(u32::from_be_bytes([0, a, b, c])));
        if head.trailing_zeros() >= 7 {
            stream_information(source.bytes(body, len.min(34) as usize)?, claims);
        }
        at = body + len;
        if head & 0x80 != 0 {
            claims.tags(at - start);
            cover::scan(source, start, at, claims)?;
            if let Some(rate) = frame_rate(source.some(at, 16)?) {
                claims.rate(rate);
            }
            return Ok(());
        }
    }
    Err(FormatError::Invalid("it has too many blocks of tags"))
}

/// STREAMINFO: 20 bits of rate, 3 of channels, 5 of depth, 36 of samples, behind ten bytes. §8.2.
pub(super) fn stream_information(block: &[u8], claims: &mut Claims) {
    let Some(packed) = be64(block, 10) else { return };
    let rate = (packed >> 44) as u32;
    claims.rate(rate);
    claims.channels((packed >> 41 & 7) as u32 + 1);
    let samples = packed & 0xf_ffff_ffff;
    if samples > 0 {
        claims.duration(samples, rate.into());
    }
}

/// Returns the rate that a frame header declares, in hertz. §9.1.2 and §9.1.7.
fn frame_rate(frame: &[u8]) -> Option<u32> {
    let codes = *frame.get(2)?;
    // A number of one to seven bytes, encoded as in UTF-8.
    let coded = match frame.get(4)?.leading_ones() {
        0 => 1,
        ones => ones as usize,
    };
    let block = match codes >> 4 {
        6 => 1,
        7 => 2,
        _ => 0,
    };
    let at = 4 + coded + block;
    match codes & 15 {
        12 => Some(u32::from(*frame.get(at)?) * 1000),
        13 => be16(frame, at).map(u32::from),
        14 => be16(frame, at).map(|tens| u32::from(tens) * 10),
        _ => None,
    }
}

/// MP3 frames allow few rates and one or two channels: only the tags in front can be large.
pub(super) fn mp3<R: Read + Seek>(source: &mut Source<'_, R>, claims: &mut Claims) -> Result<(), FormatError> {
    claims.tracks = 1;
    id3_tags(source, claims).map(|_| ())
}

/// Reads the ID3v2 tags at the start; returns the offset behind them.
fn id3_tags<R: Read + Seek>(source: &mut Source<'_, R>, claims: &mut Claims) -> Result<u64, FormatError> {
    let mut at = 0;
    for _ in 0..MAX_TAGS {
        let head = source.some(at, 10)?;
        let Some(size) = head.get(6..10).filter(|_| head.starts_with(b"ID3")).and_then(syncsafe) else { return Ok(at) };
        let (version, flags) = (head[3], head[5]);
        let end = at + 10 + u64::from(size);
        claims.tags(size.into());
        cover::scan(source, at + 10, end, claims)?;
        check_id3_frames(source, at + 10, end, version, flags, claims)?;
        at = end + if version >= 4 && flags & 0x10 != 0 { 10 } else { 0 };
    }
    Err(FormatError::Invalid("it has too many tags"))
}

/// Refuses frames that expand to more than a text: a demuxer expands them before it knows their type. ID3v2.3 §3.3.1,
/// 2.4 §4.1.
fn check_id3_frames<R: Read + Seek>(
    source: &mut Source<'_, R>,
    mut at: u64,
    end: u64,
    version: u8,
    flags: u8,
    claims: &mut Claims,
) -> Result<(), FormatError> {
    if version < 3 {
        return Ok(());
    }
    if flags & 0x40 != 0 {
        let size = source.some(at, 4)?;
        let extended =
            if version == 4 { syncsafe(size).map(u64::from) } else { be32(size, 0).map(|size| u64::from(size) + 4) };
        at = at.saturating_add(extended.unwrap_or(0));
    }
    for _ in 0..MAX_FRAMES {
        if at.saturating_add(10) > end.min(source.len()) {
            return Ok(());
        }
        let head = source.some(at, 14)?;
        let (size, packed) =
            if version == 4 { (syncsafe(head.get(4..8).unwrap_or_default()), 0x08) } else { (be32(head, 4), 0x80) };
        let Some(size) = size.filter(|_| head[0] != 0) else { return Ok(()) };
        if head[9] & packed != 0 {
            claims.tags(if u64::from(be32(head, 10).unwrap_or(u32::MAX)) > MAX_UNPACKED_BYTES { u64::MAX } else { 0 });
        }
        at = at.saturating_add(10).saturating_add(size.into());
    }
    Err(FormatError::Invalid("it has too many tags"))
}

fn syncsafe(bytes: &[u8]) -> Option<u32> {
    (bytes.len() == 4 && bytes.iter().all(|b| *b < 0x80))
        .then(|| bytes.iter().fold(0, |sum, b| sum << 7 | u32::from(*b)))
}
