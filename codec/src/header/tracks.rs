//! One track of an MP4 or MOV: the length of the tables that a demuxer builds from it.
//!
//! Owns the counts at the heads of the sample tables and of the edit list. Invariant: of the tables only heads are
//! read, except the runs of chunks of uncompressed audio (they determine how long the table becomes), in one pass.

use std::io::{Read, Seek};

use super::claims::Claims;
use super::milliseconds::milliseconds;
use super::sample_entries;
use crate::bytes::{Source, be32, be64};
use crate::isobmff::{BoxHeader, FormatError};

/// The most runs of chunks that are read.
const MAX_RUNS: u64 = 1_000_000;
/// A demuxer reads uncompressed audio in packets of so many samples.
const PACKET_SAMPLES: u64 = 1024;

/// The values in a track's boxes so far.
#[derive(Default)]
pub(super) struct Track {
    pub(super) handler: [u8; 4],
    /// The start of `tkhd`.
    pub(super) header: Option<Vec<u8>>,
    /// `stsd`, which is read when the track's type is known.
    entries: Option<BoxHeader>,
    /// Samples by `stsz`.
    samples: u64,
    /// The total bytes of the samples, where all have the same size.
    bytes: u64,
    /// The longest of the other tables.
    longest: u64,
    chunks: u64,
    runs: Option<BoxHeader>,
    /// Whether `stts` says that every sample lasts one time unit.
    is_uncompressed: bool,
    pub(super) edits: u64,
    /// The duration of the media by its own clock.
    pub(super) clock_ms: u64,
}

impl Track {
    /// Records a table of this track; other boxes are skipped.
    pub(super) fn table<R: Read + Seek>(
        &mut self,
        source: &mut Source<'_, R>,
        found: &BoxHeader,
    ) -> Result<(), FormatError> {
        match &found.kind {
            b"hdlr" => {
                let kind = source.some(found.body, found.body_len().min(12) as usize)?.get(8..12);
                // The media's handler comes first; later ones describe data references or metadata.
                let kind = kind.and_then(|kind| kind.try_into().ok()).filter(|_| self.handler == [0; 4]);
                self.handler = kind.unwrap_or(self.handler);
            }
            b"tkhd" if self.header.is_none() => {
                self.header = Some(source.some(found.body, found.body_len().min(96) as usize)?.to_vec());
            }
            // The media's clock; §8.4.2 has the same fields as the start of `mvhd`.
            b"mdhd" => {
                let head = source.some(found.body, found.body_len().min(32) as usize)?;
                let declared = if head.first() == Some(&1) {
                    be32(head, 20).zip(be64(head, 24))
                } else {
                    be32(head, 12).zip(be32(head, 16).map(u64::from))
                };
                self.clock_ms = self
                    .clock_ms
                    .max(declared.and_then(|(scale, duration)| milliseconds(duration, scale)).unwrap_or(0));
            }
            b"stsd" => self.entries = Some(*found),
            b"stsz" | b"stz2" => {
                let head = source.some(found.body, found.body_len().min(12) as usize)?;
                let count = u64::from(be32(head, 8).unwrap_or(0));
                let each = if &found.kind == b"stsz" { u64::from(be32(head, 4).unwrap_or(0)) } else { 0 };
                self.samples = self.samples.max(count);
                self.bytes = self.bytes.max(count.saturating_mul(each));
                // Compact sizes have at least four bits, the others 32.
                let bits = if &found.kind == b"stsz" { 32 } else { 4 };
                if each == 0 && count.saturating_mul(bits) > found.body_len().saturating_sub(12).saturating_mul(8) {
                    return Err(FormatError::Invalid("a sample table is shorter than it declares"));
                }
            }
            b"stts" | b"ctts" => {
                let count = self.count(source, found, 8)?;
                if &found.kind == b"stts" {
                    let head = source.some(found.body, found.body_len().min(16) as usize)?;
                    self.is_uncompressed = count == 1 && be32(head, 12) == Some(1);
                }
            }
            b"stsc" => {
                self.count(source, found, 12)?;
                self.runs = Some(*found);
            }
            b"stco" => self.chunks = self.count(source, found, 4)?,
            b"co64" => self.chunks = self.count(source, found, 8)?,
            b"stss" | b"stps" => {
                self.count(source, found, 4)?;
            }
            b"stsh" => {
                self.count(source, found, 8)?;
            }
            b"sdtp" => self.longest = self.longest.max(found.body_len()),
            // Version 1 has one more grouping field, which does not matter for the upper bound of the count.
            b"sbgp" => self.longest = self.longest.max(found.body_len() / 8),
            b"elst" => {
                let head = source.some(found.body, found.body_len().min(8) as usize)?;
                let entry = if head.first() == Some(&1) { 20 } else { 12 };
                let room = found.body_len().saturating_sub(8) / entry;
                self.edits = self.edits.max(be32(head, 4).map_or(0, u64::from).min(room));
            }
            _ => {}
        }
        Ok(())
    }

    /// Returns the entries of a table: at most as many as it declares and has room for.
    fn count<R: Read + Seek>(
        &mut self,
        source: &mut Source<'_, R>,
        found: &BoxHeader,
        each: u64,
    ) -> Result<u64, FormatError> {
        let head = source.some(found.body, found.body_len().min(8) as usize)?;
        let count = be32(head, 4).map_or(0, u64::from).min(found.body_len().saturating_sub(8) / each);
        self.longest = self.longest.max(count);
        Ok(count)
    }

    /// Adds what the whole track claims.
    pub(super) fn finish<R: Read + Seek>(
        self,
        source: &mut Source<'_, R>,
        claims: &mut Claims,
    ) -> Result<(), FormatError> {
        if let Some(entries) = &self.entries {
            sample_entries::read(source, entries, self.handler, claims)?;
        }
        let is_sound = &self.handler == b"soun";
        // Old files say "1 byte" for audio samples of any size.
        if !is_sound && self.bytes > source.len() {
            return Err(FormatError::Invalid("a track declares more bytes than the file has"));
        }
        let samples = if is_sound && self.is_uncompressed { self.pcm_packets(source)? } else { self.samples };
        let samples = samples.max(self.longest);
        claims.samples(samples);
        claims.clock_ms = claims.clock_ms.max(self.clock_ms);
        claims.edits = claims.edits.max(self.edits);
        claims.edited_samples = claims.edited_samples.max(self.edits.saturating_mul(samples));
        Ok(())
    }

    /// Returns the number of packets in which uncompressed audio is read.
    fn pcm_packets<R: Read + Seek>(&self, source: &mut Source<'_, R>) -> Result<u64, FormatError> {
        let Some(runs) = &self.runs else { return Ok(0) };
        let count =
            u64::from(be32(source.some(runs.body, 8)?, 4).unwrap_or(0)).min(runs.body_len().saturating_sub(8) / 12);
        if count > MAX_RUNS {
            return Err(FormatError::Invalid("a track has too many runs of chunks"));
        }
        let (mut pcm_packets, mut before) = (0_u64, None::<(u64, u64)>);
        for run in 0..=count {
            let next = if run < count {
                let entry = source.bytes(runs.body + 8 + run * 12, 8)?;
                be32(entry, 0).zip(be32(entry, 4)).map(|(first, samples)| (u64::from(first), u64::from(samples)))
            } else {
                // Past the last chunk.
                Some((self.chunks + 1, 0))
            };
            let Some((first, samples)) = next else { break };
            if let Some((start, samples)) = before {
                pcm_packets = pcm_packets
                    .saturating_add(first.saturating_sub(start).saturating_mul(samples.div_ceil(PACKET_SAMPLES)));
            }
            before = Some((first, samples));
        }
        Ok(pcm_packets)
    }
}

/// Returns the number of samples that a fragment's run declares (`trun`, ISO/IEC 14496-12 §8.8.8); where each has
/// fields of its own, these must be present.
pub(super) fn fragment_samples<R: Read + Seek>(
    source: &mut Source<'_, R>,
    run: &BoxHeader,
) -> Result<u64, FormatError> {
    let head = source.some(run.body, run.body_len().min(8) as usize)?;
    let Some((flags, count)) = be64(head, 0).map(|both| ((both >> 32) as u32, both & u64::from(u32::MAX))) else {
        return Ok(0);
    };
    let fields = u64::from((flags >> 8 & 15).count_ones()) * 4;
    let before = 8 + u64::from((flags & 5).count_ones()) * 4;
    if count.saturating_mul(fields) > run.body_len().saturating_sub(before) {
        return Err(FormatError::Invalid("a fragment declares more samples than it has"));
    }
    Ok(count)
}
