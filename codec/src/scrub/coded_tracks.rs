//! Finds the coded video of ISO base media: how a track's samples are divided, and where they are.
//!
//! Owns sample entries, sample tables and fragments (ISO/IEC 14496-12 §8.5.2 and §8.8) as far as blanking needs them.
//! Invariant: of a fragment one run is in memory.

use std::io::{Read, Seek};

use super::Error;
use super::coded::{Coding, Units};
use super::overlay::Overlay;
use super::samples::{SampleChunks, Samples};
use crate::bytes::{Source, be32, be64};
use crate::isobmff::{self, BoxHeader};

/// The most entries of one track, boxes in one of them, and tracks with defaults.
const MAX_CHILDREN: usize = 64;
/// The most boxes in a fragment.
const MAX_FRAGMENT_BOXES: usize = 10_000;
/// The longest run that is read, in bytes: 65,536 samples with all their fields.
const MAX_RUN_BYTES: u64 = 1024 * 1024;
/// The fields before the boxes in an entry for video, and the writing program's name among them. §12.1.3.
const ENTRY_FIELDS: u64 = 78;
const ENTRY_NAME: (u64, usize) = (42, 32);

const SHORT: Error = Error::NotUnderstood("a description of samples is too short");

/// A track of a file with fragments.
pub(super) struct Track {
    pub(super) id: u32,
    /// `None` where nothing private is looked for in its samples.
    pub(super) coding: Option<Coding>,
}

/// Returns how a track's samples are divided, from its `stsd`, and blanks what is private there.
pub(super) fn coding<R: Read + Seek>(
    source: &mut Source<'_, R>,
    overlay: &mut Overlay,
    units: &mut Units,
    entries: &BoxHeader,
) -> Result<Option<Coding>, Error> {
    let mut at = entries.body + 8;
    let mut found = None;
    for number in 0..=MAX_CHILDREN {
        let Some(entry) = isobmff::next_box(source, at, entries.end)? else { break };
        if number == MAX_CHILDREN {
            return Err(Error::TooComplex);
        }
        at = entry.end;
        let coding = entry_coding(source, overlay, units, &entry)?;
        // A sample does not say which entry is its own.
        if *found.get_or_insert(coding) != coding {
            return Err(Error::NotUnderstood("its video changes its coding"));
        }
    }
    Ok(found.flatten())
}

fn entry_coding<R: Read + Seek>(
    source: &mut Source<'_, R>,
    overlay: &mut Overlay,
    units: &mut Units,
    entry: &BoxHeader,
) -> Result<Option<Coding>, Error> {
    let kind = match &entry.kind {
        b"avc1" | b"avc2" | b"avc3" | b"avc4" | b"dva1" | b"dvav" => *b"avcC",
        b"hvc1" | b"hev1" | b"dvh1" | b"dvhe" => *b"hvcC",
        b"av01" | b"dav1" => *b"av1C",
        b"encv" => return Err(Error::NotUnderstood("its video is encrypted")),
        _ => return Ok(None),
    };
    if entry.body_len() < ENTRY_FIELDS {
        return Err(SHORT);
    }
    let (name, bytes) = (entry.body + ENTRY_NAME.0, ENTRY_NAME.1);
    if source.bytes(name, bytes)?.iter().any(|byte| *byte != 0) {
        overlay.zero(name, bytes as u64)?;
    }
    let mut at = entry.body + ENTRY_FIELDS;
    for _ in 0..MAX_CHILDREN {
        let Some(child) = isobmff::next_box(source, at, entry.end)? else { break };
        if child.kind == kind {
            return units.configuration(source, overlay, kind, (child.body, child.end)).map(Some);
        }
        at = child.end;
    }
    Err(Error::NotUnderstood("its video has no configuration"))
}

/// Blanks what is private in the samples of a track's table.
pub(super) fn table<R: Read + Seek>(
    source: &mut Source<'_, R>,
    overlay: &mut Overlay,
    units: &mut Units,
    chunks: SampleChunks,
    coding: Coding,
) -> Result<(), Error> {
    let mut samples = Samples::of(chunks);
    while let Some(range) = samples.next(source)? {
        units.sample(source, overlay, coding, range, false)?;
    }
    Ok(())
}

/// Returns the tracks that `mvex` has defaults for, each with the bytes of a sample that does not say its own.
pub(super) fn defaults<R: Read + Seek>(
    source: &mut Source<'_, R>,
    extends: &BoxHeader,
) -> Result<Vec<(u32, u32)>, Error> {
    let (mut at, mut found) = (extends.body, Vec::new());
    while let Some(child) = isobmff::next_box(source, at, extends.end)? {
        at = child.end;
        if found.len() >= MAX_CHILDREN {
            return Err(Error::TooComplex);
        }
        let bytes: &[u8] = if &child.kind == b"trex" { source.some(child.body, 20)? } else { &[] };
        found.extend(be32(bytes, 4).zip(be32(bytes, 16)));
    }
    Ok(found)
}

/// Blanks what is private in the samples of a fragment.
pub(super) fn fragment<R: Read + Seek>(
    source: &mut Source<'_, R>,
    overlay: &mut Overlay,
    units: &mut Units,
    moof: &BoxHeader,
    tracks: (&[Track], &[(u32, u32)]),
) -> Result<(), Error> {
    let (mut at, mut boxes, mut runs) = (moof.body, MAX_FRAGMENT_BOXES, None::<Runs>);
    while let Some(traf) = isobmff::next_box(source, at, moof.end)? {
        at = traf.end;
        let mut inner = if &traf.kind == b"traf" { traf.body } else { traf.end };
        let mut header = None;
        while let Some(child) = isobmff::next_box(source, inner, traf.end)? {
            inner = child.end;
            boxes = boxes.checked_sub(1).ok_or(Error::TooComplex)?;
            match &child.kind {
                b"tfhd" => {
                    // Without a base of its own, a track's data follows that of the track before. §8.8.7.
                    let before = runs.as_ref().map_or(moof.start, |runs| runs.at);
                    header = Some(Runs::of(source, &child, (moof.start, before), tracks)?);
                }
                b"trun" => {
                    let runs = header.as_mut().ok_or(SHORT)?;
                    runs.samples(source, overlay, units, &child)?;
                }
                _ => {}
            }
        }
        runs = header.or(runs);
    }
    Ok(())
}

/// The runs of one track in a fragment.
struct Runs {
    coding: Option<Coding>,
    base: u64,
    default_bytes: u32,
    /// The end of the data before.
    at: u64,
}

impl Runs {
    /// Reads `tfhd`. §8.8.7: what is there is said by its flags.
    fn of<R: Read + Seek>(
        source: &mut Source<'_, R>,
        header: &BoxHeader,
        (moof, before): (u64, u64),
        (tracks, defaults): (&[Track], &[(u32, u32)]),
    ) -> Result<Self, Error> {
        let data = source.some(header.body, header.body_len().min(40) as usize)?;
        let (flags, id) = be32(data, 0).zip(be32(data, 4)).ok_or(SHORT)?;
        let mut fields = 8;
        let mut field = |flag: u32, bytes: usize| {
            let at = fields;
            fields += if flags & flag == 0 { 0 } else { bytes };
            (flags & flag != 0).then_some(at)
        };
        let (base, _, _, size) = (field(1, 8), field(2, 4), field(8, 4), field(0x10, 4));
        let base = match base {
            Some(at) => be64(data, at).ok_or(SHORT)?,
            None if flags & 0x2_0000 != 0 => moof,
            None => before,
        };
        let default_bytes = match size {
            Some(at) => be32(data, at).ok_or(SHORT)?,
            None => defaults.iter().find(|(track, _)| *track == id).map_or(0, |(_, bytes)| *bytes),
        };
        let track = tracks.iter().find(|track| track.id == id);
        let coding = track.ok_or(Error::NotUnderstood("a fragment is of a track that it does not have"))?.coding;
        Ok(Self { coding, base, default_bytes, at: base })
    }

    /// Reads `trun`, and blanks what is private in its samples. §8.8.8.
    fn samples<R: Read + Seek>(
        &mut self,
        source: &mut Source<'_, R>,
        overlay: &mut Overlay,
        units: &mut Units,
        run: &BoxHeader,
    ) -> Result<(), Error> {
        if run.body_len() > MAX_RUN_BYTES {
            return Err(Error::TooComplex);
        }
        let data = source.vector(run.body, run.body_len())?;
        let (flags, count) = be32(&data, 0).zip(be32(&data, 4)).ok_or(SHORT)?;
        if flags & 1 != 0 {
            let offset = be32(&data, 8).ok_or(SHORT)? as i32;
            self.at = self.base.checked_add_signed(offset.into()).ok_or(SHORT)?;
        }
        let first = 8 + (flags & 5).count_ones() as usize * 4;
        let (each, before_size) = ((flags >> 8 & 15).count_ones() as usize * 4, (flags >> 8 & 1) as usize * 4);
        let is_whole =
            (count as usize).checked_mul(each).is_some_and(|bytes| bytes <= data.len().saturating_sub(first));
        if !is_whole {
            return Err(SHORT);
        }
        if self.coding.is_none() && each == 0 {
            self.at = self.at.saturating_add(u64::from(count) * u64::from(self.default_bytes));
            return Ok(());
        }
        for number in 0..count as usize {
            let bytes = if flags & 0x200 == 0 {
                self.default_bytes
            } else {
                be32(&data, first + number * each + before_size).ok_or(SHORT)?
            };
            let (start, end) = (self.at, self.at.checked_add(bytes.into()).ok_or(SHORT)?);
            self.at = end;
            // Past the end of a recording that was cut off there is nothing.
            if let Some(coding) = self.coding.filter(|_| start < source.len()) {
                units.sample(source, overlay, coding, (start, end.min(source.len())), end > source.len())?;
            }
            if each == 0 && (end == start || end > source.len()) {
                break;
            }
        }
        Ok(())
    }
}
