//! Applies an EXIF orientation to stored pixels (TIFF 6.0, tag 274; values 1–8).
//!
//! Invariant: an unknown orientation counts as 1, as in viewers.

use super::Image;
use super::geometry::swaps_sides;

/// Applies the orientation.
pub(super) fn upright(stored: Image, orientation: u8) -> Image {
    if !(2..=8).contains(&orientation) {
        return stored;
    }
    let (sw, sh) = (stored.width as usize, stored.height as usize);
    let channels = usize::from(stored.channels);
    let (width, height) = if swaps_sides(orientation) { (sh, sw) } else { (sw, sh) };
    let mut pixels = Vec::with_capacity(stored.pixels.len());
    for y in 0..height {
        for x in 0..width {
            let (sx, sy) = match orientation {
                2 => (sw - 1 - x, y),
                3 => (sw - 1 - x, sh - 1 - y),
                4 => (x, sh - 1 - y),
                5 => (y, x),
                6 => (y, sh - 1 - x),
                7 => (sw - 1 - y, sh - 1 - x),
                _ => (sw - 1 - y, x),
            };
            let from = (sy * sw + sx) * channels;
            pixels.extend_from_slice(&stored.pixels[from..from + channels]);
        }
    }
    Image { width: width as u32, height: height as u32, channels: stored.channels, pixels }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 3 × 2 pixels, named by their red value:  1 2 3 / 4 5 6.
    fn turned(orientation: u8) -> (u32, Vec<u8>) {
        let pixels = (1..=6).flat_map(|n| [n, 0, 0]).collect();
        let picture = upright(Image { width: 3, height: 2, channels: 3, pixels }, orientation);
        (picture.width, picture.pixels.chunks(3).map(|p| p[0]).collect())
    }

    #[test]
    fn every_orientation_turns_as_the_standard_says() {
        assert_eq!(turned(1), (3, vec![1, 2, 3, 4, 5, 6]));
        assert_eq!(turned(2), (3, vec![3, 2, 1, 6, 5, 4]));
        assert_eq!(turned(3), (3, vec![6, 5, 4, 3, 2, 1]));
        assert_eq!(turned(4), (3, vec![4, 5, 6, 1, 2, 3]));
        assert_eq!(turned(5), (2, vec![1, 4, 2, 5, 3, 6]));
        assert_eq!(turned(6), (2, vec![4, 1, 5, 2, 6, 3]));
        assert_eq!(turned(7), (2, vec![6, 3, 5, 2, 4, 1]));
        assert_eq!(turned(8), (2, vec![3, 6, 2, 5, 1, 4]));
        assert_eq!(turned(0), turned(1));
        assert_eq!(turned(9), turned(1));
    }
}
