//! Plain pixels of an image, and rectangles of it: what classifiers look at.
//!
//! Invariant: a rectangle that is not wholly inside the image is none.

use super::{Image, encode};

impl Image {
    /// Returns the pixels without transparency, which is blended with white: rows from the top, 3 bytes a pixel.
    pub fn rgb(&self) -> Vec<u8> {
        if self.has_alpha() { encode::flatten_on_white(self) } else { self.pixels.clone() }
    }

    /// Returns the rectangle of this size whose left upper corner is at `(left, top)`.
    pub fn excerpt(&self, (left, top): (u32, u32), (width, height): (u32, u32)) -> Option<Self> {
        let is_inside = left.checked_add(width)? <= self.width && top.checked_add(height)? <= self.height;
        if !is_inside || width == 0 || height == 0 {
            return None;
        }
        let bytes = usize::from(self.channels);
        let (skipped, kept) = (left as usize * bytes, width as usize * bytes);
        let rows = self.pixels.chunks_exact(self.width as usize * bytes).skip(top as usize).take(height as usize);
        let pixels = rows.flat_map(|row| row.iter().skip(skipped).take(kept)).copied().collect();
        Some(Self { width, height, channels: self.channels, pixels })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rectangle_has_the_pixels_that_are_there() {
        let pixels = (0..4 * 3 * 3).collect();
        let image = Image { width: 4, height: 3, channels: 3, pixels };
        let part = image.excerpt((1, 2), (2, 1)).unwrap();
        assert_eq!((part.width, part.height, part.rgb()), (2, 1, vec![27, 28, 29, 30, 31, 32]));
        assert_eq!(image.excerpt((0, 0), (4, 3)), Some(image.clone()));
        for (corner, size) in [((3, 0), (2, 1)), ((0, 3), (1, 1)), ((0, 0), (0, 1)), ((u32::MAX, 0), (2, 1))] {
            assert_eq!(image.excerpt(corner, size), None, "{corner:?} {size:?}");
        }
        let clear = Image { width: 1, height: 1, channels: 4, pixels: vec![0, 0, 0, 0] };
        assert_eq!(clear.rgb(), [255; 3], "what is clear is seen on white");
    }
}
