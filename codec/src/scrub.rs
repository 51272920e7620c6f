//! Hides metadata without a second copy of the file: returns patches that blank an original's metadata in place.
//!
//! Owns finding private data (position, EXIF, XMP, IPTC, comments, maker notes, embedded previews, trailers, timed
//! metadata, user data between coded pictures) in every supported format, and what replaces it. It keeps coded images,
//! video and audio bit for bit, orientation, colour profiles, captions, and a song's title, artist and album. It does
//! not look inside coded pictures and audio. Invariant: it fails closed: a structure that is not understood to its end
//! is an error, never a shorter list.

mod blanking;
mod coded;
mod coded_tracks;
mod flac;
mod flac_frames;
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
mod sei;
mod skeleton;
#[cfg(test)]
mod tests;
mod vorbis_comments;

use std::io::{self, ErrorKind, Read, Seek};

use crate::bytes::Source;
use crate::digest;
use crate::isobmff::FormatError;
use crate::sniff::Format;
use crate::tiff::{Tiff, orientation_only};
use overlay::Overlay;

pub use scan_index::ScanIndex;

/// The most patches of one file.
pub const MAX_PATCHES: usize = 4096;

/// The replacement of one range of a file; the file's length stays the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patch {
    /// Offset of the range, in bytes from the start of the file.
    pub offset: u64,
    /// Length of the range in bytes.
    pub bytes: u64,
    /// The bytes at the start of the range; the rest is zero. Never longer than `bytes`.
    pub fill: Vec<u8>,
}

impl Patch {
    /// Returns the fill as hexadecimal, for an event.
    pub fn hex(&self) -> String {
        digest::hex(&self.fill)
    }

    /// Returns the patch that was received in an event; `None` where the fill is not hexadecimal or longer than the
    /// range.
    pub fn from_hex(offset: u64, bytes: u64, hex: &str) -> Option<Self> {
        let fill = digest::from_hex(hex)?;
        (fill.len() as u64 <= bytes && offset.checked_add(bytes).is_some()).then_some(Self { offset, bytes, fill })
    }

    fn end(&self) -> u64 {
        self.offset.saturating_add(self.bytes)
    }
}

/// Why a file cannot be made safe to share.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The structure is not understood to its end; the reason, for a log.
    #[error("this file's structure is not fully understood ({0}), so only its converted form is shared")]
    NotUnderstood(&'static str),
    /// The metadata is in too many places.
    #[error("this file has metadata in too many places, so only its converted form is shared")]
    TooComplex,
    /// Reading failed.
    #[error("the file could not be read; try again")]
    Io(#[source] io::Error),
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        if error.kind() == ErrorKind::UnexpectedEof { Self::NotUnderstood("it is truncated") } else { Self::Io(error) }
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

/// Returns the patches that hide the metadata of a file of `len` bytes. They are sorted, disjoint and at most
/// [`MAX_PATCHES`].
pub fn scrub<R: Read + Seek>(format: Format, reader: &mut R, len: u64) -> Result<Vec<Patch>, Error> {
    scrub_with_scans(format, reader, len, &ScanIndex::default())
}

/// Does the same as [`scrub`], without reading again what `scans` recorded while the file's bytes passed by.
pub fn scrub_with_scans<R: Read + Seek>(
    format: Format,
    reader: &mut R,
    len: u64,
    scans: &ScanIndex,
) -> Result<Vec<Patch>, Error> {
    let mut source = Source::new(reader, len);
    let mut overlay = Overlay::new(len);
    match format {
        Format::Jpeg => jpeg::scrub(&mut source, &mut overlay, scans)?,
        Format::Png => png::scrub(&mut source, &mut overlay)?,
        Format::Gif => gif::scrub(&mut source, &mut overlay)?,
        Format::Webp => riff::webp(&mut source, &mut overlay)?,
        Format::Wav => riff::wav(&mut source, &mut overlay)?,
        Format::Avif | Format::Heic | Format::Mp4 | Format::Mov | Format::M4a => {
            isobmff::scrub(&mut source, &mut overlay)?;
        }
        Format::Webm | Format::Mkv => matroska::scrub(&mut source, &mut overlay)?,
        Format::Mp3 => id3::mp3(&mut source, &mut overlay)?,
        Format::Flac => flac::scrub(&mut source, &mut overlay)?,
        Format::Ogg => ogg::scrub(&mut source, &mut overlay)?,
    }
    overlay.finish()
}

/// Applies patches, sorted as [`scrub`] returns them, to a `window` of the file that starts at offset `at`.
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

/// Returns the replacement for an EXIF block of `room` bytes: its orientation and nothing else. `None` where there is
/// no orientation to keep; an error where it does not fit.
fn upright_exif(block: &[u8], room: usize) -> Result<Option<Vec<u8>>, Error> {
    let orientation = Tiff::open_exif(block).and_then(|tiff| tiff.orientation()).unwrap_or(1);
    if orientation == 1 {
        return Ok(None);
    }
    let exif = orientation_only(orientation);
    // The last four bytes say that no directory follows; a block too short for them ends before them.
    match exif.get(..room.min(exif.len())) {
        Some(exif) if exif.len() >= 22 => Ok(Some(exif.to_vec())),
        _ => Err(Error::NotUnderstood("its EXIF block is too short")),
    }
}
