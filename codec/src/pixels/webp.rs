//! Decodes WebP, which is held whole; of an animation the first frame.
//!
//! Invariant: the decoded size is the size that was probed.

use std::io::Cursor;

use image_webp::{DecodingError, WebPDecoder};

use super::color::{ColorSpace, MAX_ICC_BYTES};
use super::downscale::{Downscaled, Downscaler, Window};
use super::geometry::Plan;
use super::{Error, Interrupt, Limits};

/// Decodes what the plan needs.
pub(super) fn decode(bytes: &[u8], plan: &Plan, limits: Limits, interrupt: &Interrupt) -> Result<Downscaled, Error> {
    let mut decoder = WebPDecoder::new(Cursor::new(bytes)).map_err(|error| damaged(&error))?;
    decoder.set_memory_limit(MAX_ICC_BYTES);
    let icc = decoder.icc_profile().ok().flatten();
    let color = icc.map(|profile| ColorSpace::Icc { profile, is_grey: false });
    decoder.set_memory_limit(limits.bytes as usize);
    let (width, height) = decoder.dimensions();
    let info = super::probe(bytes)?;
    if (width, height) != (info.width, info.height) {
        return Err(Error::Damaged("WebP size"));
    }
    let channels: u8 = if decoder.has_alpha() { 4 } else { 3 };
    let size =
        decoder.output_buffer_size().filter(|&size| size as u64 <= limits.bytes).ok_or(Error::Damaged("size"))?;
    let mut whole = vec![0; size];
    decoder.read_image(&mut whole).map_err(|error| damaged(&error))?;
    let mut downscaler = Downscaler::new(Window::new(plan, width, height), channels)?.with_interrupt(interrupt);
    for row in whole.chunks_exact(width as usize * usize::from(channels)) {
        downscaler.push(row)?;
    }
    downscaler.finish(1.0, color)
}

/// Returns what a failure of the decoder says about the file.
pub(super) fn damaged(error: &DecodingError) -> Error {
    match error {
        DecodingError::IoError(_) => Error::Truncated,
        _ => Error::Damaged("WebP data"),
    }
}
