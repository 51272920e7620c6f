//! GIF: its first frame, whatever else follows.
//!
//! Invariant: the second frame is never read, so an animation of 10,000 frames costs one.

use std::num::NonZeroU64;

use gif::{ColorOutput, DecodeOptions, DecodingError, MemoryLimit};

use super::geometry::Plan;
use super::shrink::{Shrinker, Shrunk, Window};
use super::{Error, Limits};

/// Decodes the first frame onto a transparent screen.
pub(super) fn decode(bytes: &[u8], plan: &Plan, limits: Limits) -> Result<Shrunk, Error> {
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::Indexed);
    // The frame has its own size, which the header did not tell.
    options.set_memory_limit(MemoryLimit::Bytes(NonZeroU64::new(limits.pixels).unwrap_or(NonZeroU64::MIN)));
    let mut decoder = options.read_info(bytes).map_err(|error| damaged(&error))?;
    let (width, height) = (decoder.width(), decoder.height());
    let frame = decoder.read_next_frame().map_err(|error| damaged(&error))?.ok_or(Error::Truncated)?.clone();
    let palette = match frame.palette.as_deref() {
        Some(own) => own,
        None => decoder.global_palette().ok_or(Error::Damaged("GIF palette"))?,
    };
    let color = |index: u8| match palette.get(usize::from(index) * 3..usize::from(index) * 3 + 3) {
        Some(&[r, g, b]) if frame.transparent != Some(index) => [r, g, b, 255],
        _ => [0; 4],
    };
    let (left, top) = (usize::from(frame.left), usize::from(frame.top));
    let (across, down) = (usize::from(frame.width), usize::from(frame.height));
    let covers = left == 0 && top == 0 && across >= width.into() && down >= height.into();
    let opaque = covers && frame.transparent.is_none();
    let channels = if opaque { 3 } else { 4 };
    let mut shrinker = Shrinker::new(Window::new(plan, width.into(), height.into()), channels)?;
    let mut row = Vec::with_capacity(usize::from(width) * usize::from(channels));
    for y in 0..usize::from(height) {
        let indices = y.checked_sub(top).filter(|&y| y < down).and_then(|y| frame.buffer.get(y * across..(y + 1) * across));
        row.clear();
        for x in 0..usize::from(width) {
            let index = x.checked_sub(left).and_then(|x| indices?.get(x));
            let pixel = index.map_or([0; 4], |&index| color(index));
            row.extend_from_slice(&pixel[..channels.into()]);
        }
        shrinker.push(&row)?;
    }
    shrinker.finish(1.0, None)
}

fn damaged(error: &DecodingError) -> Error {
    match error {
        DecodingError::Io(_) => Error::Truncated,
        DecodingError::MemoryLimit => Error::Damaged("GIF frame larger than allowed"),
        _ => Error::Damaged("GIF data"),
    }
}
