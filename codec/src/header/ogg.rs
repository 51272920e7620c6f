//! Claims of an Ogg file: the header packets of its streams and the images in their comments.
//!
//! Owns collecting the packets at the start of each stream. Invariant: at most [`MAX_STREAMS`] streams and
//! [`MAX_HEAD_BYTES`] bytes of their header packets are in memory, and [`MAX_PAGES`] pages are visited.

use std::io::{Read, Seek};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::claims::Claims;
use super::{audio, cover};
use crate::bytes::{Source, be16, le32};
use crate::isobmff::FormatError;

const MAX_STREAMS: usize = 32;
/// The most bytes of all header packets together. Larger ones count as tags without bound.
const MAX_HEAD_BYTES: usize = 4 * 1024 * 1024;
const MAX_PAGES: usize = 10_000;
const PAGE_HEADER_BYTES: u64 = 27;
/// The comment that contains an image.
const PICTURE: &[u8] = b"METADATA_BLOCK_PICTURE=";

struct Stream {
    serial: u32,
    /// The number of header packets still to come.
    left: u32,
    packet: Vec<u8>,
}

pub(super) fn walk<R: Read + Seek>(source: &mut Source<'_, R>, claims: &mut Claims) -> Result<(), FormatError> {
    let mut streams: Vec<Stream> = Vec::new();
    let (mut at, mut held) = (0_u64, 0_usize);
    for _ in 0..MAX_PAGES {
        if at >= source.len() {
            return Ok(());
        }
        let head = source.bytes(at, PAGE_HEADER_BYTES as usize)?;
        if !head.starts_with(b"OggS") {
            return Ok(());
        }
        let (begins, serial, segments) = (head[5] & 2 != 0, le32(head, 14).unwrap_or(0), usize::from(head[26]));
        let lengths = source.bytes(at + PAGE_HEADER_BYTES, segments)?.to_vec();
        let body = at + PAGE_HEADER_BYTES + segments as u64;
        let bytes: usize = lengths.iter().map(|len| usize::from(*len)).sum();
        at = body + bytes as u64;
        if begins {
            claims.tracks = claims.tracks.saturating_add(1);
            if streams.len() < MAX_STREAMS {
                streams.push(Stream { serial, left: 1, packet: Vec::new() });
            }
        } else if streams.iter().all(|stream| stream.left == 0) {
            // Audio data begins. Streams that begin later have similar header packets, or a converter stops there.
            return Ok(());
        }
        // The latest stream of this number: one may end and another begin.
        let Some(stream) =
            streams.iter_mut().rev().find(|stream| stream.serial == serial).filter(|stream| stream.left > 0)
        else {
            continue;
        };
        held += bytes;
        if held > MAX_HEAD_BYTES {
            claims.tags(u64::MAX);
            return Ok(());
        }
        let data = source.bytes(body, bytes)?;
        let mut offset = 0;
        for len in lengths {
            let end = offset + usize::from(len);
            stream.packet.extend(data.get(offset..end).unwrap_or_default());
            offset = end;
            // A packet ends with a segment shorter than 255 bytes. RFC 3533 §5.
            if len < 255 && stream.left > 0 {
                let packet = std::mem::take(&mut stream.packet);
                stream.left = stream.left - 1 + read_packet(&packet, claims);
            }
        }
    }
    Err(FormatError::Invalid("its header packets have too many pages"))
}

/// Reads a header packet; returns how many more header packets it declares.
fn read_packet(packet: &[u8], claims: &mut Claims) -> u32 {
    if packet.starts_with(b"OpusHead") {
        claims.channels(packet.get(9).copied().unwrap_or(0).into());
        1
    } else if packet.starts_with(b"\x01vorbis") {
        vorbis(packet, claims);
        1
    } else if packet.starts_with(b"\x7fFLAC") {
        audio::stream_information(packet.get(17..).unwrap_or_default(), claims);
        // The number of packets that follow; 0 is "unknown", and then the first is the comments. RFC 9639 §10.1.
        be16(packet, 7).map_or(1, |more| u32::from(more).max(1))
    } else {
        claims.tags(packet.len() as u64);
        cover::scan_bytes(packet, claims);
        comments(packet, claims);
        0
    }
}

/// The identification header: channels, then rate, behind seven bytes and a version. Vorbis I §4.2.2.
pub(super) fn vorbis(packet: &[u8], claims: &mut Claims) {
    claims.channels(packet.get(11).copied().unwrap_or(0).into());
    claims.rate(le32(packet, 12).unwrap_or(0));
}

/// Images in comments are base64-encoded; the position of the comment does not matter.
fn comments(packet: &[u8], claims: &mut Claims) {
    let mut rest = packet;
    while let Some(at) = rest.windows(PICTURE.len()).position(|name| name.eq_ignore_ascii_case(PICTURE)) {
        rest = rest.get(at + PICTURE.len()..).unwrap_or_default();
        let coded = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/')).count();
        let whole = rest.get(..coded - coded % 4).unwrap_or_default();
        if let Ok(block) = STANDARD.decode(whole) {
            cover::scan_bytes(&block, claims);
        }
    }
}
