//! Crops and downscales a large image by a whole factor while its rows arrive.
//!
//! Owns the box filter that runs while a decoder returns rows, so that the large image never exists in memory.
//! Invariant: it holds one row of sums and the small image, whatever the source's height is.

use super::color::ColorSpace;
use super::geometry::Plan;
use super::{Error, Interrupt};

/// The small image, ready for the resizer.
pub(super) struct Downscaled {
    pub width: u32,
    pub height: u32,
    /// Bytes per pixel: 3 or 4.
    pub channels: u8,
    pub pixels: Vec<u8>,
    /// Source pixels per pixel, in each direction.
    pub factor: f64,
    /// Offset of its left edge in the source.
    pub left: f64,
    /// Offset of its top edge in the source.
    pub top: f64,
    /// What its numbers mean, where that is not sRGB.
    pub color: Option<ColorSpace>,
}

/// The region of the source that is kept, in whole pixels, and the factor by which it is downscaled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    pub left: usize,
    pub top: usize,
    /// Width in source pixels.
    pub width: usize,
    /// Height in source pixels.
    pub height: usize,
    /// Source pixels per kept pixel, in each direction.
    pub factor: usize,
}

impl Window {
    /// Returns the window that a plan needs of a `width` × `height` source. The resizer keeps at least 1.5 pixels per
    /// result pixel, so that the result is as sharp as from the whole source.
    pub fn new(plan: &Plan, width: u32, height: u32) -> Self {
        Self::scaled(plan, width, height, 1.0, (plan.ratio() / 1.5) as usize)
    }

    /// Returns the same for a source that its decoder has already made `scale` times smaller.
    pub fn scaled(plan: &Plan, width: u32, height: u32, scale: f64, factor: usize) -> Self {
        let (width, height) = (width as usize, height as usize);
        let left = ((plan.crop.left / scale) as usize).min(width.saturating_sub(1));
        let top = ((plan.crop.top / scale) as usize).min(height.saturating_sub(1));
        let right = (((plan.crop.left + plan.crop.width) / scale).ceil() as usize).clamp(left + 1, width.max(left + 1));
        let bottom = (((plan.crop.top + plan.crop.height) / scale).ceil() as usize).clamp(top + 1, height.max(top + 1));
        Self { left, top, width: right - left, height: bottom - top, factor: factor.max(1) }
    }

    /// Returns width and height of the kept image.
    pub fn output_size(&self) -> (usize, usize) {
        (self.width.div_ceil(self.factor), self.height.div_ceil(self.factor))
    }

    /// Returns the memory of the kept image in bytes.
    pub fn bytes(&self, channels: u64) -> u64 {
        let (width, height) = self.output_size();
        width as u64 * height as u64 * channels + width as u64 * channels * 8
    }
}

/// Takes rows from the top and adds them up.
pub(super) struct Downscaler {
    window: Window,
    channels: usize,
    sums: Vec<u64>,
    row: usize,
    summed: usize,
    pixels: Vec<u8>,
    interrupt: Interrupt,
}

impl Downscaler {
    pub fn new(window: Window, channels: u8) -> Result<Self, Error> {
        let channels = usize::from(channels);
        let (width, height) = window.output_size();
        let mut pixels = Vec::new();
        pixels.try_reserve_exact(width * height * channels).map_err(|_| Error::Damaged("size"))?;
        Ok(Self {
            window,
            channels,
            sums: vec![0; width * channels],
            row: 0,
            summed: 0,
            pixels,
            interrupt: Interrupt::default(),
        })
    }

    /// Makes [`Downscaler::push`] return an error once `interrupt` is set.
    pub fn with_interrupt(self, interrupt: &Interrupt) -> Self {
        Self { interrupt: interrupt.clone(), ..self }
    }

    /// Returns whether all required rows have been added.
    pub fn is_full(&self) -> bool {
        self.row >= self.window.top + self.window.height
    }

    /// Adds the next row: as wide as the source, `channels` bytes a pixel.
    pub fn push(&mut self, row: &[u8]) -> Result<(), Error> {
        self.interrupt.check()?;
        let wanted = self.row >= self.window.top && !self.is_full();
        self.row += 1;
        if !wanted {
            return Ok(());
        }
        let from = self.window.left * self.channels;
        let row = row.get(from..from + self.window.width * self.channels).ok_or(Error::Damaged("row"))?;
        if self.window.factor == 1 {
            self.pixels.extend_from_slice(row);
            return Ok(());
        }
        self.sum(row);
        self.summed += 1;
        if self.summed == self.window.factor || self.is_full() {
            self.flush();
        }
        Ok(())
    }

    fn sum(&mut self, row: &[u8]) {
        let blocks = row.chunks(self.window.factor * self.channels);
        for (block, sums) in blocks.zip(self.sums.chunks_exact_mut(self.channels)) {
            for pixel in block.chunks_exact(self.channels) {
                if let ([r, g, b, a], [sr, sg, sb, sa]) = (pixel, &mut *sums) {
                    // Colours are weighted by their alpha, otherwise invisible pixels bleed into edges.
                    let alpha = u64::from(*a);
                    *sr += u64::from(*r) * alpha;
                    *sg += u64::from(*g) * alpha;
                    *sb += u64::from(*b) * alpha;
                    *sa += alpha;
                } else {
                    for (sum, value) in sums.iter_mut().zip(pixel) {
                        *sum += u64::from(*value);
                    }
                }
            }
        }
    }

    fn flush(&mut self) {
        let mut left = self.window.width;
        for sums in self.sums.chunks_exact_mut(self.channels) {
            let across = left.min(self.window.factor);
            left -= across;
            let count = (across * self.summed).max(1) as u64;
            if let [r, g, b, a] = &*sums {
                let alpha = (*a).max(1);
                self.pixels.extend([r, g, b].map(|sum| ((sum + alpha / 2) / alpha) as u8));
                self.pixels.push(((a + count / 2) / count) as u8);
            } else {
                self.pixels.extend(sums.iter().map(|sum| ((sum + count / 2) / count) as u8));
            }
            sums.fill(0);
        }
        self.summed = 0;
    }

    /// Returns the image; `scale` is the number of source pixels per pushed pixel.
    pub fn finish(self, scale: f64, color: Option<ColorSpace>) -> Result<Downscaled, Error> {
        let (width, height) = self.window.output_size();
        if self.pixels.len() != width * height * self.channels {
            return Err(Error::Truncated);
        }
        Ok(Downscaled {
            width: width as u32,
            height: height as u32,
            channels: self.channels as u8,
            pixels: self.pixels,
            factor: scale * self.window.factor as f64,
            left: self.window.left as f64 * scale,
            top: self.window.top as f64 * scale,
            color,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pixels::geometry::{Fit, Frame, plan};

    #[test]
    fn averages_blocks_also_at_the_ragged_edge() {
        let window = Window { left: 1, top: 1, width: 3, height: 3, factor: 2 };
        let mut downscaler = Downscaler::new(window, 3).unwrap();
        for y in 0..5u8 {
            let row: Vec<u8> = (0..5u8).flat_map(|x| [x * 10, y * 10, 7]).collect();
            downscaler.push(&row).unwrap();
        }
        let downscaled = downscaler.finish(1.0, None).unwrap();
        assert_eq!((downscaled.width, downscaled.height), (2, 2));
        assert_eq!(downscaled.pixels, [15, 15, 7, 30, 15, 7, 15, 30, 7, 30, 30, 7]);
    }

    #[test]
    fn invisible_colour_does_not_bleed() {
        let window = Window { left: 0, top: 0, width: 2, height: 1, factor: 2 };
        let mut downscaler = Downscaler::new(window, 4).unwrap();
        downscaler.push(&[255, 0, 0, 255, 0, 255, 0, 0]).unwrap();
        assert_eq!(downscaler.finish(1.0, None).unwrap().pixels, [255, 0, 0, 128]);
    }

    #[test]
    fn missing_rows_are_noticed() {
        let window = Window { left: 0, top: 0, width: 2, height: 2, factor: 1 };
        let mut downscaler = Downscaler::new(window, 3).unwrap();
        downscaler.push(&[0; 6]).unwrap();
        assert_eq!(downscaler.finish(1.0, None).err(), Some(Error::Truncated));
    }

    #[test]
    fn a_window_stays_inside_its_source() {
        for (w, h) in [(1, 1), (65_500, 3), (7, 9000), (4000, 3000)] {
            for (fw, fh) in [(64, 64), (2560, 128), (1, 2560)] {
                for fit in [Fit::Contain, Fit::Cover] {
                    let window = Window::new(&plan(w, h, 1, Frame { width: fw, height: fh, fit }), w, h);
                    assert!(window.left + window.width <= w as usize && window.top + window.height <= h as usize);
                }
            }
        }
    }
}
