//! Computes which region of an image is scaled to which size; no pixels.
//!
//! Invariant: an output is at least 1 × 1 and never larger than its source, in either direction.

/// How an image is fitted into a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fit {
    /// All of it is visible; it may be narrower or lower than the frame.
    Contain,
    /// The frame is filled; the excess is cropped evenly. A source smaller than the frame results in a smaller image of
    /// the frame's aspect ratio.
    Cover,
}

/// The frame into which an image is fitted, in upright pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Frame {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// How to fit.
    pub fit: Fit,
}

/// A rectangle in source pixels, before orientation is applied.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Crop {
    pub left: f64,
    pub top: f64,
    pub width: f64,
    pub height: f64,
}

/// The steps for the decoder and the resizer, in stored (not yet upright) directions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Plan {
    /// The region of the source that is used.
    pub crop: Crop,
    /// Width of the result before orientation is applied.
    pub width: u32,
    /// Height of the result before orientation is applied.
    pub height: u32,
}

impl Plan {
    /// Source pixels per result pixel, at least 1.
    pub fn ratio(&self) -> f64 {
        (self.crop.width / f64::from(self.width)).min(self.crop.height / f64::from(self.height)).max(1.0)
    }
}

/// Returns whether an EXIF orientation swaps width and height.
pub(super) fn swaps_sides(orientation: u8) -> bool {
    (5..=8).contains(&orientation)
}

/// Fits a source of `width` × `height` stored pixels into an upright frame.
pub(super) fn plan(width: u32, height: u32, orientation: u8, frame: Frame) -> Plan {
    let side = swaps_sides(orientation);
    let (frame_width, frame_height) = if side { (frame.height, frame.width) } else { (frame.width, frame.height) };
    let (w, h) = (f64::from(width.max(1)), f64::from(height.max(1)));
    let (fw, fh) = (f64::from(frame_width.max(1)), f64::from(frame_height.max(1)));
    let whole = |length: f64, most: f64| length.round().clamp(1.0, most.max(1.0));
    match frame.fit {
        Fit::Contain => {
            let scale = (fw / w).min(fh / h).min(1.0);
            Plan {
                crop: Crop { left: 0.0, top: 0.0, width: w, height: h },
                width: whole(w * scale, w) as u32,
                height: whole(h * scale, h) as u32,
            }
        }
        Fit::Cover => {
            let shrink = (w / fw).min(h / fh).min(1.0);
            let (ow, oh) = (whole(fw * shrink, w), whole(fh * shrink, h));
            let scale = (ow / w).max(oh / h);
            let (cw, ch) = ((ow / scale).min(w), (oh / scale).min(h));
            Plan {
                crop: Crop { left: (w - cw) / 2.0, top: (h - ch) / 2.0, width: cw, height: ch },
                width: ow as u32,
                height: oh as u32,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(w: u32, h: u32, orientation: u8, frame: (u32, u32), fit: Fit) -> (u32, u32) {
        let plan = plan(w, h, orientation, Frame { width: frame.0, height: frame.1, fit });
        assert!(plan.crop.left >= 0.0 && plan.crop.left + plan.crop.width <= f64::from(w) + 1e-6);
        assert!(plan.crop.top >= 0.0 && plan.crop.top + plan.crop.height <= f64::from(h) + 1e-6);
        assert!(plan.width <= w && plan.height <= h && plan.width > 0 && plan.height > 0);
        (plan.width, plan.height)
    }

    #[test]
    fn contain_keeps_the_shape_and_never_enlarges() {
        assert_eq!(size(4000, 3000, 1, (640, 640), Fit::Contain), (640, 480));
        assert_eq!(size(4000, 3000, 6, (640, 320), Fit::Contain), (320, 240), "stored sideways: 240 × 320 upright");
        assert_eq!(size(100, 50, 1, (640, 640), Fit::Contain), (100, 50));
        assert_eq!(size(65_000, 2, 1, (64, 64), Fit::Contain), (64, 1));
    }

    #[test]
    fn cover_fills_the_frame_or_its_shape() {
        assert_eq!(size(4000, 3000, 1, (300, 300), Fit::Cover), (300, 300));
        assert_eq!(size(4000, 3000, 6, (320, 160), Fit::Cover), (160, 320));
        assert_eq!(size(100, 50, 1, (640, 640), Fit::Cover), (50, 50));
        assert_eq!(size(1, 1, 1, (640, 64), Fit::Cover), (1, 1));
    }
}
