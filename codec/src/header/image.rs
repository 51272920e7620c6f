//! Dimensions and orientation of JPEG, PNG, WebP and GIF.
//!
//! Owns their segment and chunk walks. Invariant: every walk moves forward and takes at most [`MAX_STEPS`].

use std::io::{Read, Seek};

use super::ImageHeader;
use crate::bytes::{Source, be16, be32, le16, le24, le32};
use crate::isobmff::FormatError;
use crate::tiff::Tiff;

/// The most segments or chunks of an image. 25 MB in chunks of 64 bytes.
const MAX_STEPS: usize = 400_000;
const NO_AREA: FormatError = FormatError::Invalid("it has no area");
const TOO_MANY_SEGMENTS: FormatError = FormatError::Invalid("it has too many segments");

/// A JPEG marker segment; offsets are from the start of the input.
pub(crate) struct Segment {
    /// The marker's second byte.
    pub(crate) marker: u8,
    /// Offset of its content, behind the length.
    pub(crate) body: u64,
    /// Bytes of content.
    pub(crate) len: usize,
}

impl Segment {
    /// Offset of the next segment.
    pub(crate) fn end(&self) -> u64 {
        self.body + self.len as u64
    }
}

/// Returns whether a marker is APPn or COM: metadata, not image data.
pub(crate) fn is_metadata(marker: u8) -> bool {
    matches!(marker, 0xe0..=0xef | 0xfe)
}

/// Returns the marker segment at `at`. ITU-T T.81 §B.1.1. Markers without content have length 0.
pub(crate) fn segment<R: Read + Seek>(source: &mut Source<'_, R>, at: u64) -> Result<Segment, FormatError> {
    let [ff, mut marker] = source.array(at)?;
    if ff != 0xff {
        return Err(FormatError::Invalid("a marker is missing"));
    }
    let mut at = at + 2;
    // Any number of fill bytes may precede a marker; a few are accepted.
    let mut fill = 0;
    while marker == 0xff {
        [marker] = source.array(at)?;
        at += 1;
        fill += 1;
        if fill > 1024 {
            return Err(TOO_MANY_SEGMENTS);
        }
    }
    if matches!(marker, 0x01 | 0xd0..=0xd9) {
        return Ok(Segment { marker, body: at, len: 0 });
    }
    let len = u16::from_be_bytes(source.array(at)?);
    let len = len.checked_sub(2).ok_or(FormatError::Invalid("a segment is shorter than its own length"))?;
    Ok(Segment { marker, body: at + 2, len: usize::from(len) })
}

pub(super) fn jpeg<R: Read + Seek>(source: &mut Source<'_, R>) -> Result<ImageHeader, FormatError> {
    let (mut at, mut size, mut orientation) = (2, None, None);
    for _ in 0..MAX_STEPS {
        let segment = segment(source, at)?;
        at = segment.end();
        match segment.marker {
            // Start of frame, all processes; C4, C8 and CC are tables. T.81 table B.1.
            0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => {
                let frame = source.bytes(segment.body, 5)?;
                size = size.or(be16(frame, 3).zip(be16(frame, 1)));
            }
            0xe1 if orientation.is_none() => {
                let data = source.bytes(segment.body, segment.len)?;
                if data.starts_with(b"Exif\0\0") {
                    orientation = Some(Tiff::open_exif(data).and_then(|tiff| tiff.orientation()).unwrap_or(1));
                }
            }
            // Start of scan: the pixels begin.
            0xda => break,
            0xd8 | 0xd9 => return Err(FormatError::Invalid("it ends before its pixels begin")),
            _ => {}
        }
    }
    let (width, height) = size.ok_or(FormatError::Invalid("its pixels begin before their size"))?;
    ImageHeader::new(width.into(), height.into(), orientation.unwrap_or(1), None).ok_or(NO_AREA)
}

pub(super) fn png<R: Read + Seek>(source: &mut Source<'_, R>, whole: bool) -> Result<ImageHeader, FormatError> {
    let head = source.bytes(0, 24)?;
    let (width, height) = be32(head, 16).zip(be32(head, 20)).ok_or(NO_AREA)?;
    if width > i32::MAX as u32 || height > i32::MAX as u32 {
        return Err(FormatError::Invalid("its size is out of range"));
    }
    let (mut at, mut frames, mut orientation) = (8_u64, None, None);
    let mut has_pixels = false;
    for _ in 0..MAX_STEPS {
        // An image that is cut off shows what is there.
        if has_pixels && source.len().saturating_sub(at) < 12 {
            break;
        }
        let chunk = source.bytes(at, 8)?;
        let len = be32(chunk, 0).unwrap_or_default();
        let kind = chunk.get(4..8).unwrap_or_default();
        match kind {
            b"IDAT" if !whole => break,
            b"IDAT" => has_pixels = true,
            b"IEND" => break,
            b"acTL" => frames = be32(source.bytes(at + 8, 4)?, 0),
            b"eXIf" if orientation.is_none() => {
                let data = source.bytes(at + 8, (len as usize).min(64 * 1024))?;
                orientation = Tiff::open_exif(data).and_then(|tiff| tiff.orientation());
            }
            _ => {}
        }
        at += 12 + u64::from(len);
    }
    ImageHeader::new(width, height, orientation.unwrap_or(1), frames).ok_or(NO_AREA)
}

pub(super) fn webp<R: Read + Seek>(source: &mut Source<'_, R>, whole: bool) -> Result<ImageHeader, FormatError> {
    let head = source.bytes(0, 30)?;
    let size = match head.get(12..16) {
        // RFC 9649 §2.7: canvas minus one.
        Some(b"VP8X") => le24(head, 24).zip(le24(head, 27)).map(|(w, h)| (w + 1, h + 1)),
        // RFC 6386 §9.1: key frame start code, then 14 bits each.
        Some(b"VP8 ") if head.get(23..26) == Some(&[0x9d, 0x01, 0x2a]) => {
            le16(head, 26).zip(le16(head, 28)).map(|(w, h)| (u32::from(w & 0x3fff), u32::from(h & 0x3fff)))
        }
        // RFC 9649 §3.4: signature 0x2f, then 14 bits each, minus one.
        Some(b"VP8L") if head.get(20) == Some(&0x2f) => {
            le32(head, 21).map(|bits| ((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1))
        }
        _ => None,
    };
    let (width, height) = size.ok_or(FormatError::Invalid("its first chunk is not a WebP image"))?;
    let has_exif = head.get(12..16) == Some(b"VP8X") && head.get(20).is_some_and(|flags| flags & 0x08 != 0);
    let end = 8 + u64::from(le32(head, 4).unwrap_or_default());
    let orientation = if whole && has_exif { webp_orientation(source, end)? } else { None };
    ImageHeader::new(width, height, orientation.unwrap_or(1), None).ok_or(NO_AREA)
}

fn webp_orientation<R: Read + Seek>(source: &mut Source<'_, R>, end: u64) -> Result<Option<u8>, FormatError> {
    let (mut at, end) = (12, end.min(source.len()));
    for _ in 0..MAX_STEPS {
        if at + 8 > end {
            return Ok(None);
        }
        let chunk = source.bytes(at, 8)?;
        let len = le32(chunk, 4).unwrap_or_default();
        if chunk.starts_with(b"EXIF") {
            let data = source.some(at + 8, (len as usize).min(64 * 1024))?;
            return Ok(Tiff::open_exif(data).and_then(|tiff| tiff.orientation()));
        }
        at += 8 + u64::from(len) + u64::from(len & 1);
    }
    Err(TOO_MANY_SEGMENTS)
}

pub(super) fn gif<R: Read + Seek>(source: &mut Source<'_, R>) -> Result<ImageHeader, FormatError> {
    let head = source.bytes(0, 13)?;
    let (width, height) = le16(head, 6).zip(le16(head, 8)).ok_or(NO_AREA)?;
    if width > 0 && height > 0 {
        return ImageHeader::new(width.into(), height.into(), 1, None).ok_or(NO_AREA);
    }
    // A screen without area is as large as what its first frame covers, as browsers see it.
    let behind_colors = 13 + if head[10] & 0x80 == 0 { 0 } else { 3 << ((head[10] & 7) + 1) };
    let frame = first_gif_frame(source, behind_colors)?;
    let far = |start: usize, length: usize| {
        le16(&frame, start).zip(le16(&frame, length)).map(|(start, length)| u32::from(start) + u32::from(length))
    };
    let (width, height) = far(0, 4).zip(far(2, 6)).ok_or(NO_AREA)?;
    ImageHeader::new(width, height, 1, None).ok_or(NO_AREA)
}

/// Returns the place and size of the first frame: left, top, width, height, little-endian. GIF89a §20 and §24.
fn first_gif_frame<R: Read + Seek>(source: &mut Source<'_, R>, mut at: u64) -> Result<[u8; 8], FormatError> {
    for _ in 0..MAX_STEPS {
        match source.array::<1>(at)? {
            [0x2c] => return Ok(source.array(at + 1)?),
            // An extension: its label, then blocks of data until an empty one.
            [0x21] => {
                at += 2;
                for _ in 0..MAX_STEPS {
                    let [length] = source.array(at)?;
                    at += 1 + u64::from(length);
                    if length == 0 {
                        break;
                    }
                }
            }
            _ => return Err(NO_AREA),
        }
    }
    Err(TOO_MANY_SEGMENTS)
}
