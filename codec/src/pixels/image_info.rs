//! Reads from an image's first bytes its format, its size and the cost of decoding it.
//!
//! Invariant: probing allocates nothing (but a few kilobytes for a GIF whose screen has no area), so it can be done
//! before a permit to decode is acquired.

use std::time::Duration;

use super::downscale::Window;
use super::geometry::{Fit, Frame, plan, swaps_sides};
use super::{Encoding, Error, Limits, jpeg};
use crate::header::{self, Header};
use crate::sniff::Format;

/// The bytes at a file's start that are enough for [`probe`], except for the rare JPEG with megabytes of metadata in
/// front.
pub const PROBE_BYTES: usize = 1 << 20;

/// The frames that one [`Image::encode_intermediate`](super::Image::encode_intermediate) fits into, in landscape; the
/// smaller ones are for sources that exceed the memory limit at a larger one. The first is large enough for every frame
/// of up to 2560 × 2560 of a source whose aspect ratio is 3:2 or closer to square.
const INTERMEDIATES: [(u32, u32); 4] = [(3840, 2560), (1920, 1280), (960, 640), (480, 320)];

/// The file formats that can be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SourceFormat {
    /// JPEG, baseline or progressive.
    Jpeg,
    /// PNG (of an APNG, the default image).
    Png,
    /// GIF (the first frame).
    Gif,
    /// WebP (of an animation, the first frame).
    Webp,
}

/// The properties in an image's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageInfo {
    /// The format.
    pub source: SourceFormat,
    /// Width in stored pixels.
    pub width: u32,
    /// Height in stored pixels.
    pub height: u32,
    /// Bytes per source pixel in the decoder, times 16, without the rows that it returns.
    decoder_bytes_per_16_pixels: u64,
    /// Bytes per returned pixel.
    channels: u64,
    /// Whether the decoder itself can scale.
    can_scale: bool,
    /// CPU time of decoding for each source pixel, in nanoseconds, rounded up.
    decode_nanos_per_pixel: u64,
}

/// Reads the header of a JPEG, PNG, GIF or WebP; [`PROBE_BYTES`] of it are nearly always enough. Returns
/// [`Error::Truncated`] if they are not.
pub fn probe(head: &[u8]) -> Result<ImageInfo, Error> {
    let info = match head {
        [0xff, 0xd8, 0xff, ..] => from_jpeg(head)?,
        [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, ..] => from_png(head)?,
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => from_gif(head)?,
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => from_webp(head)?,
        _ => return Err(Error::Unsupported),
    };
    if info.width == 0 || info.height == 0 {
        return Err(Error::Damaged("size"));
    }
    Ok(info)
}

impl ImageInfo {
    /// Returns width times height.
    pub fn pixels(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    /// Returns the memory in bytes that it takes at most to render this source of `bytes` into `frame` and to encode
    /// the result, including the source.
    pub fn cost(&self, bytes: u64, orientation: u8, frame: Frame, encoding: Option<Encoding>) -> u64 {
        let plan = plan(self.width, self.height, orientation, frame);
        let window = if self.can_scale {
            let eighths = jpeg::eighths(&plan);
            let scale = 8.0 / f64::from(eighths);
            let downscaled = |length: u32| (u64::from(length) * u64::from(eighths)).div_ceil(8) as u32;
            Window::scaled(&plan, downscaled(self.width), downscaled(self.height), scale, 1)
        } else {
            Window::new(&plan, self.width, self.height)
        };
        let out = u64::from(plan.width) * u64::from(plan.height);
        let halfway = u64::from(plan.width) * window.output_size().1 as u64;
        let rows = u64::from(self.width) * 4 * 48;
        let decode =
            self.pixels() * self.decoder_bytes_per_16_pixels / 16 + rows + window.bytes(self.channels) + 256 * 1024;
        // While the resizer runs, the decoder is freed; while the encoder runs, both are.
        let resize = window.bytes(self.channels) + (halfway + out * 3) * self.channels;
        let encode = out * (self.channels * 2 + encoding.map_or(0, Encoding::bytes_per_pixel));
        bytes + decode.max(resize).max(encode)
    }

    /// Returns the CPU time on an ordinary core that decoding takes at most, as far as the header shows.
    pub fn decode_time(&self) -> Duration {
        Duration::from_nanos(self.pixels() * self.decode_nanos_per_pixel)
    }

    /// Returns the CPU time that rendering into `frame` and encoding take at most.
    pub fn time(&self, orientation: u8, frame: Frame, encoding: Encoding) -> Duration {
        let plan = plan(self.width, self.height, orientation, frame);
        self.decode_time()
            + Duration::from_nanos(u64::from(plan.width) * u64::from(plan.height) * encoding.nanos_per_pixel())
    }

    /// Returns the frame of the image from which all other sizes can be rendered: as large as they need if the memory
    /// limit allows it, or `None`.
    pub fn intermediate(&self, bytes: u64, orientation: u8, limits: Limits) -> Option<Frame> {
        let upright = if swaps_sides(orientation) { (self.height, self.width) } else { (self.width, self.height) };
        let frames = INTERMEDIATES.iter().map(|&(long, short)| {
            let (width, height) = if upright.0 >= upright.1 { (long, short) } else { (short, long) };
            Frame { width, height, fit: Fit::Contain }
        });
        frames.into_iter().find(|frame| self.cost(bytes, orientation, *frame, Some(Encoding::Jpeg)) <= limits.bytes)
    }

    /// Returns width and height, upright, of the result of rendering into `frame`.
    pub fn size(&self, orientation: u8, frame: Frame) -> (u32, u32) {
        let plan = plan(self.width, self.height, orientation, frame);
        if swaps_sides(orientation) { (plan.height, plan.width) } else { (plan.width, plan.height) }
    }

    /// Returns an error for images that exceed the limits.
    pub fn check(&self, bytes: u64, orientation: u8, frame: Frame, limits: Limits) -> Result<(), Error> {
        const MEGA: u64 = 1_000_000;
        if self.pixels() > limits.pixels {
            return Err(Error::TooManyPixels { megapixels: self.pixels().div_ceil(MEGA), limit: limits.pixels / MEGA });
        }
        let needs = self.cost(bytes, orientation, frame, None);
        if needs > limits.bytes {
            return Err(Error::TooMuchMemory { needs_mib: needs.div_ceil(1 << 20), limit_mib: limits.bytes >> 20 });
        }
        Ok(())
    }
}

fn from_jpeg(head: &[u8]) -> Result<ImageInfo, Error> {
    let header = jpeg::header(head)?;
    Ok(ImageInfo {
        source: SourceFormat::Jpeg,
        width: u32::from(header.width),
        height: u32::from(header.height),
        decoder_bytes_per_16_pixels: if header.buffered { header.coefficients_per_16_pixels * 2 } else { 0 },
        channels: 3,
        can_scale: true,
        decode_nanos_per_pixel: if header.buffered { 40 } else { 8 },
    })
}

/// PNG (third edition) §11.2.1: IHDR is the first chunk.
fn from_png(head: &[u8]) -> Result<ImageInfo, Error> {
    let [width, height] =
        [16, 20].map(|at| head.get(at..at + 4).and_then(|b| b.try_into().ok()).map(u32::from_be_bytes));
    let (Some(width), Some(height), Some(&interlace)) = (width, height, head.get(28)) else {
        return Err(Error::Truncated);
    };
    if head.get(12..16) != Some(b"IHDR") {
        return Err(Error::Damaged("PNG header"));
    }
    // An interlaced image arrives as seven coarser ones and has to be held whole.
    Ok(ImageInfo {
        source: SourceFormat::Png,
        width,
        height,
        decoder_bytes_per_16_pixels: if interlace == 0 { 0 } else { 4 * 16 },
        channels: 4,
        can_scale: false,
        decode_nanos_per_pixel: if interlace == 0 { 20 } else { 40 },
    })
}

/// GIF89a §18: the logical screen. A frame's colour indexes take a byte a pixel.
fn from_gif(head: &[u8]) -> Result<ImageInfo, Error> {
    let Some(&[w0, w1, h0, h1]) = head.get(6..10) else { return Err(Error::Truncated) };
    let screen = (u32::from(u16::from_le_bytes([w0, w1])), u32::from(u16::from_le_bytes([h0, h1])));
    let (width, height) = match screen {
        (1.., 1..) => screen,
        // As large as its first frame.
        _ => match header::image(Format::Gif, head, false) {
            Header::Known(image) => (image.width, image.height),
            Header::NeedMore | Header::InWholeFile => return Err(Error::Truncated),
            Header::Invalid(_) => return Err(Error::Damaged("size")),
        },
    };
    Ok(ImageInfo {
        source: SourceFormat::Gif,
        width,
        height,
        decoder_bytes_per_16_pixels: 16,
        channels: 4,
        can_scale: false,
        decode_nanos_per_pixel: 20,
    })
}

/// RFC 9649 §2.5–2.7. The decoder holds YUV planes and a whole image, for lossless ARGB twice.
fn from_webp(head: &[u8]) -> Result<ImageInfo, Error> {
    const LOSSY: u64 = 72 + 8; // 1.5 bytes of planes and 3 of RGB, and half a byte of slack
    const OTHER: u64 = 12 * 16; // RGBA, an alpha plane decoded through ARGB, planes
    let Some(kind) = head.get(12..16) else { return Err(Error::Truncated) };
    let Some(&[b0, b1, b2, b3, b4, b5, b6, b7, b8, b9]) = head.get(20..30) else { return Err(Error::Truncated) };
    let (width, height, held) = match kind {
        b"VP8 " => {
            if [b3, b4, b5] != [0x9d, 0x01, 0x2a] {
                return Err(Error::Damaged("WebP frame header"));
            }
            let side = |low, high| u32::from(u16::from_le_bytes([low, high]) & 0x3fff);
            (side(b6, b7), side(b8, b9), LOSSY)
        }
        b"VP8L" => {
            let bits = u32::from_le_bytes([b1, b2, b3, b4]);
            ((bits & 0x3fff) + 1, ((bits >> 14) & 0x3fff) + 1, OTHER)
        }
        b"VP8X" => {
            let side = |a, b, c| u32::from_le_bytes([a, b, c, 0]) + 1;
            let (alpha, animated) = (b0 & 0x10 != 0, b0 & 0x02 != 0);
            (side(b4, b5, b6), side(b7, b8, b9), if alpha || animated { OTHER } else { OTHER.min(LOSSY * 2) })
        }
        _ => return Err(Error::Damaged("WebP chunk")),
    };
    Ok(ImageInfo {
        source: SourceFormat::Webp,
        width,
        height,
        decoder_bytes_per_16_pixels: held,
        channels: 4,
        can_scale: false,
        decode_nanos_per_pixel: if held == LOSSY { 30 } else { 45 },
    })
}
