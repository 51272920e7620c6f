//! Converts what an image's numbers mean to sRGB, so that no profile has to be stored with an image.
//!
//! Owns the choice among what a file says: a profile (ICC.1), code points (ITU-T H.273), or a gamma. Invariant: a
//! description that cannot be read, or is for another kind of numbers, leaves the pixels unchanged.

use std::sync::Arc;

use moxcms::{
    CicpProfile, ColorProfile, DataColorSpace, Layout, MatrixCoefficients, ToneReprCurve, Transform8BitExecutor,
    TransformOptions, XyY, Xyzd,
};

use super::{Image, hdr};

/// The largest profile that is read, in bytes; real ones for displays and cameras have 0.5–600 KB, for printers 2 MB.
pub(super) const MAX_ICC_BYTES: usize = 4 << 20;

/// The colour primaries of ITU-T H.273 that are no colours but the axes of CIE 1931.
const XYZ: u8 = 10;
/// The exponent of a display of television (ITU-R BT.1886). Browsers show by it what has the curve of its cameras
/// (transfer characteristics 1, 6, 11, 14 and 15).
const TELEVISION_EXPONENT: f32 = 2.4;

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

impl ColorSpace {
    /// Returns code points that browsers know. Others say nothing.
    pub(super) fn code_points(primaries: u8, transfer: u8) -> Option<Self> {
        let is_known = matches!(primaries, 1 | 4..=12 | 22) && matches!(transfer, 1 | 4..=8 | 11 | 13..=18);
        is_known.then_some(Self::CodePoints(primaries, transfer))
    }
}

/// Returns whether a profile can be read.
pub(super) fn is_readable(icc: &[u8]) -> bool {
    icc.len() <= MAX_ICC_BYTES && ColorProfile::new_from_slice(icc).is_ok()
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
        ColorSpace::Gamma(gamma, primaries) => match profile_with_gamma(*gamma, *primaries) {
            Some(profile) => profile,
            None => return,
        },
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
    profile.cicp?;
    if primaries == XYZ {
        set_primaries(&mut profile, [[1.0 / 3.0; 2], [1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])?;
        profile.cicp = Some(points);
    }
    if matches!(transfer, 1 | 6 | 11 | 14 | 15) {
        set_exponent(&mut profile, TELEVISION_EXPONENT);
    }
    Some(profile)
}

/// PNG (third edition) §11.3.2.2: a sample is the light to the power of `gamma`.
fn profile_with_gamma(gamma: f32, primaries: Option<[[f32; 2]; 4]>) -> Option<ColorProfile> {
    let mut profile = ColorProfile::new_srgb();
    if let Some(points) = primaries {
        set_primaries(&mut profile, points)?;
    }
    set_exponent(&mut profile, 1.0 / gamma);
    Some(profile)
}

/// Sets x and y of white, red, green and blue. Returns `None` if there is no colour between them. The library's own
/// function takes no y of 0, which imaginary primaries have.
fn set_primaries(profile: &mut ColorProfile, points: [[f32; 2]; 4]) -> Option<()> {
    let [white, red, green, blue] = points.map(|point| point.map(f64::from));
    let twice_the_area = (green[0] - red[0]) * (blue[1] - red[1]) - (blue[0] - red[0]) * (green[1] - red[1]);
    if white[1] < 0.01 || twice_the_area.abs() < 0.001 {
        return None;
    }
    let light = |[x, y]: [f64; 2]| Xyzd { x, y, z: 1.0 - x - y };
    let white = XyY::new(white[0], white[1], 1.0);
    profile.update_rgb_colorimetry_triplet(white, light(red), light(green), light(blue));
    Some(())
}

/// Light is a number to the power of `exponent`.
fn set_exponent(profile: &mut ColorProfile, exponent: f32) {
    profile.cicp = None;
    let curve = ToneReprCurve::Parametric(vec![exponent]);
    profile.red_trc = Some(curve.clone());
    profile.green_trc = Some(curve.clone());
    profile.blue_trc = Some(curve);
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The expected values are those of Chromium 156 (`web/e2e/colour.spec.ts` compares with the one that is
    /// installed).
    #[test]
    fn code_points_and_gammas_are_shown_as_browsers_show_them() {
        let brick = [200, 60, 40];
        let axes = [[1.0 / 3.0; 2], [1.0, 0.0], [0.0, 1.0], [0.0, 0.0]];
        for (from, wanted) in [
            (ColorSpace::CodePoints(12, 13), [217, 42, 23]),
            (ColorSpace::CodePoints(9, 13), [247, 0, 23]),
            (ColorSpace::CodePoints(1, 1), [197, 49, 28]),
            (ColorSpace::CodePoints(12, 11), [215, 24, 0]),
            (ColorSpace::CodePoints(9, 14), [244, 0, 0]),
            (ColorSpace::CodePoints(10, 8), [255, 0, 118]),
            (ColorSpace::CodePoints(9, 16), [255, 0, 0]),
            (ColorSpace::CodePoints(9, 18), [230, 0, 8]),
            (ColorSpace::Gamma(1.0, None), [229, 133, 110]),
            (ColorSpace::Gamma(1.0, Some(axes)), [255, 0, 118]),
            (ColorSpace::Gamma(1.0, Some([[0.0; 2]; 4])), brick),
        ] {
            let mut image = Image { width: 1, height: 1, channels: 3, pixels: brick.to_vec() };
            to_srgb(&mut image, &from);
            let is_near = image.pixels.iter().zip(wanted).all(|(shown, wanted)| shown.abs_diff(wanted) <= 2);
            assert!(is_near, "{from:?}: {:?} instead of {wanted:?}", image.pixels);
        }
        for (primaries, transfer) in [(2, 2), (12, 2), (2, 13), (1, 9), (1, 12), (0, 0), (255, 255)] {
            assert_eq!(ColorSpace::code_points(primaries, transfer), None);
        }
    }
}
