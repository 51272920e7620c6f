//! Claims of Matroska and WebM (RFC 9559): tracks, and the sizes of tags, attachments and seek tables.
//!
//! Owns the elements in front of the first cluster and those that the seek head points to: a demuxer reads the same.
//! Invariant: at most [`MAX_ELEMENTS`] elements are visited; of a codec's own configuration one window is read.

use std::io::{Read, Seek};

use super::claims::Claims;
use super::parameter_sets::{av1_configuration, avc_configuration, hevc_configuration};
use super::sample_entries::whole_rate;
use super::{audio, cover, ogg};
use crate::bytes::{Source, WINDOW, be32, be64, le16, le32};
use crate::ebml;
use crate::isobmff::FormatError;

const SEGMENT: u32 = 0x1853_8067;
const SEEK_HEAD: u32 = 0x114d_9b74;
const SEEK: u32 = 0x4dbb;
const SEEK_POSITION: u32 = 0x53ac;
const INFO: u32 = 0x1549_a966;
const TIMESTAMP_SCALE: u32 = 0x002a_d7b1;
const DURATION: u32 = 0x4489;
const TRACKS: u32 = 0x1654_ae6b;
const TRACK_ENTRY: u32 = 0xae;
const CODEC_ID: u32 = 0x86;
const CODEC_PRIVATE: u32 = 0x63a2;
const VIDEO: u32 = 0xe0;
const WIDTH: u32 = 0xb0;
const HEIGHT: u32 = 0xba;
const AUDIO: u32 = 0xe1;
const RATE: u32 = 0xb5;
const OUTPUT_RATE: u32 = 0x78b5;
const CHANNELS: u32 = 0x9f;
const CLUSTER: u32 = 0x1f43_b675;
const CUES: u32 = 0x1c53_bb6b;
const TAGS: u32 = 0x1254_c367;
const CHAPTERS: u32 = 0x1043_a770;
const ATTACHMENTS: u32 = 0x1941_a469;
const ATTACHED_FILE: u32 = 0x61a7;

/// The most elements visited in one file.
const MAX_ELEMENTS: usize = 200_000;
/// The most positions that seek heads point to.
const MAX_SEEK_POSITIONS: usize = 64;

struct Element {
    id: u32,
    body: u64,
    /// The file's end where its size is unknown.
    end: u64,
}

struct Walker<'w, 's, R> {
    source: &'w mut Source<'s, R>,
    claims: &'w mut Claims,
    elements_left: usize,
    /// Nanoseconds of one time unit (`TimestampScale`).
    scale: u64,
    duration: f64,
    has_tracks: bool,
    /// Positions of elements that seek heads point to.
    seek_positions: Vec<u64>,
}

pub(super) fn walk<R: Read + Seek>(source: &mut Source<'_, R>, claims: &mut Claims) -> Result<(), FormatError> {
    let mut walk = Walker {
        source,
        claims,
        elements_left: MAX_ELEMENTS,
        scale: 1_000_000,
        duration: 0.0,
        has_tracks: false,
        seek_positions: Vec::new(),
    };
    let len = walk.source.len();
    let Some(header) = walk.element(0, len)? else { return Ok(()) };
    let Some(segment) = walk.element(header.end, len)?.filter(|segment| segment.id == SEGMENT) else {
        return Err(FormatError::Invalid("it does not start with a segment"));
    };
    let mut at = segment.body;
    while let Some(element) = walk.element(at, segment.end)? {
        if element.id == CLUSTER {
            break;
        }
        at = element.end;
        walk.visit(&element, segment.body)?;
    }
    // An element at such a position may add further positions.
    let mut visited = 0;
    while let Some(&position) = walk.seek_positions.get(visited) {
        visited += 1;
        if position >= at
            && let Some(element) = walk.element(position, segment.end)?
        {
            walk.visit(&element, segment.body)?;
        }
    }
    if !walk.has_tracks {
        return Err(FormatError::Invalid("it has no tracks in front of its data"));
    }
    if walk.duration > 0.0 {
        walk.claims.duration((walk.duration * walk.scale as f64 / 1e6) as u64, 1000);
    }
    Ok(())
}

impl<R: Read + Seek> Walker<'_, '_, R> {
    /// Returns the element at `at`; `None` where there is none or it is invalid. One that ends behind `limit` ends
    /// there.
    fn element(&mut self, at: u64, limit: u64) -> Result<Option<Element>, FormatError> {
        self.elements_left =
            self.elements_left.checked_sub(1).ok_or(FormatError::Invalid("it has too many elements"))?;
        if at >= limit || at >= self.source.len() {
            return Ok(None);
        }
        let Some(head) = ebml::element(self.source.some(at, 12)?, 0) else { return Ok(None) };
        let body = at + head.bytes as u64;
        if body > limit {
            return Ok(None);
        }
        let end = head.size.map_or(limit, |size| body.saturating_add(size).min(limit));
        Ok(Some(Element { id: head.id, body, end }))
    }

    fn visit(&mut self, element: &Element, segment: u64) -> Result<(), FormatError> {
        match element.id {
            SEEK_HEAD => self.seek_head(element, segment)?,
            INFO => self.info(element)?,
            TRACKS => {
                self.has_tracks = true;
                let mut at = element.body;
                while let Some(child) = self.element(at, element.end)? {
                    at = child.end;
                    if child.id == TRACK_ENTRY {
                        self.claims.tracks = self.claims.tracks.saturating_add(1);
                        self.track(&child)?;
                    }
                }
            }
            ATTACHMENTS => {
                self.claims.tags(element.end - element.body);
                let mut at = element.body;
                while let Some(child) = self.element(at, element.end)? {
                    at = child.end;
                    self.claims.tracks = self.claims.tracks.saturating_add(u32::from(child.id == ATTACHED_FILE));
                }
                cover::scan(self.source, element.body, element.end, self.claims)?;
            }
            CUES | TAGS | CHAPTERS => self.claims.tags(element.end - element.body),
            _ => {}
        }
        Ok(())
    }

    fn seek_head(&mut self, table: &Element, segment: u64) -> Result<(), FormatError> {
        let mut at = table.body;
        while let Some(seek) = self.element(at, table.end)? {
            at = seek.end;
            if seek.id != SEEK {
                continue;
            }
            let mut inside = seek.body;
            while let Some(child) = self.element(inside, seek.end)? {
                inside = child.end;
                if child.id == SEEK_POSITION && self.seek_positions.len() < MAX_SEEK_POSITIONS {
                    let position = segment.saturating_add(self.unsigned(&child)?);
                    if !self.seek_positions.contains(&position) {
                        self.seek_positions.push(position);
                    }
                }
            }
        }
        Ok(())
    }

    fn info(&mut self, info: &Element) -> Result<(), FormatError> {
        let mut at = info.body;
        while let Some(child) = self.element(at, info.end)? {
            at = child.end;
            match child.id {
                TIMESTAMP_SCALE => self.scale = self.unsigned(&child)?,
                DURATION => self.duration = self.float(&child)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn track(&mut self, entry: &Element) -> Result<(), FormatError> {
        let (mut codec, mut private) = (Vec::new(), None);
        let mut at = entry.body;
        while let Some(child) = self.element(at, entry.end)? {
            at = child.end;
            match child.id {
                CODEC_ID => codec = self.window(&child, 64)?.to_vec(),
                CODEC_PRIVATE => private = Some(child),
                VIDEO => self.video(&child)?,
                AUDIO => self.audio(&child)?,
                _ => {}
            }
        }
        if let Some(private) = private {
            let data = self.window(&private, WINDOW)?.to_vec();
            self.configuration(&codec, &data);
        }
        Ok(())
    }

    fn video(&mut self, video: &Element) -> Result<(), FormatError> {
        let (mut width, mut height) = (0, 0);
        let mut at = video.body;
        while let Some(child) = self.element(at, video.end)? {
            at = child.end;
            match child.id {
                WIDTH => width = self.unsigned(&child)?,
                HEIGHT => height = self.unsigned(&child)?,
                _ => {}
            }
        }
        let side = |side: u64| u32::try_from(side).unwrap_or(u32::MAX);
        self.claims.frame((side(width), side(height)));
        Ok(())
    }

    fn audio(&mut self, audio: &Element) -> Result<(), FormatError> {
        let mut at = audio.body;
        while let Some(child) = self.element(at, audio.end)? {
            at = child.end;
            match child.id {
                RATE | OUTPUT_RATE => {
                    let rate = whole_rate(self.float(&child)?);
                    self.claims.rate(rate);
                }
                CHANNELS => {
                    let channels = self.unsigned(&child)?;
                    self.claims.channels(u32::try_from(channels).unwrap_or(u32::MAX));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The size in the codec's own header. Matroska codec mappings §6.
    fn configuration(&mut self, codec: &[u8], data: &[u8]) {
        let coded = match codec {
            b"V_MPEG4/ISO/AVC" => avc_configuration(data),
            b"V_MPEGH/ISO/HEVC" => hevc_configuration(data),
            b"V_AV1" => av1_configuration(data),
            _ => None,
        };
        if let Some(size) = coded {
            self.claims.frame(size);
        }
        match codec {
            b"A_OPUS" => self.claims.channels(data.get(9).copied().unwrap_or(0).into()),
            b"A_FLAC" => audio::stream_information(data.get(8..).unwrap_or_default(), self.claims),
            b"A_ALAC" => {
                if let Some(rate) = be32(data, 20) {
                    self.claims.rate(rate);
                }
            }
            b"A_VORBIS" => {
                if let Some(at) = data
                    .get(..1024.min(data.len()))
                    .unwrap_or_default()
                    .windows(7)
                    .position(|name| name == b"\x01vorbis")
                {
                    ogg::vorbis(data.get(at..).unwrap_or_default(), self.claims);
                }
            }
            // A WAVEFORMATEX.
            b"A_MS/ACM" => {
                if let Some((channels, rate)) = le16(data, 2).zip(le32(data, 4)) {
                    self.claims.channels(channels.into());
                    self.claims.rate(rate);
                }
            }
            _ => {}
        }
    }

    fn window(&mut self, element: &Element, most: usize) -> Result<&[u8], FormatError> {
        let bytes = usize::try_from(element.end - element.body).unwrap_or(usize::MAX).min(most);
        Ok(self.source.some(element.body, bytes)?)
    }

    fn unsigned(&mut self, element: &Element) -> Result<u64, FormatError> {
        let data = self.window(element, 8)?;
        Ok(data.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
    }

    fn float(&mut self, element: &Element) -> Result<f64, FormatError> {
        let data = self.window(element, 8)?;
        Ok(match data.len() {
            4 => be32(data, 0).map_or(0.0, |bits| f32::from_bits(bits).into()),
            8 => be64(data, 0).map_or(0.0, f64::from_bits),
            _ => 0.0,
        })
    }
}
