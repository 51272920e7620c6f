//! The bits of coded data (ITU-T T.81 annex F.2.2.5 and B.1.1.5): read up to the next marker, and written with a zero
//! behind each byte of ones.
//!
//! Invariant: a reader returns only bits that are in front of the next marker.

use super::huffman::{CodeTable, DecodeTable};
use crate::pixels::Error;

/// More bits than this are held before a code is read.
const WANTED_BITS: u32 = 48;
const DAMAGED: Error = Error::Damaged("JPEG codes");

/// Reads bits.
pub(super) struct BitReader<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The last `count` bits of it are still to be read.
    held: u64,
    count: u32,
}

impl<'a> BitReader<'a> {
    /// Creates a reader of the coded data that begins at `at`.
    pub(super) fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at, held: 0, count: 0 }
    }

    fn fill(&mut self) {
        while self.count <= WANTED_BITS {
            let Some(&byte) = self.bytes.get(self.at) else { return };
            if byte == 0xff {
                if self.bytes.get(self.at + 1) != Some(&0) {
                    return;
                }
                self.at += 1;
            }
            self.at += 1;
            self.held = self.held << 8 | u64::from(byte);
            self.count += 8;
        }
    }

    /// Reads a number of at most 16 bits.
    pub(super) fn bits(&mut self, count: u32) -> Result<u32, Error> {
        if self.count < count {
            self.fill();
        }
        self.count = self.count.checked_sub(count).ok_or(DAMAGED)?;
        Ok((self.held >> self.count) as u32 & ((1 << count) - 1))
    }

    /// Reads a symbol.
    pub(super) fn symbol(&mut self, table: &DecodeTable) -> Result<u8, Error> {
        if self.count < 16 {
            self.fill();
        }
        // In front of a marker, zeros stand for the bits that are missing.
        let next = if self.count < 16 { self.held << (16 - self.count) } else { self.held >> (self.count - 16) };
        let (symbol, length) = table.find(next as u16).ok_or(DAMAGED)?;
        self.count = self.count.checked_sub(length).ok_or(DAMAGED)?;
        Ok(symbol)
    }

    /// Drops the bits that fill up the last byte. Returns where the marker behind the data is.
    pub(super) fn end(&mut self) -> Result<usize, Error> {
        self.fill();
        if self.count >= 8 {
            return Err(Error::Damaged("JPEG data behind its end"));
        }
        self.count = 0;
        Ok(self.at)
    }

    /// Goes on behind the restart marker with a number.
    pub(super) fn restart(&mut self, number: u8) -> Result<(), Error> {
        let at = self.end()?;
        if self.bytes.get(at..at + 2) != Some([0xff, 0xd0 + number].as_slice()) {
            return Err(Error::Damaged("JPEG restart"));
        }
        self.at = at + 2;
        Ok(())
    }
}

/// Where the symbols and bits of a scan go.
pub(super) trait Sink {
    /// Takes a symbol of the table in a slot.
    fn symbol(&mut self, slot: usize, symbol: u8);
    /// Takes a number of so many bits, at most 16.
    fn bits(&mut self, value: u32, count: u32);
}

/// Writes bits.
pub(super) struct BitWriter<'a> {
    out: &'a mut Vec<u8>,
    tables: &'a [CodeTable],
    held: u64,
    count: u32,
}

impl<'a> BitWriter<'a> {
    /// Creates a writer with a table for each slot of the scan.
    pub(super) fn new(out: &'a mut Vec<u8>, tables: &'a [CodeTable]) -> Self {
        Self { out, tables, held: 0, count: 0 }
    }

    fn put(&mut self, value: u32, count: u32) {
        self.held = self.held << count | u64::from(value);
        self.count += count;
        while self.count >= 8 {
            self.count -= 8;
            let byte = (self.held >> self.count) as u8;
            self.out.push(byte);
            if byte == 0xff {
                self.out.push(0);
            }
        }
    }

    /// Fills the last byte up with ones.
    pub(super) fn finish(mut self) {
        if self.count > 0 {
            let missing = 8 - self.count;
            self.put((1 << missing) - 1, missing);
        }
    }
}

impl Sink for BitWriter<'_> {
    fn symbol(&mut self, slot: usize, symbol: u8) {
        let (code, length) = self.tables[slot].code(symbol);
        self.put(u32::from(code), u32::from(length));
    }

    fn bits(&mut self, value: u32, count: u32) {
        self.put(value, count);
    }
}
