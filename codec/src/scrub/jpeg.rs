//! JPEG: marker segments, and everything behind the image.
//!
//! Owns the list of segments that belong to the image; every other segment is blanked. Invariant: everything behind the
//! first image's end is blanked, whatever it is (second images, a motion photo's video, trailers).

use std::io::{Read, Seek};

use super::overlay::Overlay;
use super::{Error, ScanIndex, upright_exif};
use crate::bytes::{Source, WINDOW};
use crate::header::{jpeg_is_metadata, jpeg_segment};

/// The most segments of a photo.
const MAX_SEGMENTS: usize = 100_000;

pub(super) fn scrub<R: Read + Seek>(
    source: &mut Source<'_, R>,
    overlay: &mut Overlay,
    scans: &ScanIndex,
) -> Result<(), Error> {
    let mut at = 2;
    let mut has_exif = false;
    for _ in 0..MAX_SEGMENTS {
        let segment = jpeg_segment(source, at)?;
        at = segment.end();
        match segment.marker {
            0xd9 => return overlay.zero_rest(at),
            0xda => {
                at = match scans.end_of(at) {
                    Some(end) => end,
                    // A file that is cut off ends with its pixels.
                    None => match find_scan_end(source, at)? {
                        Some(end) => end,
                        None => return Ok(()),
                    },
                }
            }
            marker if jpeg_is_metadata(marker) => {
                let data = source.bytes(segment.body, segment.len)?;
                let (kept, fill) = kept_part(marker, data, &mut has_exif)?;
                let blanked = (segment.len - kept) as u64;
                overlay.write(segment.body + kept as u64, blanked, fill)?;
            }
            // Tables and frames: the image itself.
            0xc0..=0xcf | 0xdb..=0xdd => {}
            _ => return Err(Error::NotUnderstood("a marker is at an invalid position")),
        }
    }
    Err(Error::TooComplex)
}

/// Returns how many bytes of a metadata segment stay, and what is written behind them.
fn kept_part(marker: u8, data: &[u8], has_exif: &mut bool) -> Result<(usize, Vec<u8>), Error> {
    let nothing = Ok((0, Vec::new()));
    match marker {
        // Version and density stay (14 bytes with the thumbnail's size), its thumbnail does not.
        0xe0 if data.starts_with(b"JFIF\0") && data.len() >= 14 => Ok((12, Vec::new())),
        0xe1 if data.starts_with(b"Exif\0\0") && !*has_exif => {
            *has_exif = true;
            match upright_exif(data, data.len() - 6)? {
                Some(exif) => Ok((6, exif)),
                None => nothing,
            }
        }
        0xe2 if data.starts_with(b"ICC_PROFILE\0") => Ok((data.len(), Vec::new())),
        // The colour transform: without it colours are decoded wrong.
        0xee if data.starts_with(b"Adobe") && data.len() >= 12 => Ok((12, Vec::new())),
        _ => nothing,
    }
}

/// Returns the next marker behind a scan's coded data, if there is one. Within the data 0xFF is followed by 0 or a
/// restart marker. T.81 §B.1.1.5.
fn find_scan_end<R: Read + Seek>(source: &mut Source<'_, R>, mut at: u64) -> Result<Option<u64>, Error> {
    loop {
        let data = source.some(at, WINDOW)?;
        if data.len() < 2 {
            return Ok(None);
        }
        let marker = memchr::memchr_iter(0xff, data)
            .find(|&at| data.get(at + 1).is_some_and(|next| !matches!(next, 0 | 0xd0..=0xd7 | 0xff)));
        match marker {
            Some(found) => return Ok(Some(at + found as u64)),
            // The last byte may be the first half of a marker.
            None => at += data.len() as u64 - 1,
        }
    }
}
