//! The header of an MP4, MOV or M4A: duration, tracks, rotation, whether its index comes first, and its claims.
//!
//! Owns a walk over the boxes that a demuxer reads, wherever they are. It reads heads and a few fixed fields; of
//! tables, their counts. Invariant: at most [`MAX_BOXES`] boxes are visited, at most [`MAX_DEPTH`] levels deep.

use std::io::{ErrorKind, Read, Seek};

use super::claims::Claims;
use super::milliseconds::milliseconds;
use super::tracks::{Track, fragment_samples};
use super::{Error, cover};
use crate::bytes::{Source, be32, be64};
use crate::isobmff::{self, BoxHeader, FormatError, Next};

/// The most boxes visited in one file. A fragmented recording of 4 h has about 160,000, one in short chunks 800,000.
const MAX_BOXES: usize = 1_000_000;
/// The deepest nesting of boxes, the same as ffmpeg's.
const MAX_DEPTH: usize = 10;

/// The position of the index (`moov`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MoovPosition {
    /// Before the samples: a player can start while the file is still arriving.
    Front,
    /// Behind the samples.
    End,
}

/// The properties in a video's index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Movie {
    /// Duration in milliseconds, where the index declares it.
    pub duration_ms: Option<u64>,
    /// The first video track.
    pub video: Option<MovieVideo>,
    /// Whether there is an audio track.
    pub audio: bool,
    /// The position of the index.
    pub moov: MoovPosition,
    /// Whether samples are described by fragments (`moof`) instead of one index.
    pub fragmented: bool,
    /// What the file claims.
    pub claims: Claims,
}

/// The dimensions of a video track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MovieVideo {
    /// Width in pixels as displayed, upright, with the pixel aspect ratio applied.
    pub width: u32,
    /// Height in pixels as displayed.
    pub height: u32,
    /// The clockwise rotation that a player applies: 0, 90, 180 or 270.
    pub rotation: u16,
}

/// Reads the header of a video of `len` bytes.
pub fn movie<R: Read + Seek>(reader: &mut R, len: u64) -> Result<Movie, Error> {
    let movie = Movie {
        duration_ms: None,
        video: None,
        audio: false,
        moov: MoovPosition::Front,
        fragmented: false,
        claims: Claims::default(),
    };
    let source = Source::new(reader, len);
    let mut walk = Walker {
        source,
        boxes_left: MAX_BOXES,
        movie,
        timescale: 0,
        track: Track::default(),
        meta_depth: 0,
        fragments: 0,
        longest_ms: 0,
    };
    let (mut at, mut samples_seen, mut found) = (0, false, false);
    loop {
        let next = match walk.next_in_file(at)? {
            Next::Box(next) => next,
            Next::End => break,
            // Truncated before its index: the member has to send it again in both cases.
            Next::CutOff(_) if !found => return Err(Error::NoMoov),
            // What a crash left of a fragmented recording plays to the end of the last whole fragment.
            Next::CutOff(_) if walk.movie.fragmented && walk.fragments > 0 => break,
            Next::CutOff(_) => return Err(Error::Truncated),
            // A trailer: players don't read on either.
            Next::Other(_) if found => break,
            Next::Other(error) => {
                return Err(match Error::from(error) {
                    Error::Truncated => Error::NoMoov,
                    error => error,
                });
            }
        };
        at = next.end;
        match &next.kind {
            b"mdat" => samples_seen = true,
            // No demuxer reads a second index.
            b"moov" if found => {}
            b"moov" => {
                found = true;
                walk.movie.moov = if samples_seen { MoovPosition::End } else { MoovPosition::Front };
                walk.children(&next, 0, true)?;
            }
            _ => walk.child(&next, 0)?,
        }
    }
    if !found {
        return Err(Error::NoMoov);
    }
    walk.finish()
}

struct Walker<'a, R> {
    source: Source<'a, R>,
    boxes_left: usize,
    movie: Movie,
    timescale: u32,
    /// The current track: boxes outside of any track count for the last one, as in demuxers.
    track: Track,
    /// The number of `meta` boxes around the current box: their handlers are not the track's.
    meta_depth: usize,
    /// Samples in all fragments.
    fragments: u64,
    /// The duration of the longest video or audio track by its own clock, as far as that tells.
    longest_ms: u64,
}

impl<R: Read + Seek> Walker<'_, R> {
    fn next_in_file(&mut self, at: u64) -> Result<Next, Error> {
        self.boxes_left = self.boxes_left.checked_sub(1).ok_or(Error::Invalid("it has too many boxes"))?;
        Ok(isobmff::next_in_file(&mut self.source, at)?)
    }

    fn next(&mut self, at: u64, limit: u64) -> Result<Option<BoxHeader>, Error> {
        self.boxes_left = self.boxes_left.checked_sub(1).ok_or(Error::Invalid("it has too many boxes"))?;
        Ok(isobmff::next_box(&mut self.source, at, limit)?)
    }

    /// Returns the next box; one that does not fit ends with its parent, as in demuxers.
    fn next_leniently(&mut self, at: u64, limit: u64) -> Result<Option<BoxHeader>, Error> {
        self.boxes_left = self.boxes_left.checked_sub(1).ok_or(Error::Invalid("it has too many boxes"))?;
        if limit.saturating_sub(at) < 8 {
            return Ok(None);
        }
        match isobmff::next_box(&mut self.source, at, limit) {
            Ok(found) => Ok(found),
            Err(FormatError::Io(error)) if error.kind() != ErrorKind::UnexpectedEof => Err(error.into()),
            Err(_) => {
                let head = self.source.array::<8>(at)?;
                let (size, kind) = (be32(&head, 0).unwrap_or(0), [head[4], head[5], head[6], head[7]]);
                let long = size == 1 && limit - at >= 16;
                let fits = size >= 8 || long;
                Ok(fits.then_some(BoxHeader { kind, start: at, body: at + if long { 16 } else { 8 }, end: limit }))
            }
        }
    }

    fn children(&mut self, parent: &BoxHeader, depth: usize, strict: bool) -> Result<(), Error> {
        self.children_from(parent.body, parent.end, depth, strict)
    }

    fn children_from(&mut self, mut at: u64, end: u64, depth: usize, strict: bool) -> Result<(), Error> {
        if depth > MAX_DEPTH {
            return Err(Error::Invalid("its boxes are nested too deep"));
        }
        while let Some(child) = if strict { self.next(at, end)? } else { self.next_leniently(at, end)? } {
            at = child.end;
            self.child(&child, depth)?;
        }
        Ok(())
    }

    fn child(&mut self, child: &BoxHeader, depth: usize) -> Result<(), Error> {
        match &child.kind {
            b"cmov" | b"rmra" => return Err(Error::Invalid("its index is compressed or in another file")),
            b"mvhd" => self.movie_header(child)?,
            b"mehd" => self.fragmented_duration(child)?,
            b"trak" => {
                self.finish_track()?;
                self.movie.claims.tracks = self.movie.claims.tracks.saturating_add(1);
                self.children(child, depth + 1, false)?;
            }
            b"mvex" | b"moof" => {
                self.movie.fragmented = true;
                self.children(child, depth + 1, false)?;
            }
            b"moov" | b"mdia" | b"minf" | b"stbl" | b"edts" | b"traf" | b"udta" => {
                self.children(child, depth + 1, false)?;
            }
            b"meta" => self.metadata(child, depth)?,
            b"ilst" => {
                self.movie.claims.tags(child.body_len());
                cover::scan(&mut self.source, child.body, child.end, &mut self.movie.claims)?;
            }
            b"hdlr" if self.meta_depth > 0 => {}
            b"trun" => self.fragments = self.fragments.saturating_add(fragment_samples(&mut self.source, child)?),
            _ => self.track.table(&mut self.source, child)?,
        }
        Ok(())
    }

    /// ISO's `meta` begins with version and flags, QuickTime's does not.
    fn metadata(&mut self, found: &BoxHeader, depth: usize) -> Result<(), Error> {
        let start = self.source.some(found.body, found.body_len().min(8) as usize)?;
        let skip = if start.get(4..8) == Some(b"hdlr") { 0 } else { 4 };
        self.meta_depth += 1;
        self.children_from(found.body.saturating_add(skip).min(found.end), found.end, depth + 1, false)?;
        self.meta_depth -= 1;
        Ok(())
    }

    /// `mvhd`'s time scale and the duration in it. ISO/IEC 14496-12 §8.2.2.
    fn movie_header(&mut self, header: &BoxHeader) -> Result<(), Error> {
        let data = self.source.some(header.body, header.body_len().min(32) as usize)?;
        let read = if data.first() == Some(&1) {
            be32(data, 20).zip(be64(data, 24).filter(|d| *d != u64::MAX).or(Some(0)))
        } else {
            be32(data, 12).zip(be32(data, 16).filter(|d| *d != u32::MAX).map(u64::from).or(Some(0)))
        };
        let (scale, duration) = read.ok_or(Error::Invalid("its movie header (mvhd) is too short"))?;
        self.timescale = scale;
        self.movie.duration_ms = milliseconds(duration, scale);
        self.movie.claims.clock_ms = self.movie.claims.clock_ms.max(self.movie.duration_ms.unwrap_or(0));
        Ok(())
    }

    /// `mehd`: the total duration of the fragments. §8.8.2.
    fn fragmented_duration(&mut self, header: &BoxHeader) -> Result<(), Error> {
        let data = self.source.some(header.body, header.body_len().min(12) as usize)?;
        let total = if data.first() == Some(&1) { be64(data, 4) } else { be32(data, 4).map(u64::from) };
        self.movie.duration_ms = self.movie.duration_ms.or(milliseconds(total.unwrap_or_default(), self.timescale));
        Ok(())
    }

    /// Adds the completed current track to the result.
    fn finish_track(&mut self) -> Result<(), Error> {
        let track = std::mem::take(&mut self.track);
        if [b"soun", b"vide"].contains(&&track.handler) {
            // Several edits may delay, hold or repeat its media.
            self.longest_ms = self.longest_ms.max(if track.edits > 1 { u64::MAX } else { track.clock_ms });
        }
        match &track.handler {
            b"soun" => self.movie.audio = true,
            b"vide" if self.movie.video.is_none() => {
                self.movie.video = track.header.as_ref().and_then(|data| picture(data));
            }
            _ => {}
        }
        Ok(track.finish(&mut self.source, &mut self.movie.claims)?)
    }

    fn finish(mut self) -> Result<Movie, Error> {
        self.finish_track()?;
        let (movie, fragments) = (&mut self.movie, self.fragments);
        movie.claims.samples(fragments);
        if !movie.fragmented && self.longest_ms > 0 {
            // The movie's header may declare anything; nothing plays longer than its tracks and their edits.
            movie.duration_ms = movie.duration_ms.map(|ms| ms.min(self.longest_ms));
        }
        movie.claims.duration_ms = movie.duration_ms;
        Ok(self.movie)
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
