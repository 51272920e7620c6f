//! Hiding metadata without a second copy: a list of overlays that blank an original's metadata in place.
//!
//! Owns finding what must not leave the house (position, EXIF, XMP, IPTC, comments, maker notes, embedded
//! previews, trailers, timed metadata) in every format the house takes, and writing what stands there instead.
//! It keeps pictures and sound bit for bit, orientation, colour profiles, and a song's title, artist and album.
//! It doesn't look inside coded pictures and sound (an encoder's own messages stay). Invariant: it fails
//! closed: a structure that isn't understood to its end is an error, never a shorter list.

mod vorbis_comments;
mod flac;
mod gif;
mod heif;
mod id3;
mod isobmff;
mod jpeg;
mod matroska;
mod ogg;
mod overlay;
mod png;
mod ranges;
mod riff;
mod samples;
mod scan_index;
#[cfg(test)]
mod tests;

use std::io::{self, ErrorKind, Read, Seek};

use crate::isobmff::FormatError;
use crate::digest;
use crate::sniff::Format;
use crate::tiff::{Tiff, orientation_only};
use crate::bytes::Source;
use overlay::Overlay;

pub use scan_index::ScanIndex;

/// The most patches of one file.
pub const MAX_PATCHES: usize = 4096;

/// Other bytes for a stretch of a file; the file's length stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patch {
    /// Where it starts, in bytes from the start of the file.
    pub offset: u64,
    /// How many bytes it covers.
    pub bytes: u64,
    /// What stands at its start; the rest is zero. Never longer than `bytes`.
    pub fill: Vec<u8>,
}

impl Patch {
    /// The fill as hexadecimal, for sending.
    pub fn hex(&self) -> String {
        digest::hex(&self.fill)
    }

    /// A patch as it was sent; `None` where the fill is no hexadecimal or longer than the stretch.
    pub fn from_hex(offset: u64, bytes: u64, hex: &str) -> Option<Self> {
        let fill = digest::from_hex(hex)?;
        (fill.len() as u64 <= bytes && offset.checked_add(bytes).is_some()).then_some(Self { offset, bytes, fill })
    }

    fn end(&self) -> u64 {
        self.offset.saturating_add(self.bytes)
    }
}

/// Why a file can't be made safe to hand out.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Its structure isn't understood to the end; what, for a log.
    #[error("this file's structure is not fully understood ({0}), so the file itself is not shared; its converted form is")]
    NotUnderstood(&'static str),
    /// Its metadata lies in too many places.
    #[error("this file has metadata in too many places, so the file itself is not shared; its converted form is")]
    TooComplex,
    /// Reading failed.
    #[error("the file could not be read; try again")]
    Io(#[source] io::Error),
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        if error.kind() == ErrorKind::UnexpectedEof { Self::NotUnderstood("it is cut off") } else { Self::Io(error) }
    }
}

impl From<FormatError> for Error {
    fn from(fault: FormatError) -> Self {
        match fault {
            FormatError::Invalid(what) => Self::NotUnderstood(what),
            FormatError::Io(error) => error.into(),
        }
    }
}

/// Finds what must be hidden in a file of `len` bytes. The patches are sorted, disjoint and at most [`MAX_PATCHES`].
pub fn scrub<R: Read + Seek>(format: Format, reader: &mut R, len: u64) -> Result<Vec<Patch>, Error> {
    scrub_with_scans(format, reader, len, &ScanIndex::default())
}

/// As [`scrub`], without reading again what was noted while the file's bytes passed by.
pub fn scrub_with_scans<R: Read + Seek>(format: Format, reader: &mut R, len: u64, scans: &ScanIndex) -> Result<Vec<Patch>, Error> {
    let mut source = Source::new(reader, len);
    let mut overlay = Overlay::new(len);
    match format {
        Format::Jpeg => jpeg::scrub(&mut source, &mut overlay, scans)?,
        Format::Png => png::scrub(&mut source, &mut overlay)?,
        Format::Gif => gif::scrub(&mut source, &mut overlay)?,
        Format::Webp => riff::webp(&mut source, &mut overlay)?,
        Format::Wav => riff::wav(&mut source, &mut overlay)?,
        Format::Avif | Format::Heic | Format::Mp4 | Format::Mov | Format::M4a => isobmff::scrub(&mut source, &mut overlay)?,
        Format::Webm | Format::Mkv => matroska::scrub(&mut source, &mut overlay)?,
        Format::Mp3 => id3::mp3(&mut source, &mut overlay)?,
        Format::Flac => flac::scrub(&mut source, &mut overlay)?,
        Format::Ogg => ogg::scrub(&mut source, &mut overlay)?,
    }
    overlay.finish()
}

/// Lays patches, sorted as [`scrub`] gives them, over a `window` of the file that starts at offset `at`.
pub fn apply(patches: &[Patch], at: u64, window: &mut [u8]) {
    let end = at.saturating_add(window.len() as u64);
    let first = patches.partition_point(|patch| patch.end() <= at);
    for patch in patches.iter().skip(first).take_while(|patch| patch.offset < end) {
        let (from, to) = (patch.offset.max(at), patch.end().min(end));
        let Some(part) = window.get_mut((from - at) as usize..(to - at) as usize) else { continue };
        part.fill(0);
        let skipped = usize::try_from(from - patch.offset).unwrap_or(usize::MAX);
        for (byte, fill) in part.iter_mut().zip(patch.fill.iter().skip(skipped)) {
            *byte = *fill;
        }
    }
}

/// What may stand where an EXIF block of `room` bytes stood: nothing but its orientation. `None` where there is none
/// to keep; an error where it doesn't fit.
fn upright_exif(block: &[u8], room: usize) -> Result<Option<Vec<u8>>, Error> {
    let orientation = Tiff::open_exif(block).and_then(|tiff| tiff.orientation()).unwrap_or(1);
    if orientation == 1 {
        return Ok(None);
    }
    let exif = orientation_only(orientation);
    // The last four bytes say that no directory follows; a block too short for them ended there itself.
    match exif.get(..room.min(exif.len())) {
        Some(exif) if exif.len() >= 22 => Ok(Some(exif.to_vec())),
        _ => Err(Error::NotUnderstood("its EXIF block is too short")),
    }
}
