//! Reads dimensions, frame counts and durations from file headers, before anything is decoded.
//!
//! Owns the parsers of these headers. It does not judge the values: limits are `media`'s. Invariant: an image's width
//! and height are those of the upright image, and never 0.

mod audio;
mod claims;
mod claims_of;
mod cover;
mod derived_images;
mod frame_counter;
mod heif;
mod heif_picture;
mod heif_shown;
mod image;
mod isobmff;
mod matroska;
mod milliseconds;
mod ogg;
mod parameter_sets;
mod sample_entries;
mod scan_counter;
#[cfg(test)]
mod tests;
mod tracks;

use std::io::{self, Cursor, ErrorKind, Read, Seek};

pub use claims::Claims;
pub use claims_of::{claims, claims_so_far};
pub use frame_counter::FrameCounter;
#[cfg(feature = "pixels")]
pub(crate) use frame_counter::shown_us;
pub(crate) use heif::Items;
pub(crate) use heif_picture::picture as heif_picture;
pub use heif_shown::{HeifShown, heif_shown};
pub(crate) use image::{is_metadata as jpeg_is_metadata, segment as jpeg_segment};
pub use isobmff::{MoovPosition, Movie, MovieVideo, movie};
pub use scan_counter::ScanCounter;

use crate::bytes::Source;
use crate::isobmff::FormatError;
use crate::sniff::Format;

/// The most bytes of a file's start that [`image`] reads. An image whose size is stored behind more than this (depth
/// maps, provenance, workflows in front of the pixels) is measured by [`image_in`].
pub const HEADER_BYTES: usize = 1024 * 1024;

/// The header of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageHeader {
    /// Width in pixels, upright.
    pub width: u32,
    /// Height in pixels, upright.
    pub height: u32,
    /// Width in pixels as stored.
    pub stored_width: u32,
    /// Height in pixels as stored.
    pub stored_height: u32,
    /// The EXIF orientation 1–8 that turns the stored pixels upright. For HEIC and AVIF it comes from `irot` and `imir`
    /// (their EXIF is ignored, ISO/IEC 23008-12 §6.5.10), and their decoders usually apply it themselves.
    pub orientation: u8,
    /// The number of frames that an animated PNG declares.
    pub frames: Option<u32>,
    /// The number of pixels to decode: for a HEIF file read whole, those of all images in it and of all their inputs.
    pub decoded_pixels: u64,
}

impl ImageHeader {
    /// Returns the header of an image with this stored size; `None` where the area is 0.
    fn new(stored_width: u32, stored_height: u32, orientation: u8, frames: Option<u32>) -> Option<Self> {
        let turned = (5..=8).contains(&orientation);
        let (width, height) = if turned { (stored_height, stored_width) } else { (stored_width, stored_height) };
        let some = width > 0 && height > 0;
        let decoded_pixels = u64::from(width) * u64::from(height);
        some.then_some(Self { width, height, stored_width, stored_height, orientation, frames, decoded_pixels })
    }
}

/// The result of [`image`] on the bytes so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Header {
    /// The dimensions are known. The orientation of a PNG or WebP may still follow: see [`image_in`].
    Known(ImageHeader),
    /// More bytes are needed.
    NeedMore,
    /// More than [`HEADER_BYTES`] are needed: [`image_in`] reads the whole file.
    InWholeFile,
    /// Not an image that can be displayed; the reason, for a log.
    Invalid(&'static str),
}

/// Why a header cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A video without its index (`moov`).
    #[error("the recording is incomplete: its index (moov) is missing; export it again")]
    NoMoov,
    /// The file is truncated.
    #[error("the file is truncated; send the original again")]
    Truncated,
    /// The structure contradicts itself.
    #[error("the file is damaged ({0}); export it again")]
    Invalid(&'static str),
    /// Reading failed.
    #[error("the file could not be read; try again")]
    Io(#[source] io::Error),
}

impl From<FormatError> for Error {
    fn from(fault: FormatError) -> Self {
        match fault {
            FormatError::Invalid(what) => Self::Invalid(what),
            FormatError::Io(error) => error.into(),
        }
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        if error.kind() == ErrorKind::UnexpectedEof { Self::Truncated } else { Self::Io(error) }
    }
}

/// Reads an image's header from `head`, all bytes received so far (more than [`HEADER_BYTES`] is ignored). `end` says
/// that no more bytes will follow. Formats that are not images are `Invalid`.
pub fn image(format: Format, head: &[u8], end: bool) -> Header {
    let is_full = head.len() >= HEADER_BYTES;
    let is_whole = end && head.len() <= HEADER_BYTES;
    let head = head.get(..HEADER_BYTES).unwrap_or(head);
    let mut cursor = Cursor::new(head);
    // Sizes in the file are believed at first; a read past the head shows that more bytes are needed.
    let mut source = Source::new(&mut cursor, if is_whole { head.len() as u64 } else { u64::MAX });
    match read(format, &mut source, false) {
        Ok(picture) => Header::Known(picture),
        Err(FormatError::Io(error)) if error.kind() == ErrorKind::UnexpectedEof && !is_whole => {
            if is_full {
                Header::InWholeFile
            } else {
                Header::NeedMore
            }
        }
        Err(FormatError::Io(_)) => Header::Invalid("its dimensions are not at the expected position"),
        Err(FormatError::Invalid(what)) => Header::Invalid(what),
    }
}

/// Reads an image's header from the whole file of `len` bytes, including an orientation stored at its end.
pub fn image_in<R: Read + Seek>(format: Format, reader: &mut R, len: u64) -> Result<ImageHeader, Error> {
    Ok(read(format, &mut Source::new(reader, len), true)?)
}

fn read<R: Read + Seek>(format: Format, source: &mut Source<'_, R>, whole: bool) -> Result<ImageHeader, FormatError> {
    match format {
        Format::Jpeg => image::jpeg(source),
        Format::Png => image::png(source, whole),
        Format::Webp => image::webp(source, whole),
        Format::Gif => image::gif(source),
        Format::Avif | Format::Heic => heif_picture::picture(source, whole),
        _ => Err(FormatError::Invalid("it is not an image")),
    }
}
