//! The bounded set of image sizes. A requested size is rounded up to the next one, so that a million different requests
//! render a few dozen images.
//!
//! Invariant: one item has at most `SIZES_PX × (1 + RATIOS)` frames, in three formats.

use codec::pixels::{Encoding, Fit, Frame};

/// The longest sides, in pixels.
const SIZES_PX: [u32; 12] = [64, 128, 256, 384, 512, 640, 768, 1024, 1280, 1536, 1920, 2560];
/// The aspect ratios of covered frames, longer side to shorter; also the other way round.
const RATIOS: [(u32, u32); 7] = [(1, 1), (5, 4), (4, 3), (3, 2), (16, 9), (2, 1), (3, 1)];
/// The largest side that may be requested; more counts as a mistake.
pub(crate) const MAX_REQUESTED_SIDE_PX: u32 = 10_000;

/// An image to render and store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Variant {
    pub frame: Frame,
    pub encoding: Encoding,
}

impl Variant {
    /// Returns its key in the table of rendered images.
    pub fn key(self) -> String {
        let fit = match self.frame.fit {
            Fit::Contain => "contain",
            Fit::Cover => "cover",
        };
        let extension = self.encoding.content_type().trim_start_matches("image/");
        format!("{fit}-{}x{}.{extension}", self.frame.width, self.frame.height)
    }
}

/// Returns the frame for a requested size. `source` is the upright size, where known.
pub(crate) fn frame(width: Option<u32>, height: Option<u32>, fit: Fit, source: Option<(u32, u32)>) -> Frame {
    match (fit, width, height) {
        (Fit::Cover, Some(width), Some(height)) => no_larger_than(source, cover(width, height)),
        _ => contain(width, height, source),
    }
}

/// Returns a square frame whose side is the longest of the result. The requested size depends on the ratio of the
/// source only.
fn contain(width: Option<u32>, height: Option<u32>, source: Option<(u32, u32)>) -> Frame {
    let requested = match (width, height, source) {
        (None, None, _) => u32::MAX,
        (width, height, Some((w, h))) => {
            let scale = |requested: Option<u32>, side: u32| {
                requested.map_or(1.0, |requested| f64::from(requested) / f64::from(side.max(1)))
            };
            let longest = f64::from(w.max(h)) * scale(width, w).min(scale(height, h)).min(1.0);
            (longest - 1e-6).ceil() as u32
        }
        // For an unknown ratio, one side says little about the other: twice is enough for 2:1.
        (Some(side), None, None) | (None, Some(side), None) => side.saturating_mul(2),
        (Some(width), Some(height), None) => width.max(height),
    };
    let mut side = snap(requested);
    if let Some((w, h)) = source {
        side = side.min(w.max(h).max(1));
    }
    Frame { width: side, height: side, fit: Fit::Contain }
}

/// Returns the frame of the nearest ratio, in the smallest size that is no smaller than requested.
fn cover(width: u32, height: u32) -> Frame {
    let (width, height) = (f64::from(width.max(1)), f64::from(height.max(1)));
    let (long, short) = (width.max(height), width.min(height));
    let distance = |&(a, b): &(u32, u32)| ((long / short).ln() - (f64::from(a) / f64::from(b)).ln()).abs();
    let (a, b) = RATIOS.into_iter().min_by(|one, other| distance(one).total_cmp(&distance(other))).unwrap_or((1, 1));
    let shorter = |side: u32| (side * b).div_ceil(a);
    let fits = |side: &u32| f64::from(*side) >= long && f64::from(shorter(*side)) >= short;
    let side = SIZES_PX.into_iter().find(fits).unwrap_or(SIZES_PX[SIZES_PX.len() - 1]);
    let (width, height) = if width >= height { (side, shorter(side)) } else { (shorter(side), side) };
    Frame { width, height, fit: Fit::Cover }
}

/// Shrinks a frame that is larger than the source, so that all frames that give the same image are one.
fn no_larger_than(source: Option<(u32, u32)>, frame: Frame) -> Frame {
    let Some((w, h)) = source.map(|(w, h)| (f64::from(w.max(1)), f64::from(h.max(1)))) else { return frame };
    let (width, height) = (f64::from(frame.width), f64::from(frame.height));
    let shrink = (w / width).min(h / height).min(1.0);
    Frame {
        width: (width * shrink).round().clamp(1.0, w) as u32,
        height: (height * shrink).round().clamp(1.0, h) as u32,
        ..frame
    }
}

fn snap(side: u32) -> u32 {
    SIZES_PX.into_iter().find(|&size| size >= side).unwrap_or(SIZES_PX[SIZES_PX.len() - 1])
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn contained(width: Option<u32>, height: Option<u32>, source: Option<(u32, u32)>) -> u32 {
        frame(width, height, Fit::Contain, source).width
    }

    #[test]
    fn contain_snaps_the_longest_side_up_and_never_above_the_source() {
        let landscape = Some((4000, 3000));
        assert_eq!(contained(Some(320), None, landscape), 384);
        assert_eq!(contained(None, Some(320), landscape), 512, "427 wide");
        assert_eq!(contained(Some(320), Some(320), landscape), 384);
        assert_eq!(contained(Some(9000), None, landscape), 2560);
        assert_eq!(contained(None, None, landscape), 2560);
        assert_eq!(contained(Some(1), None, landscape), 64);
        assert_eq!(contained(Some(640), None, Some((500, 20))), 500);
        assert_eq!(contained(None, None, Some((1, 1))), 1);
        assert_eq!(contained(Some(300), None, None), 640);
        assert_eq!(contained(Some(300), Some(200), None), 384);
    }

    #[test]
    fn cover_takes_the_nearest_ratio_no_smaller_than_requested() {
        let covered = |w, h| {
            let frame = frame(Some(w), Some(h), Fit::Cover, Some((4000, 3000)));
            (frame.width, frame.height)
        };
        assert_eq!(covered(300, 300), (384, 384));
        assert_eq!(covered(320, 180), (384, 216));
        assert_eq!(covered(180, 320), (216, 384));
        assert_eq!(covered(1, 10_000), (854, 2560));
        assert_eq!(covered(64, 48), (64, 48));
    }

    #[test]
    fn covered_frames_that_give_the_same_image_are_one() {
        let covered = |side| frame(Some(side), Some(side), Fit::Cover, Some((800, 600)));
        assert_eq!((covered(600).width, covered(600).height), (600, 600));
        assert_eq!(covered(640), covered(2560));
        assert_eq!(frame(Some(2560), Some(1280), Fit::Cover, Some((1, 1))).height, 1);
    }

    #[test]
    fn a_million_requests_make_a_few_dozen_frames() {
        let mut frames = HashSet::new();
        for width in (1..4000).step_by(7) {
            for height in (1..4000).step_by(11) {
                for fit in [Fit::Contain, Fit::Cover] {
                    frames.insert(frame(Some(width), Some(height), fit, Some((3000, 2000))));
                }
            }
        }
        assert!(frames.len() <= SIZES_PX.len() * (2 * RATIOS.len()), "{}", frames.len());
    }
}
