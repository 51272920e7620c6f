//! Decodes WebP, which is held whole; of an animation the first frame.
//!
//! Invariant: the decoded size is the size that was probed.

use std::io::{self, BufRead, Cursor, Read, Seek, SeekFrom};

use image_webp::{DecodingError, WebPDecoder};

use super::color::{ColorSpace, MAX_ICC_BYTES};
use super::downscale::{Downscaled, Downscaler, Window};
use super::geometry::Plan;
use super::{Error, Interrupt, Limits};

/// Decodes what the plan needs.
pub(super) fn decode(bytes: &[u8], plan: &Plan, limits: Limits, interrupt: &Interrupt) -> Result<Downscaled, Error> {
    let mut decoder = WebPDecoder::new(File::new(bytes)).map_err(|error| damaged(&error))?;
    decoder.set_memory_limit(MAX_ICC_BYTES);
    let icc = decoder.icc_profile().ok().flatten();
    let color = icc.map(|profile| ColorSpace::Icc { profile, is_grey: false });
    decoder.set_memory_limit(limits.bytes as usize);
    let (width, height) = decoder.dimensions();
    let info = super::probe(bytes)?;
    if (width, height) != (info.width, info.height) {
        return Err(Error::Damaged("WebP size"));
    }
    let size =
        decoder.output_buffer_size().filter(|&size| size as u64 <= limits.bytes).ok_or(Error::Damaged("size"))?;
    let mut whole = vec![0; size];
    decoder.read_image(&mut whole).map_err(|error| damaged(&error))?;
    let read = if decoder.has_alpha() { 4 } else { 3 };
    let is_opaque = decoder.is_animated() && whole.chunks_exact(4).all(|pixel| pixel[3] == 255);
    let channels = if is_opaque { 3 } else { read };
    let mut downscaler = Downscaler::new(Window::new(plan, width, height), channels)?.with_interrupt(interrupt);
    let mut opaque = Vec::new();
    for row in whole.chunks_exact(width as usize * usize::from(read)) {
        if is_opaque {
            opaque.clear();
            opaque.extend(row.chunks_exact(4).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]));
            downscaler.push(&opaque)?;
        } else {
            downscaler.push(row)?;
        }
    }
    downscaler.finish(1.0, color)
}

/// The bytes of a file, in which every animation declares transparency (RFC 9649 §2.7.1): some encoders do not declare
/// what a frame leaves blank.
struct File<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The bytes of an animation up to its flags.
    head: Option<[u8; HEAD]>,
}

const HEAD: usize = 21;

impl<'a> File<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        let (animated, transparent) = (0x02, 0x10);
        let head = bytes.first_chunk::<HEAD>().filter(|head| &head[12..16] == b"VP8X" && head[20] & animated != 0);
        let head = head.copied().map(|mut head| {
            head[20] |= transparent;
            head
        });
        Self { bytes, at: 0, head }
    }
}

impl BufRead for File<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let part = match &self.head {
            Some(head) if self.at < HEAD => head.as_slice(),
            _ => self.bytes,
        };
        Ok(part.get(self.at..).unwrap_or_default())
    }

    fn consume(&mut self, bytes: usize) {
        self.at += bytes;
    }
}

impl Read for File<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.fill_buf()?.read(buffer)?;
        self.consume(bytes);
        Ok(bytes)
    }
}

impl Seek for File<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let mut cursor = Cursor::new(self.bytes);
        cursor.set_position(self.at as u64);
        let at = cursor.seek(to)?;
        self.at = usize::try_from(at).unwrap_or(usize::MAX);
        Ok(at)
    }
}

/// Returns what a failure of the decoder says about the file.
pub(super) fn damaged(error: &DecodingError) -> Error {
    match error {
        DecodingError::IoError(_) => Error::Truncated,
        _ => Error::Damaged("WebP data"),
    }
}

#[cfg(test)]
mod tests {
    use crate::pixels::{Fit, Frame, Limits, render};

    #[test]
    fn what_a_frame_leaves_blank_is_transparent_whatever_the_header_says() {
        let mut still = Vec::new();
        let encoder = image_webp::WebPEncoder::new(&mut still);
        encoder.encode(&[200; 8 * 8 * 3], 8, 8, image_webp::ColorType::Rgb8).unwrap();
        let image = &still[12..];
        for (width, flags) in [(16_u8, 0x02), (16, 0x12), (8, 0x02), (8, 0x12)] {
            let mut chunks = b"WEBPVP8X\x0a\0\0\0".to_vec();
            chunks.extend([flags, 0, 0, 0, width - 1, 0, 0, 7, 0, 0]);
            chunks.extend(b"ANIM\x06\0\0\0\0\0\0\0\0\0ANMF");
            chunks.extend(u32::try_from(16 + image.len()).unwrap().to_le_bytes());
            chunks.extend([0, 0, 0, 0, 0, 0, 7, 0, 0, 7, 0, 0, 50, 0, 0, 2]);
            chunks.extend(image);
            let length = u32::try_from(chunks.len()).unwrap().to_le_bytes();
            let file = [b"RIFF".as_slice(), &length, &chunks].concat();
            let picture =
                render(&file, 1, Frame { width: 16, height: 16, fit: Fit::Contain }, Limits::default()).unwrap();
            assert_eq!((picture.width(), picture.has_alpha()), (u32::from(width), width == 16));
            if width == 16 {
                let alpha = |x: usize| picture.pixels()[x * 4 + 3];
                assert_eq!((alpha(2), alpha(13)), (255, 0), "{flags}");
            }
        }
    }
}
