//! Stores a photo in fewer bytes: the same pixels, the same metadata, another coding.
//!
//! Owns JPEG, whose coefficients are coded again in shorter codes, and PNG, whose rows are filtered and deflated again.
//! Does not own when a photo is written again, nor where it is stored. A file whose structure is not plainly understood
//! is left as it is: animations, several pictures in a file, data behind its end, progressive JPEG. Invariant: what is
//! returned was decoded, and has the pixels of the original.

mod compare;
mod jpeg;
mod png;

use super::{Error, Interrupt, guard};

/// Larger JPEG stay sequential, with shorter codes only. A progressive one of this size takes 0.4 s to decode, five
/// times as long; past that, `delivery` stores a decoded copy of a photo whose sizes are asked for, which takes more
/// than the shorter file saves.
const MAX_PROGRESSIVE_PIXELS: u64 = 10_000_000;
/// A file that is not at least so many percent shorter is not worth another object.
const MIN_SAVED_PERCENT: usize = 2;

/// Returns the same photo in fewer bytes; `None` if it would not be worth while, or if the file is none that is plainly
/// understood. Takes at most some 250 MiB, and a minute for a PNG that is hard to deflate.
///
/// [`Error::Encode`] if the result does not have the pixels of the original, which should not happen for any file.
pub fn recompress(bytes: &[u8], interrupt: &Interrupt) -> Result<Option<Vec<u8>>, Error> {
    let attempt = guard(|| match bytes {
        [0xff, 0xd8, 0xff, ..] => {
            let new = jpeg::recompress(bytes, interrupt)?;
            checked(bytes, new, |new| compare::same_jpeg(bytes, new, interrupt))
        }
        [0x89, b'P', b'N', b'G', ..] => {
            let new = png::recompress(bytes, interrupt)?;
            checked(bytes, new, |new| compare::same_png(bytes, new, interrupt))
        }
        _ => Ok(None),
    });
    match attempt {
        Err(error @ (Error::Interrupted | Error::Encode(_))) => Err(error),
        Err(_) => Ok(None),
        Ok(made) => Ok(made),
    }
}

/// Returns the new file if it is short enough; an error if it does not have the same pixels.
fn checked(
    old: &[u8],
    new: Vec<u8>,
    is_same: impl FnOnce(&[u8]) -> Result<bool, Error>,
) -> Result<Option<Vec<u8>>, Error> {
    if new.len() > old.len() - old.len() * MIN_SAVED_PERCENT / 100 {
        return Ok(None);
    }
    if is_same(&new)? { Ok(Some(new)) } else { Err(Error::Encode("the same pixels in fewer bytes")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a picture with soft and hard edges and some noise, `channels` bytes a pixel.
    fn picture(width: usize, height: usize, channels: usize) -> Vec<u8> {
        let mut noise = 1_u32;
        let mut value = |at: usize, x: usize, y: usize| {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let edge = if (x / 11 + y / 7).is_multiple_of(2) { 60 } else { 0 };
            (edge + x * 2 + y + at * 40) as u8 / 2 + (noise >> 29) as u8
        };
        let mut pixels = Vec::new();
        for y in 0..height {
            for x in 0..width {
                (0..channels).for_each(|at| pixels.push(value(at, x, y)));
            }
        }
        pixels
    }

    /// Returns a sequential JPEG with the usual tables, whose colours are sampled at every first or second pixel, or
    /// one without colours.
    pub(super) fn jpeg((width, height): (usize, usize), sampling: Option<u8>) -> Vec<u8> {
        use mozjpeg::{ColorSpace, Compress};
        let space = if sampling.is_some() { ColorSpace::JCS_RGB } else { ColorSpace::JCS_GRAYSCALE };
        let mut compress = Compress::new(space);
        compress.set_size(width, height);
        compress.set_fastest_defaults();
        compress.set_quality(92.0);
        if let Some(sampling) = sampling {
            compress.set_chroma_sampling_pixel_sizes((sampling, sampling), (sampling, sampling));
        } else {
            compress.set_color_space(ColorSpace::JCS_GRAYSCALE);
        }
        let mut started = compress.start_compress(Vec::new()).unwrap();
        started.write_scanlines(&picture(width, height, if sampling.is_some() { 3 } else { 1 })).unwrap();
        started.finish().unwrap()
    }

    /// Puts a comment behind the beginning of a JPEG.
    pub(super) fn with_comment(jpeg: &[u8], text: &[u8]) -> Vec<u8> {
        let length = (text.len() as u16 + 2).to_be_bytes();
        [&jpeg[..2], &[0xff, 0xfe], &length, text, &jpeg[2..]].concat()
    }

    fn png(kind: ::png::ColorType, depth: ::png::BitDepth, channels: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = ::png::Encoder::new(&mut bytes, 64, 48);
        encoder.set_color(kind);
        encoder.set_depth(depth);
        encoder.set_compression(::png::Compression::Fast);
        encoder.set_filter(::png::Filter::NoFilter);
        if kind == ::png::ColorType::Indexed {
            encoder.set_palette((0..=255).flat_map(|shade| [shade, 255 - shade, 7]).collect::<Vec<u8>>());
        }
        encoder.add_text_chunk("Comment".into(), "a comment".into()).unwrap();
        let width = if depth == ::png::BitDepth::Sixteen { 128 } else { 64 };
        encoder.write_header().unwrap().write_image_data(&picture(width, 48, channels)).unwrap();
        bytes
    }

    fn recompressed(bytes: &[u8]) -> Option<Vec<u8>> {
        recompress(bytes, &Interrupt::default()).unwrap()
    }

    #[test]
    fn a_jpeg_gets_shorter_and_keeps_its_segments() {
        let original = with_comment(&jpeg((160, 120), Some(2)), b"a comment");
        let new = recompressed(&original).unwrap();
        assert!(new.len() < original.len() && new.windows(9).any(|text| text == b"a comment"));
        assert!(recompressed(&new).is_none(), "once is enough");
    }

    #[test]
    fn a_png_of_each_kind_gets_shorter_and_keeps_its_chunks() {
        use ::png::{BitDepth, ColorType};
        for (kind, depth, channels) in [
            (ColorType::Rgb, BitDepth::Eight, 3),
            (ColorType::Rgba, BitDepth::Eight, 4),
            (ColorType::Grayscale, BitDepth::Sixteen, 1),
            (ColorType::Indexed, BitDepth::Eight, 1),
        ] {
            let original = png(kind, depth, channels);
            let new = recompressed(&original).unwrap_or_else(|| panic!("{kind:?}"));
            assert!(new.len() < original.len() && new.windows(9).any(|text| text == b"a comment"), "{kind:?}");
            assert_eq!(new[..33], original[..33], "the header of {kind:?}");
        }
    }

    #[test]
    fn what_is_not_plainly_understood_stays_as_it_is() {
        let (jpeg, png) = (jpeg((160, 120), Some(2)), png(::png::ColorType::Rgb, ::png::BitDepth::Eight, 3));
        for whole in [&jpeg, &png] {
            assert!(recompressed(&[whole.as_slice(), b"more"].concat()).is_none(), "data behind its end");
            for cut in [3, 20, 200, whole.len() / 2, whole.len() - 1] {
                assert!(recompressed(&whole[..cut]).is_none(), "cut at {cut}");
            }
            // Damage is noticed, or has the same pixels in both.
            for at in (0..whole.len()).step_by(whole.len() / 61) {
                let mut damaged = whole.clone();
                damaged[at] ^= 0x55;
                recompressed(&damaged);
            }
        }
        let interlaced = [&png[..28], &[1], &png[29..]].concat();
        assert!(
            recompressed(&interlaced).is_none() && recompressed(b"GIF89a").is_none() && recompressed(b"").is_none()
        );
        let cancelled = Interrupt::default();
        cancelled.set();
        assert_eq!(recompress(&jpeg, &cancelled), Err(Error::Interrupted));
        assert_eq!(recompress(&png, &cancelled), Err(Error::Interrupted));
    }
}
