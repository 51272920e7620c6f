//! The locations of a track's samples, chunk by chunk (ISO/IEC 14496-12 §8.7).
//!
//! Owns reading `stsc`, `stsz` and `stco` together, one chunk after the other. Invariant: of each table one page is in
//! memory, and the work is linear in the tables' real length.

use std::io::{Read, Seek};

use super::Error;
use crate::bytes::{Source, be32};
use crate::isobmff::{self, BoxHeader};

/// The most chunks of one file. Four hours of video and audio, each frame its own chunk, have 1.5 million; phones write
/// one chunk in half a second.
pub(super) const MAX_CHUNKS: u64 = 1_000_000;
/// Bytes of a table that are read at once.
const PAGE: u64 = 32 * 1024;

const INCONSISTENT: Error = Error::NotUnderstood("its sample tables contradict each other");

/// A table and the page of it that is in memory.
#[derive(Clone)]
struct TablePages {
    /// The start and the end of its entries.
    body: u64,
    end: u64,
    start: u64,
    page: Vec<u8>,
}

impl TablePages {
    fn new(body: u64, end: u64) -> Self {
        Self { body, end, start: 0, page: Vec::new() }
    }

    /// Returns `N` bytes, at an offset from the first entry.
    fn array<const N: usize, R: Read + Seek>(
        &mut self,
        source: &mut Source<'_, R>,
        offset: u64,
    ) -> Result<[u8; N], Error> {
        let at = self.body.checked_add(offset).ok_or(INCONSISTENT)?;
        let end = at.checked_add(N as u64).filter(|end| *end <= self.end).ok_or(INCONSISTENT)?;
        if at < self.start || end > self.start + self.page.len() as u64 {
            self.page = source.vector(at, PAGE.min(self.end - at))?;
            self.start = at;
        }
        let from = (at - self.start) as usize;
        self.page.get(from..from + N).and_then(|bytes| bytes.try_into().ok()).ok_or(INCONSISTENT)
    }
}

/// The chunks of one track, read in the table's order.
#[derive(Clone)]
pub(super) struct SampleChunks {
    offsets: TablePages,
    wide: bool,
    /// The number of chunks, and how many were read.
    pub(super) count: u64,
    number: u64,
    runs: TablePages,
    run_count: u64,
    run: u64,
    sizes: Sizes,
    /// Whether the sizes are listed sample by sample. Old files say "1 byte" for any size of uncompressed audio.
    pub(super) has_exact_sizes: bool,
}

impl SampleChunks {
    /// Returns the chunks of the track with this sample table.
    pub(super) fn open<R: Read + Seek>(
        source: &mut Source<'_, R>,
        table: &BoxHeader,
        is_sound: bool,
    ) -> Result<Self, Error> {
        let (mut runs, mut sizes, mut offsets) = (None, None, None);
        let mut at = table.body;
        for _ in 0..100 {
            let Some(child) = isobmff::next_box(source, at, table.end)? else { break };
            at = child.end;
            match &child.kind {
                b"stsc" => runs = Some(child),
                b"stsz" | b"stz2" => sizes = Some(child),
                b"stco" | b"co64" => offsets = Some(child),
                _ => {}
            }
        }
        let (runs, sizes, offsets) =
            (runs.ok_or(INCONSISTENT)?, sizes.ok_or(INCONSISTENT)?, offsets.ok_or(INCONSISTENT)?);
        let wide = &offsets.kind == b"co64";
        let count = count(source, &offsets, if wide { 8 } else { 4 })?;
        let run_count = count_runs(source, &runs)?;
        let sizes = Sizes::open(source, &sizes)?;
        let has_exact_sizes = !is_sound || sizes.each.is_none_or(|each| each > 64);
        let pages = |table: &BoxHeader| TablePages::new(table.body + 8, table.end);
        Ok(Self {
            offsets: pages(&offsets),
            wide,
            count,
            number: 0,
            runs: pages(&runs),
            run_count,
            run: 0,
            sizes,
            has_exact_sizes,
        })
    }

    /// Returns whether each chunk starts where the one before it starts, or behind.
    pub(super) fn is_sorted<R: Read + Seek>(&self, source: &mut Source<'_, R>) -> Result<bool, Error> {
        let mut fresh = self.clone();
        let mut before = 0;
        for number in 0..self.count {
            let start = fresh.offset(source, number)?;
            if start < before {
                return Ok(false);
            }
            before = start;
        }
        Ok(true)
    }

    fn offset<R: Read + Seek>(&mut self, source: &mut Source<'_, R>, number: u64) -> Result<u64, Error> {
        if self.wide {
            return Ok(u64::from_be_bytes(self.offsets.array(source, number * 8)?));
        }
        Ok(u32::from_be_bytes(self.offsets.array(source, number * 4)?).into())
    }

    /// A run of chunks: the number of its first chunk, from 1, and the samples per chunk.
    fn run_at<R: Read + Seek>(&mut self, source: &mut Source<'_, R>, run: u64) -> Result<(u32, u32), Error> {
        let entry: [u8; 8] = self.runs.array(source, run * 12)?;
        be32(&entry, 0).zip(be32(&entry, 4)).ok_or(INCONSISTENT)
    }

    /// Returns the next chunk's `(start, end)` in the file; an error where the tables contradict each other.
    pub(super) fn next<R: Read + Seek>(&mut self, source: &mut Source<'_, R>) -> Result<Option<(u64, u64)>, Error> {
        let Some((start, samples)) = self.next_chunk(source)? else { return Ok(None) };
        let bytes = self.sizes.sum(source, samples)?;
        let end = start.checked_add(bytes).filter(|end| *end <= source.len()).ok_or(INCONSISTENT)?;
        Ok(Some((start, end)))
    }

    /// Returns the next chunk's start and how many samples it may have at most.
    fn next_chunk<R: Read + Seek>(&mut self, source: &mut Source<'_, R>) -> Result<Option<(u64, u32)>, Error> {
        if self.number == self.count {
            // Samples that belong to no chunk: the tables are inconsistent.
            return if self.sizes.left > 0 && self.has_exact_sizes { Err(INCONSISTENT) } else { Ok(None) };
        }
        let start = self.offset(source, self.number)?;
        self.number += 1;
        // A run extends to the next one's first chunk.
        while self.run + 1 < self.run_count && u64::from(self.run_at(source, self.run + 1)?.0) <= self.number {
            self.run += 1;
        }
        if self.run_count == 0 {
            return Err(INCONSISTENT);
        }
        Ok(Some((start, self.run_at(source, self.run)?.1)))
    }
}

/// The samples of one track, in the table's order.
pub(super) struct Samples {
    chunks: SampleChunks,
    /// The end of the sample before, and how many more its chunk has.
    at: u64,
    left: u64,
}

impl Samples {
    /// Returns all samples of chunks of which none was read.
    pub(super) fn of(chunks: SampleChunks) -> Self {
        Self { chunks, at: 0, left: 0 }
    }

    /// Returns the next sample's `(start, end)` in the file; an error where the tables contradict each other.
    pub(super) fn next<R: Read + Seek>(&mut self, source: &mut Source<'_, R>) -> Result<Option<(u64, u64)>, Error> {
        while self.left == 0 {
            let Some((start, samples)) = self.chunks.next_chunk(source)? else { return Ok(None) };
            (self.at, self.left) = (start, u64::from(samples).min(self.chunks.sizes.left));
        }
        self.left -= 1;
        let start = self.at;
        let bytes = self.chunks.sizes.sum(source, 1)?;
        self.at = start.checked_add(bytes).filter(|end| *end <= source.len()).ok_or(INCONSISTENT)?;
        Ok(Some((start, self.at)))
    }
}

/// Returns the number of entries of `each` bytes that a table has behind its head; the declared count must be true.
fn count<R: Read + Seek>(source: &mut Source<'_, R>, table: &BoxHeader, each: u64) -> Result<u64, Error> {
    let count = u64::from(u32::from_be_bytes(source.array(table.body + 4)?));
    let room = table.body_len().saturating_sub(8) / each;
    if count > room {
        return Err(INCONSISTENT);
    }
    if count > MAX_CHUNKS { Err(Error::TooComplex) } else { Ok(count) }
}

fn count_runs<R: Read + Seek>(source: &mut Source<'_, R>, table: &BoxHeader) -> Result<u64, Error> {
    count(source, table, 12)
}

/// Sample sizes, read in order.
#[derive(Clone)]
struct Sizes {
    /// The size of every sample, where all are equal.
    each: Option<u32>,
    /// Bits per size in the table.
    bits: u64,
    table: TablePages,
    number: u64,
    left: u64,
}

impl Sizes {
    fn open<R: Read + Seek>(source: &mut Source<'_, R>, table: &BoxHeader) -> Result<Self, Error> {
        let head = source.bytes(table.body, 12)?;
        let (each, total) = be32(head, 4).zip(be32(head, 8)).ok_or(INCONSISTENT)?;
        let (each, bits) = match (&table.kind, each) {
            // Compact sizes: the last byte says 4, 8 or 16 bits.
            (b"stz2", bits) => (None, u64::from(bits & 0xff)),
            (_, 0) => (None, 32),
            (_, each) => (Some(each), 0),
        };
        let room = table.body_len().saturating_sub(12) * 8;
        let fits = each.is_some() || (matches!(bits, 4 | 8 | 16 | 32) && u64::from(total) * bits <= room);
        let sizes =
            Self { each, bits, table: TablePages::new(table.body + 12, table.end), number: 0, left: total.into() };
        if fits { Ok(sizes) } else { Err(INCONSISTENT) }
    }

    /// Returns the total bytes of the next `samples` samples.
    fn sum<R: Read + Seek>(&mut self, source: &mut Source<'_, R>, samples: u32) -> Result<u64, Error> {
        // The last chunk of a run may declare more samples than there are.
        let samples = u64::from(samples).min(self.left);
        self.left -= samples;
        if let Some(each) = self.each {
            return samples.checked_mul(each.into()).ok_or(INCONSISTENT);
        }
        let mut sum = 0_u64;
        for _ in 0..samples {
            let position = self.number * self.bits / 8;
            let size = match self.bits {
                32 => u32::from_be_bytes(self.table.array(source, position)?),
                16 => u16::from_be_bytes(self.table.array(source, position)?).into(),
                bits => {
                    let [byte] = self.table.array(source, position)?;
                    let byte = if bits == 8 {
                        byte
                    } else if self.number.is_multiple_of(2) {
                        byte >> 4
                    } else {
                        byte & 15
                    };
                    byte.into()
                }
            };
            self.number += 1;
            sum += u64::from(size);
        }
        Ok(sum)
    }
}
