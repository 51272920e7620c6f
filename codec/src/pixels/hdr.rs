//! Brings stills of high dynamic range (PQ, HLG) to the brightness of sRGB.
//!
//! The curve is the one by which Chromium shows them on an ordinary display: the reference white tone mapping of SMPTE
//! ST 2094-50 for a file without metadata. Invariant: SDR white of the file is a bright grey, its peak is white, and
//! all three colours of a pixel are scaled alike; what sRGB has no colour for is cut off.

use super::Image;

/// SDR white, in cd/m² (ITU-R BT.2408).
const SDR_WHITE: f32 = 203.0;
/// The peak of a display that files are made for, in cd/m²; what is brighter is white.
const PEAK: f32 = 1000.0;
/// Steps of the table from light to sRGB.
const STEPS: usize = 4096;

/// The transfer characteristics of ITU-T H.273.
const PQ: u8 = 16;
const HLG: u8 = 18;
/// The colour primaries of ITU-T H.273.
const BT_2020: u8 = 9;
const DISPLAY_P3: u8 = 12;

/// Linear light of the primaries in that of BT.709 (ITU-R BT.2087, and the same for Display P3).
const FROM_BT_2020: [[f32; 3]; 3] =
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]];
const FROM_DISPLAY_P3: [[f32; 3]; 3] = [[1.2249, -0.2247, 0.0], [-0.0420, 1.0419, 0.0], [-0.0197, -0.0786, 1.0979]];
const SAME: [[f32; 3]; 3] = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
/// Linear light of BT.709 and of Display P3 in that of BT.2020.
const BT_709_IN_BT_2020: [[f32; 3]; 3] = [[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]];
const DISPLAY_P3_IN_BT_2020: [[f32; 3]; 3] =
    [[0.7538, 0.1986, 0.0476], [0.0457, 0.9418, 0.0125], [-0.0012, 0.0176, 0.9836]];

/// Returns whether numbers with these transfer characteristics are of high dynamic range.
pub(super) fn is_hdr(transfer: u8) -> bool {
    matches!(transfer, PQ | HLG)
}

/// Converts pixels with these primaries and transfer characteristics.
pub(super) fn to_srgb(image: &mut Image, primaries: u8, transfer: u8) {
    let light: Vec<f32> = (0..=255_u8).map(|value| light(f32::from(value) / 255.0, transfer)).collect();
    let srgb: Vec<u8> = (0..=STEPS).map(|step| encode(step as f32 / STEPS as f32)).collect();
    let (in_bt_709, in_bt_2020) = match primaries {
        BT_2020 => (FROM_BT_2020, SAME),
        DISPLAY_P3 => (FROM_DISPLAY_P3, DISPLAY_P3_IN_BT_2020),
        _ => (SAME, BT_709_IN_BT_2020),
    };
    for pixel in image.pixels.chunks_exact_mut(image.channels.into()) {
        let [r, g, b] = [0, 1, 2].map(|at| light[usize::from(pixel[at])]);
        // HLG's system gamma of 1.2 at 1000 cd/m² (ITU-R BT.2100, table 5).
        let gain = if transfer == HLG { (0.2627 * r + 0.678 * g + 0.0593 * b).max(0.0).powf(0.2) * PEAK } else { 1.0 };
        let [r, g, b] = [r, g, b].map(|value| value * gain / SDR_WHITE);
        let light_in = |matrix: [[f32; 3]; 3]| matrix.map(|[x, y, z]| x * r + y * g + z * b);
        let brightest = light_in(in_bt_2020).into_iter().fold(1e-6, f32::max);
        let scale = tone_mapped(brightest) / brightest;
        for (value, light) in pixel.iter_mut().zip(light_in(in_bt_709)) {
            *value = srgb[((light * scale).clamp(0.0, 1.0) * STEPS as f32).round() as usize];
        }
    }
}

/// Returns the light of a value: of PQ in cd/m² (SMPTE ST 2084), of HLG the scene's, from 0 to 1 (ITU-R BT.2100).
fn light(value: f32, transfer: u8) -> f32 {
    if transfer == HLG {
        let (a, b, c) = (0.178_832_77_f32, 0.284_668_92, 0.559_910_7);
        return if value <= 0.5 { value * value / 3.0 } else { (((value - c) / a).exp() + b) / 12.0 };
    }
    let (m1, m2) = (0.159_301_76_f32, 78.84375);
    let (c1, c2, c3) = (0.835_937_5, 18.851_563, 18.6875);
    let root = value.powf(1.0 / m2);
    10_000.0 * ((root - c1).max(0.0) / (c2 - c3 * root)).powf(1.0 / m1)
}

/// Returns what light becomes, both as multiples of SDR white: half of it up to SDR white, and from there to the peak a
/// quadratic Bézier curve, whose control point continues the straight line.
fn tone_mapped(light: f32) -> f32 {
    /// SDR white afterwards.
    const WHITE: f32 = 0.5;
    /// How far the control point is from SDR white towards the point where the straight line would reach 1.
    const SHARPNESS: f32 = 0.65;
    if light <= 1.0 {
        return light * WHITE;
    }
    let control = 1.0 + SHARPNESS * (1.0 / WHITE - 1.0);
    let (a, b) = (1.0 - 2.0 * control + PEAK / SDR_WHITE, 2.0 * (control - 1.0));
    let t = (((b * b + 4.0 * a * (light - 1.0)).sqrt() - b) / (2.0 * a)).min(1.0);
    let control = WHITE + SHARPNESS * (1.0 - WHITE);
    let (a, b) = (WHITE - 2.0 * control + 1.0, 2.0 * (control - WHITE));
    WHITE + t * (b + t * a)
}

/// IEC 61966-2-1.
fn encode(light: f32) -> u8 {
    let value = if light <= 0.003_130_8 { light * 12.92 } else { 1.055 * light.powf(1.0 / 2.4) - 0.055 };
    (value * 255.0).round().clamp(0.0, 255.0) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grey(value: u8, transfer: u8) -> [u8; 3] {
        let mut image = Image { width: 1, height: 1, channels: 3, pixels: vec![value; 3] };
        to_srgb(&mut image, BT_2020, transfer);
        image.pixels.try_into().unwrap()
    }

    #[test]
    fn sdr_white_is_bright_and_only_the_peak_is_white() {
        // 203 cd/m² is 58 % of PQ and 75 % of HLG (ITU-R BT.2408, table 1); 1000 are 75 % and 100 %.
        for (transfer, white, peak) in [(PQ, 148, 192), (HLG, 191, 255)] {
            let [shown, ..] = grey(white, transfer);
            assert!((150..190).contains(&shown), "{transfer}: {shown}");
            assert!(grey(peak, transfer)[0] >= 253 && grey(0, transfer) == [0; 3], "{transfer}");
            let steps: Vec<u8> = (0..=255).map(|value| grey(value, transfer)[0]).collect();
            assert!(steps.is_sorted(), "{transfer}");
        }
    }

    #[test]
    fn greys_are_as_bright_as_in_chromium() {
        let levels = [64, 90, 116, 142, 168, 194, 220];
        for (transfer, wanted) in [(PQ, [30, 61, 106, 169, 226, 255, 255]), (HLG, [43, 66, 89, 113, 147, 193, 224])] {
            let shown = levels.map(|level| grey(level, transfer)[0]);
            assert!(shown.iter().zip(wanted).all(|(shown, wanted)| shown.abs_diff(wanted) <= 2), "{shown:?}");
        }
    }

    #[test]
    fn grey_stays_grey_and_a_wide_red_stays_red() {
        let [r, g, b] = grey(140, PQ);
        assert!(r.abs_diff(g) <= 1 && g.abs_diff(b) <= 1, "{r} {g} {b}");
        let mut image = Image { width: 1, height: 1, channels: 4, pixels: vec![150, 20, 20, 77] };
        to_srgb(&mut image, BT_2020, PQ);
        assert!(image.pixels[0] > 100 && image.pixels[1] < 40 && image.pixels[3] == 77, "{:?}", image.pixels);
    }
}
