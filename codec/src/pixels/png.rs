//! Decodes PNG row by row: a plain one is never held whole, an interlaced one has to be.
//!
//! Invariant: a decompression bomb costs the time of its rows, never their memory.

use std::io::Cursor;

use png::{ColorType, Decoder, DecodingError, Transformations};

use super::color::{self, ColorSpace};
use super::downscale::{Downscaled, Downscaler, Window};
use super::geometry::Plan;
use super::{Error, Interrupt, Limits};
use crate::checksum::crc32;

/// The most bytes of chunks other than pixels (profiles, palettes); text is skipped.
const SIDE_BYTES: usize = 16 << 20;

/// Decodes what the plan needs.
pub(super) fn decode(bytes: &[u8], plan: &Plan, limits: Limits, interrupt: &Interrupt) -> Result<Downscaled, Error> {
    let mut decoder = Decoder::new_with_limits(Cursor::new(bytes), png::Limits { bytes: SIDE_BYTES });
    decoder.set_transformations(Transformations::normalize_to_color8());
    decoder.set_ignore_text_chunk(true);
    let mut reader = decoder.read_info().map_err(|error| damaged(&error))?;
    let (width, height) = reader.info().size();
    let kind = reader.output_color_type().0;
    let color = color_space(reader.info());
    let channels = if matches!(kind, ColorType::Rgba | ColorType::GrayscaleAlpha) { 4 } else { 3 };
    let mut downscaler = Downscaler::new(Window::new(plan, width, height), channels)?.with_interrupt(interrupt);
    let (mut spread, mut has_rows) = (Vec::new(), false);
    if reader.info().interlaced {
        let size =
            reader.output_buffer_size().filter(|&size| size as u64 <= limits.bytes).ok_or(Error::Damaged("size"))?;
        let mut whole = vec![0; size];
        match reader.next_frame(&mut whole) {
            // Of an image that is cut off, what is there is shown.
            Ok(_) | Err(DecodingError::IoError(_)) => {}
            Err(error) => return Err(damaged(&error)),
        }
        let line = reader.output_line_size(width).filter(|&line| line > 0).ok_or(Error::Damaged("size"))?;
        for row in whole.chunks_exact(line) {
            downscaler.push(colors(row, kind, &mut spread))?;
        }
    } else {
        while !downscaler.is_full() {
            match reader.next_row() {
                Ok(Some(row)) => downscaler.push(colors(row.data(), kind, &mut spread))?,
                Ok(None) | Err(DecodingError::IoError(_)) if has_rows => break,
                Ok(None) => return Err(Error::Truncated),
                Err(error) => return Err(damaged(&error)),
            }
            has_rows = true;
        }
        // Of an image that is cut off, what is there is shown, on white or on nothing.
        let blank = vec![if channels == 4 { 0 } else { 255 }; width as usize * usize::from(channels)];
        while !downscaler.is_full() {
            downscaler.push(&blank)?;
        }
    }
    downscaler.finish(1.0, color)
}

/// Returns a PNG that says which primaries and transfer characteristics (ITU-T H.273) its colours have, in a `cICP`
/// chunk (PNG, third edition, §11.3.2.6) behind its header. Anything else is returned as it is.
pub fn with_code_points(png: &[u8], (primaries, transfer): (u8, u8)) -> Vec<u8> {
    /// The signature and `IHDR`.
    const HEAD: usize = 8 + 25;
    let Some((head, rest)) = png.split_at_checked(HEAD).filter(|(head, _)| head.get(12..16) == Some(b"IHDR")) else {
        return png.to_vec();
    };
    // RGB, full range.
    let chunk = [b'c', b'I', b'C', b'P', primaries, transfer, 0, 1];
    [head, &4_u32.to_be_bytes(), &chunk, &crc32(&chunk).to_be_bytes(), rest].concat()
}

/// Returns what the numbers mean; of several chunks the first in the order of PNG (third edition) §12.1 that says it.
fn color_space(info: &png::Info<'_>) -> Option<ColorSpace> {
    let points = info.coding_independent_code_points.filter(|points| points.is_video_full_range_image);
    let known = points.and_then(|points| ColorSpace::code_points(points.color_primaries, points.transfer_function));
    if known.is_some() {
        return known;
    }
    if let Some(icc) = info.icc_profile.as_ref().filter(|icc| color::is_readable(icc)) {
        let is_grey = matches!(info.color_type, ColorType::Grayscale | ColorType::GrayscaleAlpha);
        return Some(ColorSpace::Icc { profile: icc.to_vec(), is_grey });
    }
    if info.srgb.is_some() {
        return None;
    }
    let gamma = info.gama_chunk.map(png::ScaledFloat::into_value)?;
    let point = |(x, y): (png::ScaledFloat, png::ScaledFloat)| [x.into_value(), y.into_value()];
    let primaries = info.chrm_chunk.map(|c| [c.white, c.red, c.green, c.blue].map(point));
    // Almost sRGB (0.45455) is meant as sRGB, and a gamma of 0.01 or 100 as nothing.
    let is_srgb = (gamma - 0.45455).abs() < 0.001 && primaries.is_none();
    ((0.1..=10.0).contains(&gamma) && !is_srgb).then_some(ColorSpace::Gamma(gamma, primaries))
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
