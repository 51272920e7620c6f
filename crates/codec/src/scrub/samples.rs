//! Where a track's samples lie, chunk by chunk (ISO/IEC 14496-12 §8.7).
//!
//! Owns reading `stsc`, `stsz` and `stco` together. Invariant: it holds at most [`MOST_CHUNKS`] ranges, and its work
//! is linear in the tables' real length.

use std::io::{Read, Seek};

use super::ScrubError;
use crate::boxes::{self, BoxAt};
use crate::wire::{Source, be32};

/// The most chunks of one file. Four hours of picture and sound, each frame its own chunk, have 1.5 million; phones
/// write one chunk in half a second.
pub(super) const MOST_CHUNKS: usize = 1_000_000;

const BAD: ScrubError = ScrubError::NotUnderstood("a sample table doesn't add up");

/// The chunks of one track.
#[derive(Default)]
pub(super) struct Chunks {
    /// `(start, end)` in the file, in the table's order.
    pub(super) ranges: Vec<(u64, u64)>,
    /// Whether the ends are told sample by sample. Uncompressed sound in old files says "1 byte" for any size.
    pub(super) exact: bool,
}

/// The chunks of the track with this sample table.
pub(super) fn chunks<R: Read + Seek>(source: &mut Source<'_, R>, table: &BoxAt, is_sound: bool) -> Result<Chunks, ScrubError> {
    let mut tables = Tables::default();
    let mut at = table.body;
    for _ in 0..100 {
        let Some(child) = boxes::next(source, at, table.end)? else { break };
        at = child.end;
        match &child.kind {
            b"stsc" => tables.runs = Some(child),
            b"stsz" | b"stz2" => tables.sizes = Some(child),
            b"stco" | b"co64" => tables.offsets = Some(child),
            _ => {}
        }
    }
    let offsets = read_offsets(source, &tables.offsets.ok_or(BAD)?)?;
    let runs = read_runs(source, &tables.runs.ok_or(BAD)?)?;
    let mut sizes = Sizes::open(source, &tables.sizes.ok_or(BAD)?)?;
    let exact = !is_sound || sizes.each.is_none_or(|each| each > 64);
    let mut ranges = Vec::with_capacity(offsets.len());
    let mut run = 0;
    for (number, start) in offsets.into_iter().enumerate() {
        // A run goes up to the next one's first chunk; chunks count from 1.
        while runs.get(run + 1).is_some_and(|next| u64::from(next.0) <= number as u64 + 1) {
            run += 1;
        }
        let samples = runs.get(run).ok_or(BAD)?.1;
        let bytes = sizes.sum(source, samples)?;
        ranges.push((start, start.checked_add(bytes).filter(|end| *end <= source.len()).ok_or(BAD)?));
    }
    // Samples that no chunk holds: the tables are not what they seem.
    if sizes.left > 0 && exact { Err(BAD) } else { Ok(Chunks { ranges, exact }) }
}

#[derive(Default)]
struct Tables {
    runs: Option<BoxAt>,
    sizes: Option<BoxAt>,
    offsets: Option<BoxAt>,
}

/// How many entries of `each` bytes a table has behind its `head` bytes; the count must be true.
fn count<R: Read + Seek>(source: &mut Source<'_, R>, table: &BoxAt, head: u64, each: u64) -> Result<usize, ScrubError> {
    let count = u32::from_be_bytes(source.array(table.body + head - 4)?);
    let room = table.body_len().saturating_sub(head) / each;
    usize::try_from(count).ok().filter(|_| u64::from(count) <= room).ok_or(BAD)
}

fn read_offsets<R: Read + Seek>(source: &mut Source<'_, R>, table: &BoxAt) -> Result<Vec<u64>, ScrubError> {
    let wide = &table.kind == b"co64";
    let each = if wide { 8 } else { 4 };
    let count = count(source, table, 8, each)?;
    if count > MOST_CHUNKS {
        return Err(ScrubError::TooComplex);
    }
    let place = |n: usize| table.body + 8 + n as u64 * each;
    let read = |n| {
        let offset = if wide { u64::from_be_bytes(source.array(place(n))?) } else { u32::from_be_bytes(source.array(place(n))?).into() };
        Ok(offset)
    };
    (0..count).map(read).collect()
}

/// `(first chunk, samples in each chunk)`.
fn read_runs<R: Read + Seek>(source: &mut Source<'_, R>, table: &BoxAt) -> Result<Vec<(u32, u32)>, ScrubError> {
    let count = count(source, table, 8, 12)?;
    if count > MOST_CHUNKS {
        return Err(ScrubError::TooComplex);
    }
    let read = |n| {
        let entry = source.bytes(table.body + 8 + n as u64 * 12, 8)?;
        be32(entry, 0).zip(be32(entry, 4)).ok_or(BAD)
    };
    (0..count).map(read).collect()
}

/// Sample sizes, read in order.
struct Sizes {
    /// The size of every sample, where they are equal.
    each: Option<u32>,
    /// Bits of one size in the table.
    bits: u64,
    at: u64,
    number: u64,
    left: u64,
}

impl Sizes {
    fn open<R: Read + Seek>(source: &mut Source<'_, R>, table: &BoxAt) -> Result<Self, ScrubError> {
        let head = source.bytes(table.body, 12)?;
        let (each, total) = be32(head, 4).zip(be32(head, 8)).ok_or(BAD)?;
        let (each, bits) = match (&table.kind, each) {
            // Compact sizes: the last byte says 4, 8 or 16 bits.
            (b"stz2", bits) => (None, u64::from(bits & 0xff)),
            (_, 0) => (None, 32),
            (_, each) => (Some(each), 0),
        };
        let room = table.body_len().saturating_sub(12) * 8;
        let fits = each.is_some() || (matches!(bits, 4 | 8 | 16 | 32) && u64::from(total) * bits <= room);
        if fits { Ok(Self { each, bits, at: table.body + 12, number: 0, left: total.into() }) } else { Err(BAD) }
    }

    /// Bytes of the next `samples` samples together.
    fn sum<R: Read + Seek>(&mut self, source: &mut Source<'_, R>, samples: u32) -> Result<u64, ScrubError> {
        // The last chunk of a run may promise more samples than there are.
        let samples = u64::from(samples).min(self.left);
        self.left -= samples;
        if let Some(each) = self.each {
            return samples.checked_mul(each.into()).ok_or(BAD);
        }
        let mut sum = 0_u64;
        for _ in 0..samples {
            let place = self.at + self.number * self.bits / 8;
            let size = match self.bits {
                32 => u32::from_be_bytes(source.array(place)?),
                16 => u16::from_be_bytes(source.array(place)?).into(),
                bits => {
                    let [byte] = source.array(place)?;
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
