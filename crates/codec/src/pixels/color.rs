//! Converts colour profiles to sRGB, so that no profile has to be stored with an image.
//!
//! Invariant: a profile that cannot be read, or is not for RGB, leaves the pixels unchanged.

use moxcms::{ColorProfile, DataColorSpace, Layout, TransformOptions};

use super::Image;

/// The largest profile that is read, in bytes; real ones for displays and cameras have 0.5–600 KB.
pub(super) const MAX_ICC_BYTES: usize = 2 << 20;

/// Converts the pixels from the profile's space to sRGB.
pub(super) fn to_srgb(picture: &mut Image, icc: &[u8]) {
    if icc.len() > MAX_ICC_BYTES {
        return;
    }
    let layout = if picture.has_alpha() { Layout::Rgba } else { Layout::Rgb };
    let Ok(profile) = ColorProfile::new_from_slice(icc) else { return };
    if profile.color_space != DataColorSpace::Rgb {
        return;
    }
    let srgb = ColorProfile::new_srgb();
    let Ok(transform) = profile.create_transform_8bit(layout, &srgb, layout, TransformOptions::default()) else {
        return;
    };
    let mut converted = vec![0; picture.pixels.len()];
    if transform.transform(&picture.pixels, &mut converted).is_ok() {
        picture.pixels = converted;
    }
}
