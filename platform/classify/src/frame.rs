//! The picture as the model takes it: 256 × 256 pixels, of which the middle 224 × 224.
//!
//! The model was trained on pictures that were squeezed into a square, so the shape is not kept. Owns the filter
//! (triangle, as wide as the picture is reduced). Invariant: a picture whose bytes don't fit its size has no frame.

use screening::classifier::Picture;

/// The sides of a frame in pixels.
pub const FRAME_SIDE: usize = 224;
/// The bytes of a frame: three a pixel, red first.
pub const FRAME_BYTES: usize = FRAME_SIDE * FRAME_SIDE * 3;
/// The sides of the square into which a picture is squeezed first.
const SQUARE_SIDE: usize = 256;
/// What is cut off at each side.
const MARGIN: usize = (SQUARE_SIDE - FRAME_SIDE) / 2;
/// The longest side of a picture: callers reduce larger ones.
const MAX_SIDE: usize = 1024;
const CHANNELS: usize = 3;

/// The pixels of a line that make one pixel of the square, from the first on, each with its weight.
struct Taps {
    first: usize,
    weights: Vec<f32>,
}

/// Returns the taps of the pixels of a frame, in one direction.
fn taps(side: usize) -> Vec<Taps> {
    let scale = side as f32 / SQUARE_SIDE as f32;
    let radius = scale.max(1.0);
    let of = |place: usize| {
        let center = (place as f32 + 0.5) * scale;
        let first = (center - radius).floor().max(0.0) as usize;
        let end = ((center + radius).ceil() as usize).min(side);
        let weight = |at: usize| (1.0 - ((at as f32 + 0.5 - center) / radius).abs()).max(0.0);
        let weights: Vec<f32> = (first..end).map(weight).collect();
        let sum: f32 = weights.iter().sum();
        Taps { first, weights: weights.into_iter().map(|weight| weight / sum).collect() }
    };
    (MARGIN..MARGIN + FRAME_SIDE).map(of).collect()
}

/// Returns the frame of a picture, rows from the top; `None` if it is no picture.
pub fn frame_of(picture: &Picture) -> Option<Vec<u8>> {
    let (width, height) = (picture.width as usize, picture.height as usize);
    let is_sound = (1..=MAX_SIDE).contains(&width) && (1..=MAX_SIDE).contains(&height);
    if !is_sound || picture.rgb.len() != width * height * CHANNELS {
        return None;
    }
    let (across, down) = (taps(width), taps(height));
    // First each row, then each column of what that makes.
    let mut rows = Vec::with_capacity(height * FRAME_SIDE * CHANNELS);
    for row in picture.rgb.chunks_exact(width * CHANNELS) {
        for taps in &across {
            for channel in 0..CHANNELS {
                let own = row.iter().skip(taps.first * CHANNELS + channel).step_by(CHANNELS);
                rows.push(own.zip(&taps.weights).map(|(value, weight)| f32::from(*value) * weight).sum::<f32>());
            }
        }
    }
    let line = FRAME_SIDE * CHANNELS;
    let mut frame = Vec::with_capacity(FRAME_BYTES);
    for taps in &down {
        for place in 0..line {
            let own = rows.iter().skip(taps.first * line + place).step_by(line);
            let value: f32 = own.zip(&taps.weights).map(|(value, weight)| value * weight).sum();
            frame.push(value.round().clamp(0.0, 255.0) as u8);
        }
    }
    Some(frame)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a picture that gets brighter from left to right, and redder from top to bottom.
    fn gradient(width: u32, height: u32) -> Picture {
        let pixel = |x: u32, y: u32| [(y * 255 / height) as u8, (x * 255 / width) as u8, 128];
        let rgb = (0..height).flat_map(|y| (0..width).flat_map(move |x| pixel(x, y))).collect();
        Picture { width, height, rgb, jpeg: Vec::new() }
    }

    #[test]
    fn any_shape_becomes_the_middle_of_a_square() {
        for (width, height) in [(512, 512), (512, 3), (1, 1), (40, 300), (256, 256)] {
            let frame = frame_of(&gradient(width, height)).unwrap();
            assert_eq!(frame.len(), FRAME_BYTES, "{width} × {height}");
            assert!(frame.iter().skip(2).step_by(3).all(|blue| *blue == 128), "a plain channel stays as it is");
        }
        let frame = frame_of(&gradient(512, 512)).unwrap();
        let green = |x: usize, y: usize| i32::from(frame[(y * FRAME_SIDE + x) * 3 + 1]);
        // A sixteenth of the square is cut off at each side: 16 of 256.
        for (x, expected) in [(0, 16), (112, 128), (223, 239)] {
            assert!((green(x, 100) - expected).abs() <= 1, "{x}: {}", green(x, 100));
        }
        assert_eq!(green(50, 0), green(50, 223));
    }

    #[test]
    fn what_is_no_picture_has_no_frame() {
        let picture = |width, height, bytes| Picture { width, height, rgb: vec![0; bytes], jpeg: Vec::new() };
        for wrong in [picture(0, 4, 0), picture(4, 4, 47), picture(4, 4, 49), picture(4096, 1, 4096 * 3)] {
            assert_eq!(frame_of(&wrong), None, "{} × {}", wrong.width, wrong.height);
        }
    }
}
