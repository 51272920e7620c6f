//! Reads a sequential JPEG: the segments that are kept, and the coefficients.
//!
//! Invariant: a file is read to its last byte, or not at all. What is unusual (another process, data behind the end,
//! segments between scans) is refused.

use std::ops::RangeInclusive;

use super::bits::BitReader;
use super::coefficients::{Block, Frame};
use super::huffman::DecodeTable;
use super::markers::{APP0, APP15, COM, DHT, DQT, DRI, EOI, SOF0, SOF1, SOS};
use crate::pixels::{Error, Interrupt};

/// The range of a first coefficient with 8 bits of precision, and a step of one.
const FIRST: RangeInclusive<i32> = -1024..=1023;
/// The most bits of the difference of two first coefficients, and of another coefficient (ITU-T T.81 F.1.2).
const MAX_FIRST_BITS: u8 = 11;
const MAX_BITS: u8 = 10;

/// A segment that is kept as it is.
pub(super) struct Segment<'a> {
    pub marker: u8,
    pub body: &'a [u8],
}

/// A file.
pub(super) struct Source<'a> {
    /// What is in front of its first scan, in order, without tables of codes and restarts.
    pub segments: Vec<Segment<'a>>,
    /// The picture.
    pub frame: Frame,
}

/// The tables that hold until they are defined again.
#[derive(Default)]
struct Tables {
    /// Those of first coefficients, and those of the others.
    codes: [[Option<DecodeTable>; 4]; 2],
    /// MCUs between two restarts; 0 for none.
    restart_interval: usize,
}

impl Tables {
    /// Reads a definition of tables of codes (ITU-T T.81 B.2.4.2).
    fn define(&mut self, mut body: &[u8]) -> Result<(), Error> {
        while let Some((&slot, rest)) = body.split_first() {
            let (counts, rest) = rest.split_first_chunk::<16>().ok_or(Error::Truncated)?;
            let length = counts.iter().map(|count| usize::from(*count)).sum();
            let (symbols, rest) = rest.split_at_checked(length).ok_or(Error::Truncated)?;
            let class = self.codes.get_mut(usize::from(slot >> 4)).ok_or(Error::Damaged("JPEG table"))?;
            let table = class.get_mut(usize::from(slot & 15)).ok_or(Error::Damaged("JPEG table"))?;
            *table = Some(DecodeTable::of(counts, symbols).ok_or(Error::Damaged("JPEG table"))?);
            body = rest;
        }
        Ok(())
    }

    fn find(&self, class: usize, slot: u8) -> Result<&DecodeTable, Error> {
        let table = self.codes.get(class).and_then(|class| class.get(usize::from(slot)));
        table.and_then(Option::as_ref).ok_or(Error::Damaged("no JPEG table"))
    }
}

/// A component of a scan.
struct Part<'t> {
    place: usize,
    first: &'t DecodeTable,
    others: &'t DecodeTable,
}

/// Reads a whole file.
pub(super) fn read<'a>(bytes: &'a [u8], interrupt: &Interrupt) -> Result<Source<'a>, Error> {
    let (mut at, mut tables, mut segments) = (2, Tables::default(), Vec::new());
    let (mut frame, mut scanned): (Option<Frame>, Vec<usize>) = (None, Vec::new());
    loop {
        let marker = next_marker(bytes, &mut at)?;
        if marker == EOI {
            break;
        }
        let body = next_body(bytes, &mut at)?;
        match marker {
            DHT => tables.define(body)?,
            DRI => {
                let &[high, low] = body else { return Err(Error::Damaged("JPEG restart interval")) };
                tables.restart_interval = usize::from(u16::from_be_bytes([high, low]));
            }
            SOF0 | SOF1 if frame.is_none() => {
                frame = Some(Frame::of(body, bytes.len())?);
                segments.push(Segment { marker, body });
            }
            APP0..=APP15 | COM | DQT if scanned.is_empty() => segments.push(Segment { marker, body }),
            SOS => {
                let frame = frame.as_mut().ok_or(Error::Damaged("scan before frame"))?;
                let parts = parts(body, frame, &tables)?;
                if parts.iter().any(|part| scanned.contains(&part.place)) {
                    return Err(Error::Unsupported);
                }
                scanned.extend(parts.iter().map(|part| part.place));
                let mut reader = BitReader::new(bytes, at);
                scan(&mut reader, frame, &parts, tables.restart_interval, interrupt)?;
                at = reader.end()?;
            }
            _ => return Err(Error::Unsupported),
        }
    }
    let frame = frame.ok_or(Error::Damaged("no frame"))?;
    if at != bytes.len() || scanned.len() != frame.components.len() {
        return Err(Error::Unsupported);
    }
    Ok(Source { segments, frame })
}

/// Reads the next marker, which may have bytes of ones in front of it.
fn next_marker(bytes: &[u8], at: &mut usize) -> Result<u8, Error> {
    if bytes.get(*at) != Some(&0xff) {
        return Err(Error::Damaged("no JPEG marker"));
    }
    while bytes.get(*at) == Some(&0xff) {
        *at += 1;
    }
    let marker = *bytes.get(*at).ok_or(Error::Truncated)?;
    *at += 1;
    Ok(marker)
}

fn next_body<'a>(bytes: &'a [u8], at: &mut usize) -> Result<&'a [u8], Error> {
    let length = bytes.get(*at..).and_then(<[u8]>::first_chunk).copied().map(u16::from_be_bytes);
    let length = length.ok_or(Error::Truncated)?;
    let body = bytes.get(*at + 2..*at + usize::from(length)).ok_or(Error::Truncated)?;
    *at += usize::from(length);
    Ok(body)
}

/// Reads a scan header (ITU-T T.81 B.2.3).
fn parts<'t>(header: &[u8], frame: &Frame, tables: &'t Tables) -> Result<Vec<Part<'t>>, Error> {
    let (&count, rest) = header.split_first().ok_or(Error::Truncated)?;
    let (selectors, rest) = rest.split_at_checked(2 * usize::from(count)).ok_or(Error::Truncated)?;
    if count == 0 || rest != [0, 63, 0] {
        return Err(Error::Unsupported);
    }
    let mut parts: Vec<Part<'t>> = Vec::new();
    for selector in selectors.chunks_exact(2) {
        let place = frame.components.iter().position(|component| component.id == selector[0]);
        let place = place.ok_or(Error::Damaged("JPEG component"))?;
        if parts.last().is_some_and(|last| last.place >= place) {
            return Err(Error::Damaged("JPEG components out of order"));
        }
        let (first, others) = (tables.find(0, selector[1] >> 4)?, tables.find(1, selector[1] & 15)?);
        parts.push(Part { place, first, others });
    }
    Ok(parts)
}

/// Reads the coefficients of a scan.
fn scan(
    reader: &mut BitReader<'_>,
    frame: &mut Frame,
    parts: &[Part<'_>],
    restart_interval: usize,
    interrupt: &Interrupt,
) -> Result<(), Error> {
    // A scan of one component has no MCUs of several blocks (ITU-T T.81 A.2.2).
    let single = match parts {
        [only] => frame.components.get(only.place),
        _ => None,
    };
    let is_single = single.is_some();
    let (columns, rows) = single.map_or((frame.mcu_columns, frame.mcu_rows), |one| (one.columns, one.rows));
    let (mut predictions, mut restarts, mut left) = ([0; 4], 0, restart_interval);
    for row in 0..rows {
        interrupt.check()?;
        for column in 0..columns {
            if restart_interval > 0 {
                if left == 0 {
                    reader.restart(restarts)?;
                    (predictions, restarts, left) = ([0; 4], (restarts + 1) % 8, restart_interval);
                }
                left -= 1;
            }
            for (part, prediction) in parts.iter().zip(&mut predictions) {
                let component = frame.components.get_mut(part.place).ok_or(Error::Damaged("JPEG component"))?;
                let (across, down) = if is_single { (1, 1) } else { (component.across, component.down) };
                for y in 0..down {
                    for x in 0..across {
                        let block = component.block_mut(column * across + x, row * down + y);
                        read_block(reader, block.ok_or(Error::Damaged("JPEG block"))?, prediction, part)?;
                    }
                }
            }
        }
    }
    Ok(())
}

/// Reads the coefficients of a block (ITU-T T.81 F.2.2).
fn read_block(
    reader: &mut BitReader<'_>,
    block: &mut Block,
    prediction: &mut i32,
    part: &Part<'_>,
) -> Result<(), Error> {
    let bits = reader.symbol(part.first)?;
    let value = *prediction + number(reader, bits, MAX_FIRST_BITS)?;
    if !FIRST.contains(&value) {
        return Err(Error::Unsupported);
    }
    *prediction = value;
    block[0] = value as i16;
    let mut at = 1;
    while at < block.len() {
        let symbol = reader.symbol(part.others)?;
        let (run, bits) = (usize::from(symbol >> 4), symbol & 15);
        match (run, bits) {
            (0, 0) => break,
            (15, 0) => at += 16,
            (_, 0) => return Err(Error::Unsupported),
            _ => {
                at += run;
                let value = number(reader, bits, MAX_BITS)?;
                *block.get_mut(at).ok_or(Error::Damaged("JPEG block"))? = value as i16;
                at += 1;
            }
        }
    }
    if at > block.len() { Err(Error::Damaged("JPEG block")) } else { Ok(()) }
}

/// Reads a number of so many bits, whose first one is its sign (ITU-T T.81 F.2.2.1).
fn number(reader: &mut BitReader<'_>, bits: u8, max_bits: u8) -> Result<i32, Error> {
    if bits > max_bits {
        return Err(Error::Unsupported);
    }
    let value = reader.bits(u32::from(bits))? as i32;
    let is_negative = bits > 0 && value < 1 << (bits - 1);
    Ok(if is_negative { value - (1 << bits) + 1 } else { value })
}
