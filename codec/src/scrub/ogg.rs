//! Ogg (RFC 3533) with Opus, Vorbis or FLAC, and a Skeleton that describes them.
//!
//! Owns pages and the header packets of each stream. Invariant: a packet keeps its length, so no page changes its
//! layout, and every page whose bytes change gets a matching checksum.

use std::io::{Read, Seek};

use super::overlay::Overlay;
use super::{Error, flac, skeleton, vorbis_comments};
use crate::bytes::{Source, be16, le32};
use crate::checksum;

/// 200 MB in pages of 100 bytes.
const MAX_PAGES: usize = 2_000_000;
/// The most bytes of all streams' header packets together; cover images are among them.
const MAX_HEAD_BYTES: usize = 4 * 1024 * 1024;
/// The most streams, concurrent or consecutive.
const MAX_STREAMS: usize = 16;
/// A page has 27 bytes, then up to 255 lengths, then the packets.
const PAGE_HEADER_BYTES: usize = 27;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Codec {
    Opus,
    Vorbis,
    Flac,
    Skeleton,
}

/// The flag of the last page of a stream.
const LAST_PAGE: u8 = 4;

/// One stream whose header packets are being collected.
struct Stream {
    serial: u32,
    codec: Codec,
    /// The number of header packets still to come. Those of a Skeleton, which has no others, end with its last page.
    packets: u32,
    /// The current packet.
    packet: Vec<u8>,
    /// The locations of its bytes: page (an index into `pages`), offset in the page, length.
    locations: Vec<(usize, usize, usize)>,
    /// Pages that hold header packets: their offsets and their new content.
    pages: Vec<(u64, Vec<u8>)>,
}

pub(super) fn scrub<R: Read + Seek>(source: &mut Source<'_, R>, overlay: &mut Overlay) -> Result<(), Error> {
    let mut streams: Vec<Stream> = Vec::new();
    let (mut at, mut held) = (0, 0);
    for _ in 0..MAX_PAGES {
        if at == source.len() {
            let whole = !streams.is_empty() && streams.iter().all(|stream| stream.packets == 0);
            return if whole { Ok(()) } else { Err(Error::NotUnderstood("it is truncated")) };
        }
        let page = page(source, at)?;
        let (first, serial) = (page.flags & 2 != 0, page.serial);
        let known = streams.iter().position(|stream| stream.serial == serial);
        let stream = match known {
            Some(known) if !first => &mut streams[known],
            None if first && streams.len() < MAX_STREAMS => {
                let data = source.bytes(at, page.bytes)?;
                streams.push(open(serial, data.get(page.head..).unwrap_or_default())?);
                let new = streams.len() - 1;
                &mut streams[new]
            }
            _ => return Err(Error::NotUnderstood("a page belongs to no stream")),
        };
        if stream.codec == Codec::Skeleton && stream.packets == 0 {
            return Err(Error::NotUnderstood("a page follows the last one of its stream"));
        }
        if stream.packets > 0 {
            held += page.bytes;
            if held > MAX_HEAD_BYTES {
                return Err(Error::TooComplex);
            }
            let data = source.bytes(at, page.bytes)?.to_vec();
            stream.take(at, data, &page)?;
            if stream.codec == Codec::Skeleton && page.flags & LAST_PAGE != 0 {
                stream.end_headers()?;
            }
            if stream.packets == 0 {
                stream.finish(source, overlay)?;
            }
        }
        at += page.bytes as u64;
    }
    Err(Error::TooComplex)
}

struct Page {
    flags: u8,
    serial: u32,
    /// Bytes before the packets.
    head: usize,
    /// Total bytes.
    bytes: usize,
}

fn page<R: Read + Seek>(source: &mut Source<'_, R>, at: u64) -> Result<Page, Error> {
    let head = source.bytes(at, PAGE_HEADER_BYTES)?;
    if !head.starts_with(b"OggS\0") {
        return Err(Error::NotUnderstood("a page is missing"));
    }
    let (flags, serial, segments) = (head[5], le32(head, 14).unwrap_or_default(), usize::from(head[26]));
    let lengths = source.bytes(at + PAGE_HEADER_BYTES as u64, segments)?;
    let body: usize = lengths.iter().map(|len| usize::from(*len)).sum();
    let head = PAGE_HEADER_BYTES + segments;
    let bytes = head + body;
    source.bytes(at, bytes)?;
    Ok(Page { flags, serial, head, bytes })
}

fn open(serial: u32, packet: &[u8]) -> Result<Stream, Error> {
    let (codec, packets) = if packet.starts_with(b"OpusHead") {
        (Codec::Opus, 2)
    } else if packet.starts_with(b"\x01vorbis") {
        (Codec::Vorbis, 3)
    } else if packet.starts_with(b"\x7fFLAC") {
        // The number of packets that follow; 0 is "unknown". RFC 9639 §10.1.
        let more =
            be16(packet, 7).filter(|more| *more > 0).ok_or(Error::NotUnderstood("its header packets never end"))?;
        (Codec::Flac, u32::from(more) + 1)
    } else if packet.starts_with(skeleton::HEAD) {
        (Codec::Skeleton, u32::MAX)
    } else {
        return Err(Error::NotUnderstood("a stream has an unsupported codec"));
    };
    Ok(Stream { serial, codec, packets, packet: Vec::new(), locations: Vec::new(), pages: Vec::new() })
}

impl Stream {
    /// Adds a page, packet by packet, until the header packets are complete.
    fn take(&mut self, at: u64, data: Vec<u8>, page: &Page) -> Result<(), Error> {
        let number = self.pages.len();
        let mut offset = page.head;
        let lengths = data.get(PAGE_HEADER_BYTES..page.head).unwrap_or_default().to_vec();
        self.pages.push((at, data));
        for len in lengths {
            if self.packets == 0 {
                break;
            }
            let segment = self.pages[number].1.get(offset..offset + usize::from(len)).unwrap_or_default();
            self.packet.extend(segment);
            self.locations.push((number, offset, usize::from(len)));
            offset += usize::from(len);
            // A packet ends with a segment shorter than 255 bytes. RFC 3533 §5.
            if len < 255 {
                self.finish_packet()?;
            }
        }
        Ok(())
    }

    /// Ends the header packets, also within one.
    fn end_headers(&mut self) -> Result<(), Error> {
        if !self.locations.is_empty() {
            self.finish_packet()?;
        }
        self.packets = 0;
        Ok(())
    }

    fn finish_packet(&mut self) -> Result<(), Error> {
        self.packets -= 1;
        let packet = std::mem::take(&mut self.packet);
        let locations = std::mem::take(&mut self.locations);
        let skip = match (self.codec, packet.first()) {
            (Codec::Skeleton, _) => {
                self.replace(&locations, &skeleton::scrubbed(&packet));
                return Ok(());
            }
            (Codec::Opus, _) if packet.starts_with(b"OpusTags") => 8,
            (Codec::Vorbis, _) if packet.starts_with(b"\x03vorbis") => 7,
            (Codec::Flac, Some(kind)) if kind & 0x7f == flac::COMMENTS => 4,
            // Neither the first packet nor stream information nor a seek table: an image, an application.
            (Codec::Flac, Some(kind)) if !matches!(kind & 0x7f, 0 | 3 | 0x7f) => {
                let mut output = vec![0; packet.len()];
                output
                    .iter_mut()
                    .zip([kind & 0x80 | flac::PADDING].iter().chain(&packet[1..packet.len().min(4)]))
                    .for_each(|(to, from)| *to = *from);
                self.replace(&locations, &output);
                return Ok(());
            }
            _ => return Ok(()),
        };
        let (head, block) = packet.split_at_checked(skip).ok_or(Error::NotUnderstood("its comments cannot be read"))?;
        let output = [head, &vorbis_comments::scrubbed(block)?].concat();
        self.replace(&locations, &output);
        Ok(())
    }

    /// Writes a packet's new bytes at the locations of its old ones.
    fn replace(&mut self, locations: &[(usize, usize, usize)], output: &[u8]) {
        let mut rest = output;
        for &(page, offset, len) in locations {
            let (segment, behind) = rest.split_at(len.min(rest.len()));
            rest = behind;
            if let Some(target) =
                self.pages.get_mut(page).and_then(|page| page.1.get_mut(offset..offset + segment.len()))
            {
                target.copy_from_slice(segment);
            }
        }
    }

    fn finish<R: Read + Seek>(&mut self, source: &mut Source<'_, R>, overlay: &mut Overlay) -> Result<(), Error> {
        for (at, mut new) in std::mem::take(&mut self.pages) {
            let old = source.bytes(at, new.len())?;
            if old != new {
                // The checksum is computed with its own four bytes at 0.
                new[22..26].fill(0);
                let crc = checksum::ogg(0, &new);
                new[22..26].copy_from_slice(&crc.to_le_bytes());
                overlay.replace(at, old, &new)?;
            }
        }
        Ok(())
    }
}
