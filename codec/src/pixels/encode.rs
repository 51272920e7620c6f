//! Encodes pixels as JPEG, WebP or AVIF.
//!
//! Invariant: nothing but pixels is written.

use super::{Error, Image};

/// The output formats. Their qualities are chosen to look alike at a normal viewing distance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// AV1 still picture: smallest, 10–50 times slower to encode than the others.
    Avif,
    /// Lossy WebP.
    Webp,
    /// Progressive JPEG.
    Jpeg,
}

impl Encoding {
    /// Returns its content type.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Avif => "image/avif",
            Self::Webp => "image/webp",
            Self::Jpeg => "image/jpeg",
        }
    }

    /// Returns the CPU time that encoding takes for each pixel, in nanoseconds, rounded up (`pixels/tests.rs` measures
    /// it).
    pub(super) fn nanos_per_pixel(self) -> u64 {
        match self {
            Self::Avif => 500,
            Self::Webp | Self::Jpeg => 150,
        }
    }

    /// Returns the memory in bytes that encoding takes for each pixel, measured and rounded up.
    pub(super) fn bytes_per_pixel(self) -> u64 {
        match self {
            Self::Avif => 60,
            Self::Webp => 16,
            Self::Jpeg => 12,
        }
    }
}

const JPEG_QUALITY: f32 = 80.0;
const WEBP_QUALITY: f32 = 76.0;
const AVIF_QUALITY: f32 = 62.0;
/// ravif's 1 (slow) to 10 (fast): 9 costs half of 8 and 3 % more bytes.
const AVIF_SPEED: u8 = 9;

pub(super) fn encode(picture: &Image, encoding: Encoding) -> Result<Vec<u8>, Error> {
    match encoding {
        Encoding::Avif => avif(picture),
        Encoding::Webp => webp(picture),
        Encoding::Jpeg => jpeg(picture),
    }
}

fn jpeg(picture: &Image) -> Result<Vec<u8>, Error> {
    let failed = |_| Error::Encode("JPEG");
    let mut compress = mozjpeg::Compress::new(mozjpeg::ColorSpace::JCS_RGB);
    compress.set_size(picture.width as usize, picture.height as usize);
    compress.set_quality(JPEG_QUALITY);
    compress.set_progressive_mode();
    compress.set_optimize_scans(false);
    let mut started = compress.start_compress(Vec::new()).map_err(failed)?;
    match picture.channels {
        4 => started.write_scanlines(&flatten_on_white(picture)),
        _ => started.write_scanlines(&picture.pixels),
    }
    .map_err(failed)?;
    started.finish().map_err(failed)
}

/// Quality of the JPEG from which further sizes are rendered.
const INTERMEDIATE_QUALITY: f32 = 95.0;

pub(super) fn intermediate(picture: &Image) -> Result<Vec<u8>, Error> {
    if picture.has_alpha() {
        return png(picture);
    }
    let failed = |_| Error::Encode("JPEG");
    let mut compress = mozjpeg::Compress::new(mozjpeg::ColorSpace::JCS_RGB);
    compress.set_size(picture.width as usize, picture.height as usize);
    compress.set_fastest_defaults();
    compress.set_quality(INTERMEDIATE_QUALITY);
    compress.set_chroma_sampling_pixel_sizes((1, 1), (1, 1));
    let mut started = compress.start_compress(Vec::new()).map_err(failed)?;
    started.write_scanlines(&picture.pixels).map_err(failed)?;
    started.finish().map_err(failed)
}

fn png(picture: &Image) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let mut encoder = ::png::Encoder::new(&mut bytes, picture.width, picture.height);
    encoder.set_color(::png::ColorType::Rgba);
    encoder.set_compression(::png::Compression::Fast);
    let written = encoder.write_header().and_then(|mut writer| writer.write_image_data(&picture.pixels));
    written.map_err(|_| Error::Encode("PNG"))?;
    Ok(bytes)
}

fn webp(picture: &Image) -> Result<Vec<u8>, Error> {
    let encoder = match picture.channels {
        4 => webp::Encoder::from_rgba(&picture.pixels, picture.width, picture.height),
        _ => webp::Encoder::from_rgb(&picture.pixels, picture.width, picture.height),
    };
    let memory = encoder.encode_simple(false, WEBP_QUALITY).map_err(|_| Error::Encode("WebP"))?;
    Ok(memory.to_vec())
}

fn avif(picture: &Image) -> Result<Vec<u8>, Error> {
    let encoder = ravif::Encoder::new()
        .with_quality(AVIF_QUALITY)
        .with_alpha_quality(AVIF_QUALITY)
        .with_speed(AVIF_SPEED)
        .with_bit_depth(ravif::BitDepth::Eight)
        .with_num_threads(Some(1));
    // Opaque pixels get no alpha plane. `encode_rgb` would be compiled into this crate, with all of rav1e.
    let pixels: Vec<_> = match picture.channels {
        4 => picture.pixels.chunks_exact(4).map(|p| ravif::RGBA8 { r: p[0], g: p[1], b: p[2], a: p[3] }).collect(),
        _ => picture.pixels.chunks_exact(3).map(|p| ravif::RGBA8 { r: p[0], g: p[1], b: p[2], a: 255 }).collect(),
    };
    let file = encoder.encode_rgba(ravif::Img::new(&pixels, picture.width as usize, picture.height as usize));
    file.map(|encoded| encoded.avif_file).map_err(|_| Error::Encode("AVIF"))
}

/// Returns RGB pixels, blended with white.
pub(super) fn flatten_on_white(picture: &Image) -> Vec<u8> {
    let over = |value: u8, alpha: u32| ((u32::from(value) * alpha + 255 * (255 - alpha) + 127) / 255) as u8;
    let seen = |p: &[u8]| {
        let alpha = u32::from(p[3]);
        [over(p[0], alpha), over(p[1], alpha), over(p[2], alpha)]
    };
    picture.pixels.chunks_exact(4).flat_map(seen).collect()
}

/// Returns RGBA pixels, opaque where there is no transparency.
pub(super) fn rgba(picture: &Image) -> Vec<u8> {
    match picture.channels {
        4 => picture.pixels.clone(),
        _ => picture.pixels.chunks_exact(3).flat_map(|p| [p[0], p[1], p[2], 255]).collect(),
    }
}
