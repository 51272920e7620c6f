//! Decodes the first frame of a GIF.
//!
//! Invariant: the second frame is never read, so an animation of 10,000 frames costs one; a frame that is not
//! interlaced is read row by row and no further than the screen reaches, so it is never held and can be interrupted.

use gif::{ColorOutput, DecodeOptions, Decoder, DecodingError};

use super::downscale::{Downscaled, Downscaler, Window};
use super::geometry::Plan;
use super::{Error, Interrupt, Limits};

/// Decodes the first frame onto a transparent screen.
pub(super) fn decode(bytes: &[u8], plan: &Plan, limits: Limits, interrupt: &Interrupt) -> Result<Downscaled, Error> {
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::Indexed);
    let mut decoder = options.read_info(bytes).map_err(|error| damaged(&error))?;
    let frame = decoder.next_frame_info().map_err(|error| damaged(&error))?.ok_or(Error::Truncated)?.clone();
    // A screen without area is as large as what its first frame covers, as browsers see it.
    let (width, height) = match (usize::from(decoder.width()), usize::from(decoder.height())) {
        (width @ 1.., height @ 1..) => (width, height),
        _ => (usize::from(frame.left) + usize::from(frame.width), usize::from(frame.top) + usize::from(frame.height)),
    };
    // The frame has its own size, which the GIF's header does not declare.
    if u64::from(frame.width) * u64::from(frame.height) > limits.pixels {
        return Err(Error::Damaged("GIF frame larger than allowed"));
    }
    let palette = match frame.palette.as_deref() {
        Some(own) => own.to_vec(),
        None => decoder.global_palette().ok_or(Error::Damaged("GIF palette"))?.to_vec(),
    };
    let color = |index: u8| match palette.get(usize::from(index) * 3..usize::from(index) * 3 + 3) {
        Some(&[r, g, b]) if frame.transparent != Some(index) => [r, g, b, 255],
        _ => [0; 4],
    };
    let (left, top) = (usize::from(frame.left), usize::from(frame.top));
    let (across, down) = (usize::from(frame.width), usize::from(frame.height));
    let covers = left == 0 && top == 0 && across >= width && down >= height;
    let opaque = covers && frame.transparent.is_none();
    let channels = if opaque { 3 } else { 4 };
    let mut downscaler =
        Downscaler::new(Window::new(plan, width as u32, height as u32), channels)?.with_interrupt(interrupt);
    let mut rows = Rows::new(decoder, frame.interlaced, across, down)?;
    let mut row = Vec::with_capacity(width * usize::from(channels));
    for y in 0..height {
        if downscaler.is_full() {
            break;
        }
        let indices = match y.checked_sub(top).filter(|&y| y < down) {
            Some(y) => rows.next(y)?,
            None => &[],
        };
        row.clear();
        for x in 0..width {
            let index = x.checked_sub(left).and_then(|x| indices.get(x));
            let pixel = index.map_or([0; 4], |&index| color(index));
            row.extend_from_slice(&pixel[..channels.into()]);
        }
        downscaler.push(&row)?;
    }
    downscaler.finish(1.0, None)
}

/// The frame's rows from the top, as colour indexes.
enum Rows<'a> {
    /// Rows in order, one at a time.
    InOrder { decoder: Box<Decoder<&'a [u8]>>, row: Vec<u8> },
    /// Interlaced rows in another order: all of them, and their width.
    Whole(Vec<u8>, usize),
}

impl<'a> Rows<'a> {
    fn new(mut decoder: Decoder<&'a [u8]>, interlaced: bool, across: usize, down: usize) -> Result<Self, Error> {
        if !interlaced {
            return Ok(Self::InOrder { decoder: Box::new(decoder), row: vec![0; across] });
        }
        let mut whole = vec![0; across * down];
        decoder.read_into_buffer(&mut whole).map_err(|error| damaged(&error))?;
        Ok(Self::Whole(whole, across))
    }

    /// Returns row `y`; callers read the rows in order.
    fn next(&mut self, y: usize) -> Result<&[u8], Error> {
        match self {
            Self::Whole(whole, across) => whole.get(y * *across..(y + 1) * *across).ok_or(Error::Truncated),
            Self::InOrder { row, .. } if row.is_empty() => Ok(&[]),
            Self::InOrder { decoder, row } => {
                if decoder.fill_buffer(row).map_err(|error| damaged(&error))? {
                    Ok(row)
                } else {
                    Err(Error::Truncated)
                }
            }
        }
    }
}

fn damaged(error: &DecodingError) -> Error {
    match error {
        DecodingError::Io(_) => Error::Truncated,
        _ => Error::Damaged("GIF data"),
    }
}
