//! Converts what an image's numbers mean to sRGB, so that no profile has to be stored with an image.
//!
//! Owns the choice among what a file says: a profile (ICC.1), code points (ITU-T H.273), or a gamma. Invariant: a
//! description that cannot be read, or is for another kind of numbers, leaves the pixels unchanged.

use std::sync::Arc;

use moxcms::{
    Chromaticity, CicpProfile, ColorPrimaries, ColorProfile, DataColorSpace, Layout, MatrixCoefficients, ToneReprCurve,
    Transform8BitExecutor, TransformOptions,
};

use super::{Image, hdr};

/// The largest profile that is read, in bytes; real ones for displays and cameras have 0.5–600 KB, for printers 2 MB.
pub(super) const MAX_ICC_BYTES: usize = 4 << 20;

/// What the numbers of an image mean.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum ColorSpace {
    /// By a profile.
    Icc {
        /// The profile.
        profile: Vec<u8>,
        /// Whether the file stores one number a pixel, which was spread to three.
        is_grey: bool,
    },
    /// By code points: primaries and transfer characteristics of ITU-T H.273.
    CodePoints(u8, u8),
    /// By a gamma, such as 0.45455, and perhaps by primaries: x and y of white, red, green and blue.
    Gamma(f32, Option<[[f32; 2]; 4]>),
}

/// Converts the pixels to sRGB.
pub(super) fn to_srgb(image: &mut Image, from: &ColorSpace) {
    let profile = match from {
        ColorSpace::Icc { profile, is_grey } => {
            let Ok(profile) = ColorProfile::new_from_slice(profile) else { return };
            match profile.color_space {
                DataColorSpace::Gray if *is_grey => return grey_to_srgb(image, &profile),
                DataColorSpace::Rgb => profile,
                _ => return,
            }
        }
        ColorSpace::CodePoints(primaries, transfer) if hdr::is_hdr(*transfer) => {
            return hdr::to_srgb(image, *primaries, *transfer);
        }
        ColorSpace::CodePoints(primaries, transfer) => match profile_of(*primaries, *transfer) {
            Some(profile) => profile,
            None => return,
        },
        ColorSpace::Gamma(gamma, primaries) => profile_with_gamma(*gamma, primaries.as_ref()),
    };
    let layout = if image.has_alpha() { Layout::Rgba } else { Layout::Rgb };
    let Some(transform) = transform(&profile, layout, layout) else { return };
    let mut converted = vec![0; image.pixels.len()];
    if transform.transform(&image.pixels, &mut converted).is_ok() {
        image.pixels = converted;
    }
}

fn transform(profile: &ColorProfile, from: Layout, to: Layout) -> Option<Arc<Transform8BitExecutor>> {
    profile.create_transform_8bit(from, &ColorProfile::new_srgb(), to, TransformOptions::default()).ok()
}

/// Grey levels by a table: there are 256, whatever the image's size is.
fn grey_to_srgb(image: &mut Image, profile: &ColorProfile) {
    let Some(transform) = transform(profile, Layout::Gray, Layout::Rgb) else { return };
    let levels: Vec<u8> = (0..=255).collect();
    let mut table = [0; 256 * 3];
    if transform.transform(&levels, &mut table).is_err() {
        return;
    }
    for pixel in image.pixels.chunks_exact_mut(image.channels.into()) {
        let level = usize::from(pixel[0]) * 3;
        pixel[..3].copy_from_slice(&table[level..level + 3]);
    }
}

/// Returns the profile of code points, but for sRGB itself and what is not known or says nothing.
fn profile_of(primaries: u8, transfer: u8) -> Option<ColorProfile> {
    if (primaries, transfer) == (1, 13) {
        return None;
    }
    let points = CicpProfile {
        color_primaries: primaries.try_into().ok()?,
        transfer_characteristics: transfer.try_into().ok()?,
        matrix_coefficients: MatrixCoefficients::Identity,
        full_range: true,
    };
    let mut profile = ColorProfile::new_srgb();
    profile.cicp = None;
    // What it returns says nothing: it stores the code points if it knows them.
    profile.update_rgb_colorimetry_from_cicp(points);
    profile.cicp.is_some().then_some(profile)
}

/// PNG (third edition) §11.3.2.2: a sample is the light to the power of `gamma`.
fn profile_with_gamma(gamma: f32, primaries: Option<&[[f32; 2]; 4]>) -> ColorProfile {
    let mut profile = ColorProfile::new_srgb();
    if let Some([white, red, green, blue]) = primaries.map(|points| points.map(|[x, y]| Chromaticity { x, y })) {
        profile.update_rgb_colorimetry(white.to_xyyb(), ColorPrimaries { red, green, blue });
    }
    profile.cicp = None;
    let curve = ToneReprCurve::Parametric(vec![1.0 / gamma]);
    profile.red_trc = Some(curve.clone());
    profile.green_trc = Some(curve.clone());
    profile.blue_trc = Some(curve);
    profile
}

/// Converts rows of ink (CMYK) to sRGB.
pub(super) struct InkToSrgb {
    transform: Option<Arc<Transform8BitExecutor>>,
    ink: Vec<u8>,
}

impl InkToSrgb {
    /// With the profile of the ink, if there is one that can be read.
    pub(super) fn new(icc: Option<&[u8]>) -> Self {
        let profile = icc.and_then(|icc| ColorProfile::new_from_slice(icc).ok());
        let profile = profile.filter(|profile| profile.color_space == DataColorSpace::Cmyk);
        Self { transform: profile.and_then(|profile| transform(&profile, Layout::Rgba, Layout::Rgb)), ink: Vec::new() }
    }

    /// Converts a row that stores ink as light: 255 is none. Adobe's programs write it so, and all others followed.
    pub(super) fn convert(&mut self, row: &[u8], rgb: &mut Vec<u8>) {
        rgb.clear();
        if let Some(transform) = &self.transform {
            self.ink.clear();
            self.ink.extend(row.iter().map(|light| 255 - light));
            rgb.resize(row.len() / 4 * 3, 0);
            if transform.transform(&self.ink, rgb).is_ok() {
                return;
            }
            rgb.clear();
        }
        let paper = |light: u8, black: u8| ((u32::from(light) * u32::from(black) + 127) / 255) as u8;
        rgb.extend(row.chunks_exact(4).flat_map(|light| [0, 1, 2].map(|at| paper(light[at], light[3]))));
    }
}
