//! ISO base media: MP4, MOV, M4A, and the tracks and items inside HEIC and AVIF.
//!
//! Owns the lists of boxes that belong to video and audio. Every other box becomes `free` and is blanked, and so do
//! tracks that are neither video nor audio (position tracks of cameras and drones are such, or pass for subtitles).
//! Bytes of `mdat` that no kept track or item uses are blanked too, and so is what `coded` finds in the samples.
//! Invariant: no box moves or changes its length.

use std::io::{Read, Seek};

use super::blanking::{blank_box, blank_handler_name};
use super::coded::Units;
use super::coded_tracks::{self, Track};
use super::overlay::Overlay;
use super::ranges::{Ranges, Role};
use super::samples::{MAX_CHUNKS, SampleChunks};
use super::{Error, heif};
use crate::bytes::Source;
use crate::isobmff::{self, BoxHeader, Next};

/// The most boxes visited in one file.
const MAX_BOXES: usize = 200_000;
/// Gaps up to this many bytes are read, and left unchanged when they are all zero.
const MAX_PEEK_BYTES: u64 = 4096;
/// The most gaps that are read; further ones are blanked unread.
const MAX_PEEKS: usize = 50_000;

pub(super) fn scrub<R: Read + Seek>(source: &mut Source<'_, R>, overlay: &mut Overlay) -> Result<(), Error> {
    let units = Units::new(source.len());
    Walker {
        source,
        overlay,
        units,
        tracks: Vec::new(),
        defaults: Vec::new(),
        boxes_left: MAX_BOXES,
        kept: Vec::new(),
        ranges: Ranges::default(),
        chunks: 0,
        fragmented: false,
        removed: false,
        peeks: MAX_PEEKS,
    }
    .file()
}

struct Walker<'w, 's, R> {
    source: &'w mut Source<'s, R>,
    overlay: &'w mut Overlay,
    units: Units,
    /// The video and audio tracks, and the sizes of samples in fragments that do not say their own.
    tracks: Vec<Track>,
    defaults: Vec<(u32, u32)>,
    boxes_left: usize,
    /// Ranges of the file that hold images which are items.
    kept: Vec<(u64, u64)>,
    /// Ranges of the file that hold the samples of video and audio tracks.
    ranges: Ranges,
    /// The sample chunks of all tracks.
    chunks: u64,
    fragmented: bool,
    /// Whether a track was removed.
    removed: bool,
    /// How many more gaps are read.
    peeks: usize,
}

impl<R: Read + Seek> Walker<'_, '_, R> {
    fn file(&mut self) -> Result<(), Error> {
        let (mut data, mut has_items, mut has_movie) = (Vec::new(), false, false);
        let mut at = 0;
        loop {
            self.boxes_left = self.boxes_left.checked_sub(1).ok_or(Error::TooComplex)?;
            let found = match isobmff::next_in_file(self.source, at)? {
                Next::Box(found) => found,
                Next::End => break,
                // The samples of a fragment that was cut off stay; nothing is behind them.
                Next::CutOff(found) if &found.kind == b"mdat" && self.fragmented && has_movie => {
                    at = found.end;
                    break;
                }
                // Half a box, or a trailer, is blanked.
                Next::CutOff(_) if self.fragmented && has_movie => break,
                Next::Other(_) if has_movie || has_items => break,
                Next::CutOff(_) => return Err(Error::NotUnderstood("it is truncated")),
                Next::Other(error) => return Err(error.into()),
            };
            at = found.end;
            match &found.kind {
                b"ftyp" | b"styp" | b"sidx" | b"ssix" | b"pdin" | b"mfra" => {}
                b"mdat" => data.push((found.body, found.end)),
                b"moov" if !has_movie => {
                    has_movie = true;
                    self.movie(&found)?;
                }
                b"moof" if has_movie => {
                    self.fragmented = true;
                    self.children(&found, 0, &[(*b"mfhd", BoxRule::Keep), (*b"traf", BoxRule::Into(FRAGMENT))])?;
                    let tracks = (&self.tracks[..], &self.defaults[..]);
                    coded_tracks::fragment(self.source, self.overlay, &mut self.units, &found, tracks)?;
                }
                b"moof" => return Err(Error::NotUnderstood("its tracks come after its data")),
                b"meta" if !has_items && self.has_image_items(&found)? => {
                    has_items = true;
                    heif::scrub(self.source, self.overlay, &mut self.kept, &mut data)?;
                }
                b"free" | b"skip" | b"wide" => self.overlay.zero(found.body, found.body_len())?,
                _ => self.blank_box(&found)?,
            }
        }
        self.overlay.zero_rest(at)?;
        if self.kept.is_empty() && self.ranges.is_empty() && !self.fragmented {
            return Err(Error::NotUnderstood("it has neither video nor audio"));
        }
        match (self.fragmented, self.removed) {
            // Its samples are described by the fragments; removing one track there is not supported.
            (true, true) => {
                Err(Error::NotUnderstood("it is fragmented and has tracks that are neither video nor audio"))
            }
            (true, false) => Ok(()),
            _ => self.blank_gaps(&data),
        }
    }

    fn next(&mut self, at: u64, limit: u64) -> Result<Option<BoxHeader>, Error> {
        self.boxes_left = self.boxes_left.checked_sub(1).ok_or(Error::TooComplex)?;
        Ok(isobmff::next_box(self.source, at, limit)?)
    }

    /// Makes a box `free` and blanks it.
    fn blank_box(&mut self, found: &BoxHeader) -> Result<(), Error> {
        blank_box(self.overlay, found)
    }

    /// Returns whether a `meta` box describes images.
    fn has_image_items(&mut self, meta: &BoxHeader) -> Result<bool, Error> {
        let handler = self.find(meta, 4, *b"hdlr")?;
        Ok(match handler {
            Some(handler) if handler.body_len() >= 12 => &self.source.array::<4>(handler.body + 8)? == b"pict",
            _ => false,
        })
    }

    fn find(&mut self, parent: &BoxHeader, skip: u64, kind: [u8; 4]) -> Result<Option<BoxHeader>, Error> {
        let mut at = parent.body + skip;
        while let Some(child) = self.next(at, parent.end)? {
            if child.kind == kind {
                return Ok(Some(child));
            }
            at = child.end;
        }
        Ok(None)
    }

    fn movie(&mut self, moov: &BoxHeader) -> Result<(), Error> {
        let mut at = moov.body;
        let mut tracks = Vec::new();
        while let Some(child) = self.next(at, moov.end)? {
            at = child.end;
            match &child.kind {
                b"mvhd" => self.blank_times(&child)?,
                b"trak" => tracks.push(child),
                b"mvex" => {
                    self.fragmented = true;
                    self.defaults = coded_tracks::defaults(self.source, &child)?;
                }
                b"iods" | b"pssh" | b"clip" | b"ctab" => {}
                b"cmov" | b"rmra" => return Err(Error::NotUnderstood("its index is compressed or in another file")),
                _ => self.blank_box(&child)?,
            }
        }
        self.overlay.zero(at, moov.end - at)?;
        for track in tracks {
            self.track(&track)?;
        }
        Ok(())
    }

    fn track(&mut self, track: &BoxHeader) -> Result<(), Error> {
        const NO_KIND: Error = Error::NotUnderstood("a track does not declare its type");
        let media = self.find(track, 0, *b"mdia")?.ok_or(NO_KIND)?;
        let handler = self.find(&media, 0, *b"hdlr")?.filter(|handler| handler.body_len() >= 12).ok_or(NO_KIND)?;
        let kind: [u8; 4] = self.source.array(handler.body + 8)?;
        let info = self.find(&media, 0, *b"minf")?;
        let table = match info {
            Some(info) => self.find(&info, 0, *b"stbl")?,
            None => None,
        };
        let table = table.ok_or(Error::NotUnderstood("a track has no sample table"))?;
        let mut found = SampleChunks::open(self.source, &table, &kind == b"soun")?;
        self.chunks += found.count;
        if self.chunks > MAX_CHUNKS {
            return Err(Error::TooComplex);
        }
        if matches!(&kind, b"vide" | b"soun" | b"pict" | b"auxv") {
            let entries = if &kind == b"soun" { None } else { self.find(&table, 0, *b"stsd")? };
            let coding = match entries {
                Some(entries) => coded_tracks::coding(self.source, self.overlay, &mut self.units, &entries)?,
                None => None,
            };
            if let Some(coding) = coding {
                coded_tracks::table(self.source, self.overlay, &mut self.units, found.clone(), coding)?;
            }
            let id = self.track_id(track)?;
            self.tracks.push(Track { id, coding });
            let role = if found.has_exact_sizes { Role::Kept } else { Role::OpenEnded };
            self.ranges.track(self.source, found, role)?;
            self.children(track, 0, TRACK)
        } else {
            self.removed = true;
            self.ranges.track(self.source, found.clone(), Role::Removed)?;
            while let Some((start, end)) = found.next(self.source)? {
                self.overlay.zero(start, end - start)?;
            }
            self.blank_box(track)
        }
    }

    /// The number by which fragments name a track: behind version, flags and the two times. 0 without `tkhd`.
    fn track_id(&mut self, track: &BoxHeader) -> Result<u32, Error> {
        let Some(header) = self.find(track, 0, *b"tkhd")? else { return Ok(0) };
        let [version] = self.source.array(header.body)?;
        Ok(u32::from_be_bytes(self.source.array(header.body + if version == 1 { 20 } else { 12 })?))
    }

    /// Keeps, enters or blanks each child of a box, as the list says.
    fn children(&mut self, parent: &BoxHeader, skip: u64, list: &[(BoxType, BoxRule)]) -> Result<(), Error> {
        let mut at = parent.body + skip;
        while let Some(child) = self.next(at, parent.end)? {
            at = child.end;
            match list.iter().find(|(kind, _)| *kind == child.kind).map(|(_, next)| next) {
                Some(BoxRule::Keep) => {}
                Some(BoxRule::Times) => self.blank_times(&child)?,
                Some(BoxRule::Handler) => blank_handler_name(self.overlay, &child)?,
                Some(BoxRule::References) => self.blank_data_references(&child)?,
                // The lists below end after four levels.
                Some(BoxRule::Into(list)) => self.children(&child, 0, list)?,
                None => self.blank_box(&child)?,
            }
        }
        self.overlay.zero(at, parent.end.saturating_sub(at))
    }

    /// Creation and modification time: behind version and flags, 32 or 64 bits each.
    fn blank_times(&mut self, header: &BoxHeader) -> Result<(), Error> {
        let [version] = self.source.array(header.body)?;
        let bytes = if version == 1 { 16 } else { 8 };
        if header.body_len() < 4 + bytes {
            return Err(Error::NotUnderstood("a header is too short"));
        }
        self.overlay.zero(header.body + 4, bytes)
    }

    /// `dref`: old writers put the name of the disk and the folder here.
    fn blank_data_references(&mut self, found: &BoxHeader) -> Result<(), Error> {
        let mut at = found.body + 8;
        while let Some(entry) = self.next(at, found.end)? {
            at = entry.end;
            let [_, _, _, flags] = self.source.array(entry.body)?;
            if flags & 1 == 0 || entry.body_len() < 4 {
                return Err(Error::NotUnderstood("its samples are in another file"));
            }
            self.overlay.zero(entry.body + 4, entry.body_len() - 4)?;
        }
        Ok(())
    }

    /// Blanks the bytes in `data` that are outside of kept ranges.
    fn blank_gaps(&mut self, data: &[(u64, u64)]) -> Result<(), Error> {
        let mut data = data.to_vec();
        data.sort_unstable();
        let mut ranges = std::mem::take(&mut self.ranges);
        ranges.list(std::mem::take(&mut self.kept), Role::Item);
        // The furthest end of the ranges so far: one that began earlier may end in the next range of `data`.
        let mut reach = 0;
        for (from, to) in data {
            let mut at = from.max(to.min(reach));
            while let Some((start, end)) = ranges.next_before(self.source, to)? {
                self.blank_gap(at, start)?;
                reach = reach.max(end);
                at = at.max(end.min(to));
            }
            self.blank_gap(at, to)?;
        }
        // Read to the end: tables that contradict each other there are an error, wherever their chunks are.
        while ranges.next_before(self.source, u64::MAX)?.is_some() {}
        Ok(())
    }

    fn blank_gap(&mut self, from: u64, to: u64) -> Result<(), Error> {
        let bytes = to.saturating_sub(from);
        if bytes == 0 {
            return Ok(());
        }
        if bytes <= MAX_PEEK_BYTES && self.peeks > 0 {
            self.peeks -= 1;
            if self.source.bytes(from, bytes as usize)?.iter().all(|b| *b == 0) {
                return Ok(());
            }
        }
        self.overlay.zero(from, bytes)
    }
}

type BoxType = [u8; 4];

/// What is done with a box.
#[derive(Clone, Copy)]
enum BoxRule {
    /// It stays unchanged.
    Keep,
    /// Its two times are blanked.
    Times,
    /// Its name is blanked.
    Handler,
    /// Its paths are blanked.
    References,
    /// Its children have a list of their own.
    Into(&'static [(BoxType, BoxRule)]),
}

const TRACK: &[(BoxType, BoxRule)] = &[
    (*b"tkhd", BoxRule::Times),
    (*b"edts", BoxRule::Keep),
    (*b"tref", BoxRule::Keep),
    (*b"trgr", BoxRule::Keep),
    (*b"tapt", BoxRule::Keep),
    (*b"clip", BoxRule::Keep),
    (*b"matt", BoxRule::Keep),
    (*b"load", BoxRule::Keep),
    (*b"mdia", BoxRule::Into(MEDIA)),
];

const MEDIA: &[(BoxType, BoxRule)] = &[
    (*b"mdhd", BoxRule::Times),
    (*b"hdlr", BoxRule::Handler),
    (*b"elng", BoxRule::Keep),
    (*b"minf", BoxRule::Into(INFORMATION)),
];

const INFORMATION: &[(BoxType, BoxRule)] = &[
    (*b"vmhd", BoxRule::Keep),
    (*b"smhd", BoxRule::Keep),
    (*b"nmhd", BoxRule::Keep),
    (*b"gmhd", BoxRule::Keep),
    (*b"hdlr", BoxRule::Handler),
    (*b"dinf", BoxRule::Into(&[(*b"dref", BoxRule::References)])),
    (*b"stbl", BoxRule::Into(SAMPLES)),
];

/// ISO/IEC 14496-12 §8.5 to §8.9, without names and descriptions.
const SAMPLES: &[(BoxType, BoxRule)] = &[
    (*b"stsd", BoxRule::Keep),
    (*b"stts", BoxRule::Keep),
    (*b"ctts", BoxRule::Keep),
    (*b"cslg", BoxRule::Keep),
    (*b"stsc", BoxRule::Keep),
    (*b"stsz", BoxRule::Keep),
    (*b"stz2", BoxRule::Keep),
    (*b"stco", BoxRule::Keep),
    (*b"co64", BoxRule::Keep),
    (*b"stss", BoxRule::Keep),
    (*b"stps", BoxRule::Keep),
    (*b"stsh", BoxRule::Keep),
    (*b"sdtp", BoxRule::Keep),
    (*b"sbgp", BoxRule::Keep),
    (*b"sgpd", BoxRule::Keep),
    (*b"subs", BoxRule::Keep),
    (*b"saiz", BoxRule::Keep),
    (*b"saio", BoxRule::Keep),
];

const FRAGMENT: &[(BoxType, BoxRule)] = &[
    (*b"tfhd", BoxRule::Keep),
    (*b"tfdt", BoxRule::Keep),
    (*b"trun", BoxRule::Keep),
    (*b"sdtp", BoxRule::Keep),
    (*b"sbgp", BoxRule::Keep),
    (*b"sgpd", BoxRule::Keep),
    (*b"subs", BoxRule::Keep),
    (*b"saiz", BoxRule::Keep),
    (*b"saio", BoxRule::Keep),
    (*b"senc", BoxRule::Keep),
];
