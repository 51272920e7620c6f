//! Matroska and WebM (RFC 9559).
//!
//! Owns the lists of elements that belong to video and audio; every other element becomes `Void`, and so do the blocks
//! of tracks that are neither. What `coded` finds in blocks of video is blanked. Invariant: no element moves.

use std::io::{Read, Seek};

use super::Error;
use super::coded::{Coding, Units};
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
const CODEC_ID: u32 = 0x86;
const CODEC_PRIVATE: u32 = 0x63a2;
const CONTENT_ENCODINGS: u32 = 0x6d80;
/// What H.264, HEVC and AV1 are called in AVI.
const AVI_NAMES: [&[u8; 4]; 9] = [b"H264", b"X264", b"AVC1", b"DAVC", b"HEVC", b"HVC1", b"H265", b"X265", b"AV01"];
const CLUSTER: u32 = 0x1f43_b675;
const SIMPLE_BLOCK: u32 = 0xa3;
const BLOCK_GROUP: u32 = 0xa0;
const BLOCK: u32 = 0xa1;
/// Data beside a block: transparency of VP8 and VP9, metadata of other codecs.
const BLOCK_ADDITIONS: u32 = 0x75a1;
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
/// The most tracks whose blocks are walked.
const MAX_CODED: usize = 64;
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
    units: Units,
    /// Numbers of the tracks whose blocks are walked, and how these are divided.
    coded: Vec<(u64, Coding)>,
}

pub(super) fn scrub<R: Read + Seek>(source: &mut Source<'_, R>, overlay: &mut Overlay) -> Result<(), Error> {
    let len = source.len();
    let mut walk = Walker {
        source,
        overlay,
        elements_left: MAX_ELEMENTS,
        removed: Vec::new(),
        units: Units::new(len),
        coded: Vec::new(),
    };
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
                        Some(end) if self.removed.is_empty() && self.coded.is_empty() => end,
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
                    if let Some(coding) = self.coding(&data, entry.body, entry_end)? {
                        if self.coded.len() >= MAX_CODED {
                            return Err(Error::TooComplex);
                        }
                        self.coded.push((track, coding));
                    }
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

    /// Returns how a track's blocks are divided, from its entry, and blanks what is private in its configuration.
    fn coding(&mut self, entry: &[u8], mut at: u64, end: u64) -> Result<Option<Coding>, Error> {
        let of = |wanted| ebml::children(entry).find(|child| child.id == wanted).map(|child| child.data);
        // Writers may end a text with zeros.
        let codec = of(CODEC_ID).unwrap_or_default().split(|byte| *byte == 0).next();
        let kind = match codec.unwrap_or_default() {
            b"V_MPEG4/ISO/AVC" => *b"avcC",
            b"V_MPEGH/ISO/HEVC" => *b"hvcC",
            b"V_AV1" => *b"av1C",
            // As in AVI: its codec is named inside, and its blocks are divided by start codes.
            b"V_MS/VFW/FOURCC" => match of(CODEC_PRIVATE).and_then(|header| header.get(16..20)) {
                Some(name) if AVI_NAMES.iter().any(|known| name.eq_ignore_ascii_case(*known)) => {
                    return Err(Error::NotUnderstood("its video is in the form of another container"));
                }
                _ => return Ok(None),
            },
            _ => return Ok(None),
        };
        if of(CONTENT_ENCODINGS).is_some() {
            return Err(Error::NotUnderstood("its blocks are compressed or encrypted"));
        }
        while at < end {
            let child = self.element(at, end)?;
            at = child.end.ok_or(Error::NotUnderstood("an element has no size"))?;
            if child.id == CODEC_PRIVATE {
                return self.units.configuration(self.source, self.overlay, kind, (child.body, at)).map(Some);
            }
        }
        // Older writers of AV1 have none.
        if &kind == b"av1C" {
            Ok(Some(Coding::Av1))
        } else {
            Err(Error::NotUnderstood("its video has no configuration"))
        }
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
                SIMPLE_BLOCK => !self.keep_block(element.body, element_end)?,
                BLOCK_GROUP => !self.keep_group(element.body, element_end)?,
                _ => false,
            };
            if is_unwanted {
                self.void(at, element_end)?;
            }
            at = element_end;
        }
        Ok(end)
    }

    /// Returns whether a group's block stays, and voids what is beside one of coded video.
    fn keep_group(&mut self, mut at: u64, end: u64) -> Result<bool, Error> {
        while at < end {
            let child = self.element(at, end)?;
            let child_end = child.end.ok_or(Error::NotUnderstood("an element has no size"))?;
            if child.id == BLOCK && !self.keep_block(child.body, child_end)? {
                return Ok(false);
            }
            if child.id == BLOCK_ADDITIONS && !self.coded.is_empty() {
                self.void(at, child_end)?;
            }
            at = child_end;
        }
        Ok(true)
    }

    /// Returns whether a block stays, and blanks what is private in it. It starts with its track's number in the format
    /// of a size, two bytes of time, and flags. RFC 9559 §10.1.
    fn keep_block(&mut self, at: u64, end: u64) -> Result<bool, Error> {
        if self.removed.is_empty() && self.coded.is_empty() {
            return Ok(true);
        }
        let head = self.source.some(at, 12)?;
        let number_bytes = head.first().map_or(0, |first| first.leading_zeros() as usize + 1);
        let (track, flags) = ebml::size(head)
            .zip(head.get(number_bytes + 2).copied())
            .ok_or(Error::NotUnderstood("a block has no track number"))?;
        if self.removed.contains(&track) {
            return Ok(false);
        }
        if let Some((_, coding)) = self.coded.iter().find(|(number, _)| *number == track) {
            let sample = (at + number_bytes as u64 + 3, end);
            // Several pictures in one block: no known writer makes that.
            if flags & 6 != 0 || sample.0 > end {
                return Err(Error::NotUnderstood("a block has several pictures"));
            }
            self.units.sample(self.source, self.overlay, *coding, sample, false)?;
        }
        Ok(true)
    }
}

/// An unsigned number of up to eight bytes.
fn unsigned(data: &[u8]) -> Option<u64> {
    (data.len() <= 8).then(|| data.iter().fold(0, |sum, b| sum << 8 | u64::from(*b)))
}
