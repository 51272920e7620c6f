//! Reads the claims of a file: chooses the parser of its format.
//!
//! Does not own the parsers. Invariant: reading takes a few small reads and no more memory than one window of the file.

use std::io::{ErrorKind, Read, Seek};

use super::claims::Claims;
use super::{Error, audio, matroska, movie, ogg};
use crate::bytes::Source;
use crate::isobmff::FormatError;
use crate::sniff::Format;

/// Reads the claims of an audio or video file of `len` bytes. Images have none here: see [`super::image_in`].
pub fn claims<R: Read + Seek>(format: Format, reader: &mut R, len: u64) -> Result<Claims, Error> {
    match format {
        Format::Mp4 | Format::Mov | Format::M4a => Ok(movie(reader, len)?.claims),
        _ => Ok(walk(format, &mut Source::new(reader, len))?),
    }
}

/// Returns the claims in `head`, the bytes of an audio file received so far: what has not arrived is not included.
pub fn claims_so_far(format: Format, head: &[u8]) -> Claims {
    let mut cursor = std::io::Cursor::new(head);
    walk(format, &mut Source::new(&mut cursor, u64::MAX)).unwrap_or_default()
}

/// Reads as many claims as the file has.
fn walk<R: Read + Seek>(format: Format, source: &mut Source<'_, R>) -> Result<Claims, FormatError> {
    let mut claims = Claims::default();
    let walked = match format {
        Format::Wav => audio::wav(source, &mut claims),
        Format::Flac => audio::flac(source, &mut claims),
        Format::Mp3 => audio::mp3(source, &mut claims),
        Format::Ogg => ogg::walk(source, &mut claims),
        Format::Mkv | Format::Webm => matroska::walk(source, &mut claims),
        _ => Ok(()),
    };
    match walked {
        // A truncated file claims what its bytes declare.
        Err(FormatError::Io(error)) if error.kind() == ErrorKind::UnexpectedEof => Ok(claims),
        Err(fault) => Err(fault),
        Ok(()) => Ok(claims),
    }
}
