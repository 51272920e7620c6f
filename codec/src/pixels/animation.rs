//! Converts an animated WebP to an animated PNG, which more programs read (ffmpeg before release 8 reads no animated
//! WebP).
//!
//! Owns decoding the frames and their times. Invariant: one frame is in memory at a time, and the conversion ends at
//! its [`AnimationLimits`], whatever the file declares.

use std::io::{Cursor, Write};

use image_webp::WebPDecoder;

use super::{Error, Interrupt, guard, webp};
use crate::header::shown_us;

/// The largest frame that is decoded, in bytes.
const MAX_FRAME_BYTES: u64 = 64 << 20;

/// Where a conversion ends. The frames before are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnimationLimits {
    /// The most frames.
    pub frames: u32,
    /// No frame starts after this time, in milliseconds.
    pub duration_ms: u64,
}

/// Writes the frames of an animated WebP to `out`, as an animated PNG. Returns their duration in milliseconds.
///
/// A damaged animation ends before its first damaged frame.
pub fn webp_to_apng(
    bytes: &[u8],
    out: &mut impl Write,
    limits: AnimationLimits,
    interrupt: &Interrupt,
) -> Result<u64, Error> {
    let not_encoded = |_: ::png::EncodingError| Error::Encode("PNG");
    guard(|| {
        let mut decoder = WebPDecoder::new(Cursor::new(bytes)).map_err(|error| webp::damaged(&error))?;
        if !decoder.is_animated() {
            return Err(Error::Damaged("animation"));
        }
        let size = decoder.output_buffer_size().filter(|&size| size as u64 <= MAX_FRAME_BYTES);
        let mut pixels = vec![0; size.ok_or(Error::Damaged("size"))?];
        // Without a colour, the decoder clears nothing between frames.
        decoder.set_background_color([255, 255, 255, 0]).map_err(|error| webp::damaged(&error))?;
        let (width, height) = decoder.dimensions();
        let frames = decoder.num_frames().min(limits.frames);
        let mut encoder = ::png::Encoder::new(out, width, height);
        encoder.set_color(if decoder.has_alpha() { ::png::ColorType::Rgba } else { ::png::ColorType::Rgb });
        encoder.set_compression(::png::Compression::Fast);
        encoder.set_animated(frames, 0).map_err(not_encoded)?;
        let mut writer = encoder.write_header().map_err(not_encoded)?;
        let mut duration_ms = 0;
        for number in 0..frames {
            interrupt.check()?;
            let frame_ms = match decoder.read_frame(&mut pixels) {
                Ok(frame_ms) => shown_ms(frame_ms),
                Err(error) if number == 0 => return Err(webp::damaged(&error)),
                Err(_) => break,
            };
            writer.set_frame_delay(frame_ms, 1000).map_err(not_encoded)?;
            writer.write_image_data(&pixels).map_err(not_encoded)?;
            duration_ms += u64::from(frame_ms);
            if duration_ms >= limits.duration_ms {
                break;
            }
        }
        writer.finish().map_err(not_encoded)?;
        Ok(duration_ms)
    })
}

/// Returns how long a frame of so many milliseconds is shown: a PNG has 16 bits for it.
fn shown_ms(frame_ms: u32) -> u16 {
    u16::try_from(shown_us(u64::from(frame_ms) * 1000) / 1000).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::header::FrameCounter;
    use crate::sniff::Format;

    /// An animation of 8 × 8 pixels: a plain frame for each delay.
    fn animated(delays_ms: &[u8]) -> Vec<u8> {
        let mut still = Vec::new();
        let encoder = image_webp::WebPEncoder::new(&mut still);
        encoder.encode(&[200; 8 * 8 * 3], 8, 8, image_webp::ColorType::Rgb8).unwrap();
        // RFC 9649 §2.7.1: the canvas, the animation's own parameters, then a chunk for each frame.
        let mut chunks = b"WEBPVP8X\x0a\0\0\0\x02\0\0\0\x07\0\0\x07\0\0ANIM\x06\0\0\0\0\0\0\0\0\0".to_vec();
        for &delay in delays_ms {
            let image = &still[12..];
            chunks.extend(b"ANMF");
            chunks.extend(u32::try_from(16 + image.len()).unwrap().to_le_bytes());
            chunks.extend([0, 0, 0, 0, 0, 0, 7, 0, 0, 7, 0, 0, delay, 0, 0, 2]);
            chunks.extend(image);
        }
        let mut file = b"RIFF".to_vec();
        file.extend(u32::try_from(chunks.len()).unwrap().to_le_bytes());
        file.extend(chunks);
        file
    }

    fn convert(file: &[u8], limits: AnimationLimits) -> Result<(u32, u64, u64), Error> {
        let mut out = Vec::new();
        let duration_ms = webp_to_apng(file, &mut out, limits, &Interrupt::default())?;
        let mut counter = FrameCounter::new(Format::Png);
        counter.push(&out);
        Ok((counter.frames(), counter.duration_ms(), duration_ms))
    }

    #[test]
    fn frames_keep_their_times_up_to_the_limits() {
        let limits = AnimationLimits { frames: 100, duration_ms: 60_000 };
        let file = animated(&[50, 0, 200]);
        assert_eq!(convert(&file, limits), Ok((3, 350, 350)), "a frame without time is shown for 100 ms");
        assert_eq!(convert(&file, AnimationLimits { frames: 2, ..limits }), Ok((2, 150, 150)));
        assert_eq!(convert(&file, AnimationLimits { duration_ms: 40, ..limits }), Ok((1, 50, 50)));
        let interrupt = Interrupt::default();
        interrupt.set();
        assert_eq!(webp_to_apng(&file, &mut Vec::new(), limits, &interrupt), Err(Error::Interrupted));
    }

    #[test]
    fn what_is_no_animation_is_damaged_and_what_is_cut_off_ends_earlier() {
        let limits = AnimationLimits { frames: 100, duration_ms: 60_000 };
        let file = animated(&[50, 60, 70]);
        for at in 0..file.len() {
            if let Ok((frames, _, duration_ms)) = convert(&file[..at], limits) {
                assert!(frames <= 3 && duration_ms <= 180, "{at}");
            }
        }
        let mut still = Vec::new();
        let encoder = image_webp::WebPEncoder::new(&mut still);
        encoder.encode(&[200; 8 * 8 * 3], 8, 8, image_webp::ColorType::Rgb8).unwrap();
        assert_eq!(convert(&still, limits), Err(Error::Damaged("animation")));
    }
}
