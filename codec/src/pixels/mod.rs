//! Renders an image as a smaller image.
//!
//! Owns decoding, orientation, resizing, colour conversion and encoding of still images, and reading the frames of an
//! animated WebP. Does not own reading files, choosing sizes, or HEIC and AVIF input (a child process converts those to
//! upright JPEGs or PNGs first). Invariant: nothing is decoded before its header has been checked against [`Limits`],
//! the memory and the time of an image are known in advance ([`ImageInfo::cost`], [`ImageInfo::decode_time`]), and the
//! result contains pixels only: no EXIF, XMP, GPS or comment. ([`recompress`] alone keeps a file's metadata.)

mod animation;
mod color;
mod downscale;
mod encode;
mod excerpt;
mod geometry;
mod gif;
mod hdr;
mod image_info;
mod interrupt;
mod jpeg;
mod orient;
mod png;
mod recompress;
mod resize;
#[cfg(test)]
mod tests;
mod webp;

use std::panic::{AssertUnwindSafe, catch_unwind};

pub use animation::{AnimationLimits, webp_to_apng};
pub use encode::Encoding;
pub use geometry::{Fit, Frame};
pub use image_info::{ImageInfo, PROBE_BYTES, SourceFormat, probe};
pub use interrupt::Interrupt;
pub use png::with_code_points;
pub use recompress::recompress;

/// The highest cost of one image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Pixels of the source, width times height.
    pub pixels: u64,
    /// Memory in bytes while it is rendered, including the source's own bytes.
    pub bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { pixels: 100_000_000, bytes: 640 << 20 }
    }
}

/// Why an image could not be rendered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not JPEG, PNG, WebP or GIF, or a variant of them that is not in use (arithmetic or lossless JPEG).
    #[error("This kind of image cannot be resized; send a JPEG, PNG, WebP or GIF.")]
    Unsupported,
    /// More pixels than [`Limits::pixels`].
    #[error("The image has {megapixels} megapixels, more than the {limit} allowed; send a smaller one.")]
    TooManyPixels {
        /// Its megapixels, rounded up.
        megapixels: u64,
        /// The limit in megapixels.
        limit: u64,
    },
    /// Decoding would take more memory than [`Limits::bytes`].
    #[error(
        "Decoding this image would take {needs_mib} MiB, more than the {limit_mib} allowed; send it as a plain JPEG."
    )]
    TooMuchMemory {
        /// The memory it would take.
        needs_mib: u64,
        /// The limit.
        limit_mib: u64,
    },
    /// The bytes end before the image does.
    #[error("The image's data ends too early; upload it again.")]
    Truncated,
    /// The bytes contradict themselves; the text says where that was detected.
    #[error("The image's data is damaged ({0}); export it again and upload that.")]
    Damaged(&'static str),
    /// [`Interrupt::set`] was called.
    #[error("The image was cancelled before it was ready; request it again.")]
    Interrupted,
    /// The encoder failed, which should not happen for any input.
    #[error("The image could not be encoded as {0}; request another format.")]
    Encode(&'static str),
}

/// Pixels, upright and in sRGB, 8 bits a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    width: u32,
    height: u32,
    channels: u8,
    pixels: Vec<u8>,
}

impl Image {
    /// Width in pixels.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Whether it has an alpha channel.
    pub fn has_alpha(&self) -> bool {
        self.channels == 4
    }

    /// Rows from the top, 3 or 4 bytes a pixel.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// Encodes the image. Transparency is kept in WebP and AVIF and blended with white in JPEG.
    pub fn encode(&self, encoding: Encoding) -> Result<Vec<u8>, Error> {
        guard(|| encode::encode(self, encoding))
    }

    /// Encodes the image as a source for further sizes: lossless where there is transparency, otherwise a JPEG at full
    /// chroma resolution with no visible loss (see the tests), which can be decoded at eighths of its size.
    pub fn encode_intermediate(&self) -> Result<Vec<u8>, Error> {
        guard(|| encode::intermediate(self))
    }

    /// Returns the image within `frame`, never larger than it is.
    pub fn fit_into(&self, frame: Frame) -> Result<Self, Error> {
        let plan = geometry::plan(self.width, self.height, 1, frame);
        let source = downscale::Downscaled {
            width: self.width,
            height: self.height,
            channels: self.channels,
            pixels: self.pixels.clone(),
            factor: 1.0,
            left: 0.0,
            top: 0.0,
            color: None,
        };
        guard(|| resize::fit(source, &plan))
    }

    /// Returns the thumbhash, about 25 bytes, of an image rendered within [`THUMBHASH_FRAME`]; a larger one has none.
    pub fn thumbhash(&self) -> Option<Vec<u8>> {
        if self.width > 100 || self.height > 100 {
            return None;
        }
        let rgba = encode::rgba(self);
        guard(|| Ok(thumbhash::rgba_to_thumb_hash(self.width as usize, self.height as usize, &rgba))).ok()
    }
}

/// The frame into which an image is rendered before its [`Image::thumbhash`] is computed.
pub const THUMBHASH_FRAME: Frame = Frame { width: 100, height: 100, fit: Fit::Contain };

/// Decodes `bytes`, applies the EXIF `orientation` (1–8), and fits the image into `frame`, never larger than the
/// source. For animations it renders the first frame.
pub fn render(bytes: &[u8], orientation: u8, frame: Frame, limits: Limits) -> Result<Image, Error> {
    render_with_interrupt(bytes, orientation, frame, limits, &Interrupt::default())
}

/// Does the same as [`render`], and returns [`Error::Interrupted`] soon after `interrupt` is set: at the next row where
/// the decoder works by rows (JPEG of one scan, PNG and GIF that are not interlaced), at the next step elsewhere.
pub fn render_with_interrupt(
    bytes: &[u8],
    orientation: u8,
    frame: Frame,
    limits: Limits,
    interrupt: &Interrupt,
) -> Result<Image, Error> {
    let info = probe(bytes)?;
    info.check(bytes.len() as u64, orientation, frame, limits)?;
    let plan = geometry::plan(info.width, info.height, orientation, frame);
    guard(|| {
        let downscaled = match info.source {
            SourceFormat::Jpeg => jpeg::decode(bytes, &plan, interrupt)?,
            SourceFormat::Png => png::decode(bytes, &plan, limits, interrupt)?,
            SourceFormat::Gif => gif::decode(bytes, &plan, limits, interrupt)?,
            SourceFormat::Webp => webp::decode(bytes, &plan, limits, interrupt)?,
        };
        interrupt.check()?;
        let color = downscaled.color.clone();
        let mut picture = orient::upright(resize::fit(downscaled, &plan)?, orientation);
        interrupt.check()?;
        if let Some(color) = color {
            color::to_srgb(&mut picture, &color);
        }
        Ok(picture)
    })
}

/// The libraries below report some damage by unwinding (libjpeg by design, the others by their assertions), which is
/// caught here.
fn guard<T>(work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(Error::Damaged("decoder stopped")))
}
