//! Matroska and WebM (RFC 9559).
//!
//! Owns the lists of elements that belong to video and audio; every other element becomes `Void`, and so do the blocks
//! of tracks that are neither. Invariant: no element moves.

use std::io::{Read, Seek};

use super::Error;
use super::overlay::Overlay;
use crate::bytes::Source;
use crate::ebml;

const EBML: u32 = 0x1a45_dfa3;
const SEGMENT: u32 = 0x1853_8067;
const SEEK_HEAD: u32 = 0x114d_9b74;
const SEEK: u32 = 0x4dbb;
const SEEK_ID: u32 = 0x53ab;
const INFO: u32 = 0x1549_a966;
const TRACKS: u32 = 0x1654_ae6b;
const TRACK_ENTRY: u32 = 0xae;
const TRACK_NUMBER: u32 = 0xd7;
const TRACK_TYPE: u32 = 0x83;
const CLUSTER: u32 = 0x1f43_b675;
const SIMPLE_BLOCK: u32 = 0xa3;
const BLOCK_GROUP: u32 = 0xa0;
const BLOCK: u32 = 0xa1;
const ENCRYPTED_BLOCK: u32 = 0xaf;
const CUES: u32 = 0x1c53_bb6b;
const VOID: u32 = 0xec;

/// The children of `Info` that stay, without title, date and file names: time scale, duration, the names of the two
/// programs (which are mandatory) and the segment's own UID.
const INFO_KEPT: [u32; 5] = [0x002a_d7b1, 0x4489, 0x4d80, 0x5741, 0x73a4];
/// `Name` of a track, and attachments linked to it.
const TRACK_DESCRIPTIVE: [u32; 2] = [0x536e, 0x7446];
/// The children of a cluster other than blocks: its time, position, previous size.
const CLUSTER_KEPT: [u32; 6] = [0xe7, 0xa7, 0xab, 0x5854, VOID, ENCRYPTED_BLOCK];

/// The most elements visited in one file. Four hours have about two million blocks, which are visited only where a
/// track must be removed.
const MAX_ELEMENTS: usize = 8_000_000;
/// The most tracks that are removed one by one.
const MAX_REMOVED: usize = 64;
/// The largest `Info`, `Tracks` or `SeekHead` that is read, in bytes.
const MAX_MASTER_BYTES: u64 = 1024 * 1024;

struct Element {
    id: u32,
    start: u64,
    body: u64,
    /// `None` where its size is unknown.
    end: Option<u64>,
}

struct Walker<'w, 's, R> {
    source: &'w mut Source<'s, R>,
    overlay: &'w mut Overlay,
    elements_left: usize,
    /// Numbers of the removed tracks.
    removed: Vec<u64>,
}

pub(super) fn scrub<R: Read + Seek>(source: &mut Source<'_, R>, overlay: &mut Overlay) -> Result<(), Error> {
    let len = source.len();
    let mut walk = Walker { source, overlay, elements_left: MAX_ELEMENTS, removed: Vec::new() };
    let header = walk.element(0, len)?;
    let segment = walk.element(header.end.ok_or(CUT)?, len)?;
    if header.id != EBML || segment.id != SEGMENT {
        return Err(Error::NotUnderstood("it does not start with a segment"));
    }
    let end = segment.end.unwrap_or(len);
    walk.segment(segment.body, end)?;
    walk.overlay.zero_rest(end)
}

const CUT: Error = Error::NotUnderstood("it is truncated");

impl<R: Read + Seek> Walker<'_, '_, R> {
    fn element(&mut self, at: u64, limit: u64) -> Result<Element, Error> {
        self.elements_left = self.elements_left.checked_sub(1).ok_or(Error::TooComplex)?;
        let head =
            ebml::element(self.source.some(at, 12)?, 0).ok_or(Error::NotUnderstood("an element's head is invalid"))?;
        let body = at + head.bytes as u64;
        let end = match head.size {
            None => None,
            Some(size) => Some(body.checked_add(size).filter(|end| *end <= limit).ok_or(CUT)?),
        };
        Ok(Element { id: head.id, start: at, body, end })
    }

    fn segment(&mut self, mut at: u64, end: u64) -> Result<(), Error> {
        let mut has_tracks = false;
        while at < end {
            let element = self.element(at, end)?;
            let known_end = element.end.ok_or(Error::NotUnderstood("an element has no size"));
            match element.id {
                CLUSTER if has_tracks => {
                    at = match element.end {
                        Some(end) if self.removed.is_empty() => end,
                        Some(end) => self.cluster(element.body, end, true)?,
                        None => self.cluster(element.body, end, false)?,
                    };
                    continue;
                }
                // Blocks before the declaration of their tracks cannot be told apart.
                CLUSTER => return Err(Error::NotUnderstood("its tracks come after its data")),
                SEEK_HEAD => self.seek_head(element.body, known_end?)?,
                INFO => self.info(element.body, known_end?)?,
                TRACKS => {
                    has_tracks = true;
                    self.tracks(element.body, known_end?)?;
                }
                CUES => {}
                _ => self.void(element.start, known_end?)?,
            }
            at = element.end.unwrap_or(end);
        }
        if has_tracks { Ok(()) } else { Err(Error::NotUnderstood("it has no tracks")) }
    }

    /// Replaces a range by one `Void` element. RFC 8794 §11.3.2.
    fn void(&mut self, start: u64, end: u64) -> Result<(), Error> {
        let total = end - start;
        let fill = match total {
            0 | 1 => return Err(Error::NotUnderstood("an element is too short")),
            2..=8 => vec![0xec, 0x80 | (total - 2) as u8],
            _ => [&[0xec], &(1 << 56 | (total - 9)).to_be_bytes()[..]].concat(),
        };
        self.overlay.write(start, total, fill)
    }

    /// Replaces every child of a small master element for which `is_unwanted` is true by `Void`.
    fn void_children(&mut self, mut at: u64, end: u64, is_unwanted: impl Fn(u32, &[u8]) -> bool) -> Result<(), Error> {
        if end - at > MAX_MASTER_BYTES {
            return Err(Error::TooComplex);
        }
        while at < end {
            let child = self.element(at, end)?;
            let child_end = child.end.ok_or(Error::NotUnderstood("an element has no size"))?;
            let start = self.source.some(child.body, (child_end - child.body).min(64) as usize)?;
            if is_unwanted(child.id, start) {
                self.void(at, child_end)?;
            }
            at = child_end;
        }
        Ok(())
    }

    /// `SeekHead`: without its entries for removed elements, and without its checksum.
    fn seek_head(&mut self, at: u64, end: u64) -> Result<(), Error> {
        let kept = [SEEK_HEAD, INFO, TRACKS, CLUSTER, CUES].map(u32::to_be_bytes);
        self.void_children(at, end, |id, data| {
            let target = ebml::children(data).find(|child| child.id == SEEK_ID).map(|child| child.data);
            id != SEEK || !kept.iter().any(|id| Some(&id[..]) == target)
        })
    }

    fn info(&mut self, at: u64, end: u64) -> Result<(), Error> {
        self.void_children(at, end, |id, _| !INFO_KEPT.contains(&id))
    }

    fn tracks(&mut self, mut at: u64, end: u64) -> Result<(), Error> {
        if end - at > MAX_MASTER_BYTES {
            return Err(Error::TooComplex);
        }
        while at < end {
            let entry = self.element(at, end)?;
            let entry_end = entry.end.ok_or(Error::NotUnderstood("an element has no size"))?;
            if entry.id == TRACK_ENTRY {
                let data = self.source.vector(entry.body, entry_end - entry.body)?;
                let number = |wanted| {
                    ebml::children(&data).find(|child| child.id == wanted).and_then(|child| unsigned(child.data))
                };
                let (Some(track), Some(kind)) = (number(TRACK_NUMBER), number(TRACK_TYPE)) else {
                    return Err(Error::NotUnderstood("a track does not declare its type"));
                };
                // 1 is video, 2 audio. RFC 9559 §5.1.4.1.3.
                if matches!(kind, 1 | 2) {
                    self.void_children(entry.body, entry_end, |id, _| TRACK_DESCRIPTIVE.contains(&id) || id == 0xbf)?;
                } else {
                    if self.removed.len() >= MAX_REMOVED {
                        return Err(Error::TooComplex);
                    }
                    self.removed.push(track);
                    self.void(at, entry_end)?;
                }
            } else {
                // A checksum, which no longer matches, or filler.
                self.void(at, entry_end)?;
            }
            at = entry_end;
        }
        Ok(())
    }

    /// Walks a cluster; one of unknown size ends where an element begins that cannot be its child. Returns its end.
    fn cluster(&mut self, mut at: u64, end: u64, sized: bool) -> Result<u64, Error> {
        while at < end {
            let element = self.element(at, end)?;
            let inside = matches!(element.id, SIMPLE_BLOCK | BLOCK_GROUP)
                || CLUSTER_KEPT.contains(&element.id)
                || element.id == 0xbf;
            if !inside && !sized {
                return Ok(at);
            }
            let element_end = element.end.ok_or(Error::NotUnderstood("an element has no size"))?;
            let is_unwanted = match element.id {
                _ if !inside => true,
                SIMPLE_BLOCK => self.is_removed(element.body)?,
                BLOCK_GROUP => self.group_is_removed(element.body, element_end)?,
                _ => false,
            };
            if is_unwanted {
                self.void(at, element_end)?;
            }
            at = element_end;
        }
        Ok(end)
    }

    fn group_is_removed(&mut self, mut at: u64, end: u64) -> Result<bool, Error> {
        while at < end {
            let child = self.element(at, end)?;
            if child.id == BLOCK {
                return self.is_removed(child.body);
            }
            at = child.end.ok_or(Error::NotUnderstood("an element has no size"))?;
        }
        Ok(false)
    }

    /// A block starts with its track's number in the format of a size. RFC 9559 §10.1.
    fn is_removed(&mut self, at: u64) -> Result<bool, Error> {
        if self.removed.is_empty() {
            return Ok(false);
        }
        let track = ebml::size(self.source.some(at, 8)?).ok_or(Error::NotUnderstood("a block has no track number"))?;
        Ok(self.removed.contains(&track))
    }
}

/// An unsigned number of up to eight bytes.
fn unsigned(data: &[u8]) -> Option<u64> {
    (data.len() <= 8).then(|| data.iter().fold(0, |sum, b| sum << 8 | u64::from(*b)))
}
