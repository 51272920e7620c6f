//! Resizes to the requested size with a Lanczos filter.
//!
//! Invariant: the result has exactly the plan's size.

use resample::{Crop, Source};

use super::downscale::Downscaled;
use super::geometry::Plan;
use super::{Error, Image};

/// Resizes what a decoder has kept to the plan's size; orientation is not applied yet.
pub(super) fn fit(downscaled: Downscaled, plan: &Plan) -> Result<Image, Error> {
    let Downscaled { width, height, channels, pixels, factor, left, top, .. } = downscaled;
    let whole = |length: f64, from: f64, most: u32| {
        let start = ((length - from) / factor).clamp(0.0, f64::from(most));
        if start < 1e-6 { 0.0 } else { start }
    };
    let (crop_left, crop_top) = (whole(plan.crop.left, left, width - 1), whole(plan.crop.top, top, height - 1));
    let crop_width = (plan.crop.width / factor).min(f64::from(width) - crop_left);
    let crop_height = (plan.crop.height / factor).min(f64::from(height) - crop_top);
    if (width, height) == (plan.width, plan.height) {
        return Ok(Image { width, height, channels, pixels });
    }
    let source = Source { width, height, channels, pixels: &pixels };
    let crop = Crop { left: crop_left, top: crop_top, width: crop_width, height: crop_height };
    let pixels = resample::resize(source, crop, plan.width, plan.height).ok_or(Error::Damaged("size"))?;
    Ok(Image { width: plan.width, height: plan.height, channels, pixels })
}
