//! Quick facts of an MP4, MOV or M4A: length, tracks, rotation, and whether its index comes first.
//!
//! Owns a walk over `moov` that reads box heads and a few fixed fields, never a table. Invariant: at most
//! [`MOST_BOXES`] boxes are visited.

use std::io::{Read, Seek};

use super::Error;
use crate::boxes::{self, BoxAt};
use crate::wire::{Source, be32, be64};

/// Boxes visited in one file. A fragmented 4 h recording has about 15,000 at its top.
const MOST_BOXES: usize = 100_000;

/// Where the index stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moov {
    /// Before the samples: a player can start while the file is still arriving.
    Front,
    /// Behind them.
    End,
}

/// What a movie's index says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Movie {
    /// Length in milliseconds, where the index says it.
    pub duration_ms: Option<u64>,
    /// The first track with moving pictures.
    pub video: Option<MovieVideo>,
    /// Whether there is sound.
    pub audio: bool,
    /// Where the index stands.
    pub moov: Moov,
    /// Whether samples are described by fragments (`moof`) instead of one index.
    pub fragmented: bool,
}

/// A movie's picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MovieVideo {
    /// Width in pixels as shown, upright, with the pixels' shape applied.
    pub width: u32,
    /// Height in pixels as shown.
    pub height: u32,
    /// How far a player turns it clockwise: 0, 90, 180 or 270.
    pub rotation: u16,
}

/// Reads a movie's facts from a file of `len` bytes.
pub fn movie<R: Read + Seek>(reader: &mut R, len: u64) -> Result<Movie, Error> {
    let mut walk = Walk { source: Source::new(reader, len), left: MOST_BOXES };
    let (mut at, mut samples_seen, mut found) = (0, false, None);
    loop {
        let next = match walk.next(at, len) {
            // Cut off before its index: the same for whoever has to send it again.
            Err(Error::Truncated) if found.is_none() => return Err(Error::NoMoov),
            next => next?,
        };
        let Some(next) = next else { break };
        at = next.end;
        match &next.kind {
            b"mdat" => samples_seen = true,
            b"moov" if found.is_none() => {
                found = Some((next, if samples_seen { Moov::End } else { Moov::Front }));
            }
            _ => {}
        }
    }
    let (index, place) = found.ok_or(Error::NoMoov)?;
    walk.index(&index, place)
}

struct Walk<'a, R> {
    source: Source<'a, R>,
    left: usize,
}

impl<R: Read + Seek> Walk<'_, R> {
    fn next(&mut self, at: u64, limit: u64) -> Result<Option<BoxAt>, Error> {
        self.left = self.left.checked_sub(1).ok_or(Error::Bad("it has too many boxes"))?;
        Ok(boxes::next(&mut self.source, at, limit)?)
    }

    fn index(&mut self, moov: &BoxAt, place: Moov) -> Result<Movie, Error> {
        let mut movie = Movie { duration_ms: None, video: None, audio: false, moov: place, fragmented: false };
        let mut timescale = 0;
        let mut at = moov.body;
        while let Some(child) = self.next(at, moov.end)? {
            at = child.end;
            match &child.kind {
                b"mvhd" => {
                    let (scale, duration) = self.duration(&child)?;
                    timescale = scale;
                    movie.duration_ms = milliseconds(duration, scale);
                }
                b"trak" => self.track(&child, &mut movie)?,
                b"mvex" => {
                    movie.fragmented = true;
                    if let Some(mehd) = self.find(&child, *b"mehd")? {
                        let data = self.source.some(mehd.body, 12)?;
                        let total = if data.first() == Some(&1) { be64(data, 4) } else { be32(data, 4).map(u64::from) };
                        movie.duration_ms = movie.duration_ms.or(milliseconds(total.unwrap_or_default(), timescale));
                    }
                }
                _ => {}
            }
        }
        Ok(movie)
    }

    fn find(&mut self, parent: &BoxAt, kind: [u8; 4]) -> Result<Option<BoxAt>, Error> {
        let mut at = parent.body;
        while let Some(child) = self.next(at, parent.end)? {
            if child.kind == kind {
                return Ok(Some(child));
            }
            at = child.end;
        }
        Ok(None)
    }

    /// `mvhd`'s time scale and duration in it. ISO/IEC 14496-12 §8.2.2.
    fn duration(&mut self, header: &BoxAt) -> Result<(u32, u64), Error> {
        let data = self.source.some(header.body, header.body_len().min(32) as usize)?;
        let read = if data.first() == Some(&1) {
            be32(data, 20).zip(be64(data, 24).filter(|d| *d != u64::MAX).or(Some(0)))
        } else {
            be32(data, 12).zip(be32(data, 16).filter(|d| *d != u32::MAX).map(u64::from).or(Some(0)))
        };
        read.ok_or(Error::Bad("its movie header is too short"))
    }

    fn track(&mut self, track: &BoxAt, movie: &mut Movie) -> Result<(), Error> {
        let Some(media) = self.find(track, *b"mdia")? else { return Ok(()) };
        let Some(handler) = self.find(&media, *b"hdlr")? else { return Ok(()) };
        let kind = self.source.some(handler.body, handler.body_len().min(12) as usize)?.get(8..12);
        match kind {
            Some(b"soun") => movie.audio = true,
            Some(b"vide") if movie.video.is_none() => {
                if let Some(header) = self.find(track, *b"tkhd")? {
                    let data = self.source.some(header.body, header.body_len().min(96) as usize)?;
                    movie.video = picture(data);
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// Size and rotation from `tkhd`. §8.3.2; the matrix's first four numbers are a, b (at 0, 4) and c, d (at 12, 16).
fn picture(header: &[u8]) -> Option<MovieVideo> {
    let matrix = if header.first() == Some(&1) { 52 } else { 40 };
    let sign = |at: usize| be32(header, matrix + at).map(|value| (value as i32).signum());
    // Sizes are 16.16 fixed point.
    let side = |at: usize| be32(header, matrix + at).map(|value| value.saturating_add(1 << 15) >> 16);
    let (width, height) = side(36).zip(side(40)).filter(|(w, h)| *w > 0 && *h > 0)?;
    let rotation = match (sign(0)?, sign(4)?, sign(12)?, sign(16)?) {
        (0, 1, _, 0) => 90,
        (-1, 0, 0, _) => 180,
        (0, -1, _, 0) => 270,
        _ => 0,
    };
    let (width, height) = if rotation % 180 == 90 { (height, width) } else { (width, height) };
    Some(MovieVideo { width, height, rotation })
}

fn milliseconds(duration: u64, timescale: u32) -> Option<u64> {
    let exact = (u128::from(duration) * 1000).checked_div(u128::from(timescale))?;
    u64::try_from(exact).ok().filter(|ms| *ms > 0)
}
