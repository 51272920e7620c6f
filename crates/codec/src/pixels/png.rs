//! Decodes PNG row by row: a plain one is never held whole, an interlaced one has to be.
//!
//! Invariant: a decompression bomb costs the time of its rows, never their memory.

use std::io::Cursor;

use png::{ColorType, Decoder, DecodingError, Transformations};

use super::color::MAX_ICC_BYTES;
use super::downscale::{Downscaled, Downscaler, Window};
use super::geometry::Plan;
use super::{Error, Interrupt, Limits};

/// The most bytes of chunks other than pixels (profiles, palettes); text is skipped.
const SIDE_BYTES: usize = 16 << 20;

/// Decodes what the plan needs.
pub(super) fn decode(bytes: &[u8], plan: &Plan, limits: Limits, interrupt: &Interrupt) -> Result<Downscaled, Error> {
    let mut decoder = Decoder::new_with_limits(Cursor::new(bytes), png::Limits { bytes: SIDE_BYTES });
    decoder.set_transformations(Transformations::normalize_to_color8());
    decoder.set_ignore_text_chunk(true);
    let mut reader = decoder.read_info().map_err(|error| damaged(&error))?;
    let (width, height) = reader.info().size();
    let icc = reader.info().icc_profile.as_ref().filter(|icc| icc.len() <= MAX_ICC_BYTES).map(|icc| icc.to_vec());
    let kind = reader.output_color_type().0;
    let channels = if matches!(kind, ColorType::Rgba | ColorType::GrayscaleAlpha) { 4 } else { 3 };
    let mut downscaler = Downscaler::new(Window::new(plan, width, height), channels)?.with_interrupt(interrupt);
    let mut spread = Vec::new();
    if reader.info().interlaced {
        let size =
            reader.output_buffer_size().filter(|&size| size as u64 <= limits.bytes).ok_or(Error::Damaged("size"))?;
        let mut whole = vec![0; size];
        reader.next_frame(&mut whole).map_err(|error| damaged(&error))?;
        let line = reader.output_line_size(width).filter(|&line| line > 0).ok_or(Error::Damaged("size"))?;
        for row in whole.chunks_exact(line) {
            downscaler.push(colors(row, kind, &mut spread))?;
        }
    } else {
        while !downscaler.is_full() {
            let row = reader.next_row().map_err(|error| damaged(&error))?.ok_or(Error::Truncated)?;
            downscaler.push(colors(row.data(), kind, &mut spread))?;
        }
    }
    downscaler.finish(1.0, icc)
}

/// Grey pixels spread to three colours.
fn colors<'a>(row: &'a [u8], kind: ColorType, spread: &'a mut Vec<u8>) -> &'a [u8] {
    spread.clear();
    match kind {
        ColorType::Grayscale => spread.extend(row.iter().flat_map(|&grey| [grey; 3])),
        ColorType::GrayscaleAlpha => spread.extend(row.chunks_exact(2).flat_map(|p| [p[0], p[0], p[0], p[1]])),
        _ => return row,
    }
    spread
}

fn damaged(error: &DecodingError) -> Error {
    match error {
        DecodingError::IoError(_) => Error::Truncated,
        DecodingError::LimitsExceeded => Error::Damaged("PNG chunk too large"),
        _ => Error::Damaged("PNG data"),
    }
}
