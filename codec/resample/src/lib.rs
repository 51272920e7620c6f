//! Resizes pixels with a Lanczos filter of three lobes, which is the default of `fast_image_resize`.
//!
//! A crate of its own because that library's generic code takes a minute to compile, wherever it is called. Does not
//! own what a plan or an orientation is: that is `codec`. Invariant: the result has exactly the size that was asked
//! for.

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::{U8x3, U8x4};
use fast_image_resize::{PixelTrait, ResizeOptions, Resizer};

/// An image of interleaved 8-bit channels, row by row.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// 3 (RGB), or 4 (RGBA, not premultiplied).
    pub channels: u8,
    /// `width * height * channels` bytes.
    pub pixels: &'a [u8],
}

/// The part of an image that is resized, in pixels of the source.
#[derive(Debug, Clone, Copy)]
pub struct Crop {
    /// From the left edge.
    pub left: f64,
    /// From the upper edge.
    pub top: f64,
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
}

/// Returns the pixels of a part of an image, resized to `width` × `height`, with the channels of the source. `None` if
/// the crop is not within the source, or the source has not as many bytes as it says.
pub fn resize(source: Source<'_>, crop: Crop, width: u32, height: u32) -> Option<Vec<u8>> {
    let options =
        ResizeOptions::new().crop(crop.left, crop.top, crop.width, crop.height).use_alpha(source.channels == 4);
    match source.channels {
        3 => resize_typed::<U8x3>(source, &options, width, height),
        4 => resize_typed::<U8x4>(source, &options, width, height),
        _ => None,
    }
}

fn resize_typed<P: PixelTrait>(
    source: Source<'_>,
    options: &ResizeOptions,
    width: u32,
    height: u32,
) -> Option<Vec<u8>> {
    let from = TypedImageRef::<P>::from_buffer(source.width, source.height, source.pixels).ok()?;
    let mut pixels = vec![0; width as usize * height as usize * P::size()];
    let mut to = TypedImage::<P>::from_buffer(width, height, &mut pixels).ok()?;
    Resizer::new().resize_typed(&from, &mut to, options).ok()?;
    drop(to);
    Some(pixels)
}
