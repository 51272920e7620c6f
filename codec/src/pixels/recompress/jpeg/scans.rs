//! The scans of a JPEG: what each codes, in which symbols (ITU-T T.81 F.1.2 and G.1.2).
//!
//! A scan is coded twice: to count its symbols, and with the shortest codes for them. Invariant: both times it is the
//! same code that does it.

use super::bits::{BitWriter, Sink};
use super::coefficients::{Block, Component, Frame};
use super::huffman::{CodeTable, Counts};
use super::markers::{DHT, SOS};
use super::push_segment;
use crate::pixels::Error;

/// The tables of a scan: two for first coefficients, and two for the others.
const SLOTS: usize = 4;
/// The slot of the only table of a progressive scan of other coefficients.
const OTHERS: usize = 2;
/// No more coefficients of this block.
const END: u8 = 0;
/// Sixteen zeros.
const ZEROS: u8 = 0xf0;
/// The most blocks without more coefficients that a symbol stands for.
const MAX_ENDS: u32 = 0x7fff;
/// Corrections of coefficients that wait for the symbol in front of them.
const MAX_CORRECTIONS: usize = 937;

/// Counts symbols.
struct Tally {
    counts: [Counts; SLOTS],
    /// The bits beside the symbols.
    bits: u64,
}

impl Sink for Tally {
    fn symbol(&mut self, slot: usize, symbol: u8) {
        self.counts[slot][usize::from(symbol)] += 1;
    }

    fn bits(&mut self, _: u32, count: u32) {
        self.bits += u64::from(count);
    }
}

impl Tally {
    fn of(scan: Scan, frame: &Frame) -> Self {
        let mut tally = Self { counts: [[0; 256]; SLOTS], bits: 0 };
        scan.code(frame, &mut tally);
        tally
    }

    fn tables(&self) -> [CodeTable; SLOTS] {
        self.counts.each_ref().map(CodeTable::shortest)
    }
}

/// A scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Scan {
    /// Everything: the only scan of a sequential file.
    Sequential,
    /// The first coefficients of all components.
    First,
    /// Other coefficients of a component, without their last `shift` bits.
    Others {
        /// The component's place.
        component: usize,
        /// From this coefficient on.
        from: usize,
        /// Up to this one.
        to: usize,
        /// The bits that are left out.
        shift: u32,
    },
    /// One more bit of all other coefficients of a component.
    Refinement {
        /// The component's place.
        component: usize,
        /// The bits that are left out still.
        shift: u32,
    },
}

impl Scan {
    /// Returns the bits that it takes, with its tables and headers.
    pub(super) fn sum_bits(self, frame: &Frame) -> u64 {
        let tally = Tally::of(self, frame);
        let tables = tally.tables();
        let codes = tables.iter().zip(&tally.counts).map(|(table, counts)| {
            // A marker, a length and a slot are in front of each table.
            let header = if table.is_empty() { 0 } else { 8 * (5 + table.definition().len() as u64) };
            header + table.sum_bits(counts)
        });
        let header = 8 * (8 + 2 * frame.components.len() as u64);
        codes.sum::<u64>() + tally.bits + header
    }

    /// Writes it: its tables, its header (ITU-T T.81 B.2.3) and its data.
    pub(super) fn write(self, frame: &Frame, out: &mut Vec<u8>) -> Result<(), Error> {
        let tables = Tally::of(self, frame).tables();
        for (slot, table) in tables.iter().enumerate().filter(|(_, table)| !table.is_empty()) {
            // The class is in the upper four bits.
            let slot = if slot < OTHERS { slot } else { 0x10 + slot - OTHERS };
            push_segment(out, DHT, &[[slot as u8].as_slice(), &table.definition()].concat())?;
        }
        let (components, [from, to, bits]) = match self {
            Self::Sequential => (frame.components.as_slice(), [0, 63, 0]),
            Self::First => (frame.components.as_slice(), [0, 0, 0]),
            Self::Others { component, from, to, shift } => (one(frame, component), [from as u8, to as u8, shift as u8]),
            Self::Refinement { component, shift } => (one(frame, component), [1, 63, ((shift + 1) << 4 | shift) as u8]),
        };
        let mut header = vec![components.len() as u8];
        for (place, component) in components.iter().enumerate() {
            let slot = slot_of(place) as u8;
            let slots = match self {
                Self::Sequential => slot << 4 | slot,
                Self::First => slot << 4,
                Self::Others { .. } | Self::Refinement { .. } => 0,
            };
            header.extend([component.id, slots]);
        }
        header.extend([from, to, bits]);
        push_segment(out, SOS, &header)?;
        let mut writer = BitWriter::new(out, &tables);
        self.code(frame, &mut writer);
        writer.finish();
        Ok(())
    }

    fn code(self, frame: &Frame, sink: &mut impl Sink) {
        match self {
            Self::Sequential => code_sequential(frame, sink),
            Self::First => code_first(frame, sink),
            Self::Others { component, from, to, shift } => {
                one(frame, component).iter().for_each(|one| code_others(one, (from, to), shift, sink));
            }
            Self::Refinement { component, shift } => {
                one(frame, component).iter().for_each(|one| code_refinement(one, shift, sink));
            }
        }
    }
}

/// Returns a component alone.
fn one(frame: &Frame, place: usize) -> &[Component] {
    frame.components.get(place..=place).unwrap_or_default()
}

/// Returns the slot of a component: colours have another one than brightness and black.
fn slot_of(place: usize) -> usize {
    usize::from(place == 1 || place == 2)
}

fn bit_length(number: u32) -> u32 {
    u32::BITS - number.leading_zeros()
}

/// Codes a number and the zeros in front of it.
fn code_number(sink: &mut impl Sink, slot: usize, zeros: u32, number: i32) {
    let bits = bit_length(number.unsigned_abs());
    sink.symbol(slot, (zeros << 4 | bits) as u8);
    let value = if number < 0 { number + (1 << bits) - 1 } else { number };
    sink.bits(value as u32, bits);
}

/// Codes the difference of a first coefficient from that of its component before it. A block without a part of the
/// picture repeats that one.
fn code_difference(sink: &mut impl Sink, place: usize, block: Option<&Block>, last: &mut i32) {
    let value = block.map_or(*last, |block| i32::from(block[0]));
    code_number(sink, slot_of(place), 0, value - *last);
    *last = value;
}

fn code_first(frame: &Frame, sink: &mut impl Sink) {
    let mut last = [0; 4];
    frame.each_block(|place, block| code_difference(sink, place, block, &mut last[place]));
}

fn code_sequential(frame: &Frame, sink: &mut impl Sink) {
    let mut last = [0; 4];
    frame.each_block(|place, block| {
        code_difference(sink, place, block, &mut last[place]);
        let (slot, mut zeros) = (OTHERS + slot_of(place), 0);
        for value in block.map_or(&[] as &[i16], |block| &block[1..]) {
            if *value == 0 {
                zeros += 1;
                continue;
            }
            while zeros > 15 {
                sink.symbol(slot, ZEROS);
                zeros -= 16;
            }
            code_number(sink, slot, zeros, i32::from(*value));
            zeros = 0;
        }
        if zeros > 0 || block.is_none() {
            sink.symbol(slot, END);
        }
    });
}

/// Blocks without more coefficients, and corrections in them, that are not coded yet.
#[derive(Default)]
struct Pending {
    ends: u32,
    corrections: Vec<bool>,
}

impl Pending {
    fn code(&mut self, sink: &mut impl Sink) {
        if self.ends > 0 {
            let bits = bit_length(self.ends) - 1;
            sink.symbol(OTHERS, (bits << 4) as u8);
            sink.bits(self.ends - (1 << bits), bits);
            self.ends = 0;
        }
        code_corrections(&mut self.corrections, sink);
    }
}

fn code_corrections(corrections: &mut Vec<bool>, sink: &mut impl Sink) {
    corrections.drain(..).for_each(|correction| sink.bits(u32::from(correction), 1));
}

fn code_others(component: &Component, (from, to): (usize, usize), shift: u32, sink: &mut impl Sink) {
    let mut pending = Pending::default();
    for block in component.blocks() {
        let mut zeros = 0;
        for value in block.get(from..=to).unwrap_or_default() {
            let size = i32::from(value.unsigned_abs() >> shift);
            if size == 0 {
                zeros += 1;
                continue;
            }
            pending.code(sink);
            while zeros > 15 {
                sink.symbol(OTHERS, ZEROS);
                zeros -= 16;
            }
            code_number(sink, OTHERS, zeros, if *value < 0 { -size } else { size });
            zeros = 0;
        }
        if zeros > 0 {
            pending.ends += 1;
            if pending.ends == MAX_ENDS {
                pending.code(sink);
            }
        }
    }
    pending.code(sink);
}

/// Codes a bit of each coefficient that has one already, and those that begin with this bit (ITU-T T.81 G.1.2.3).
fn code_refinement(component: &Component, shift: u32, sink: &mut impl Sink) {
    let (mut pending, mut corrections) = (Pending::default(), Vec::with_capacity(63));
    for block in component.blocks() {
        let sizes = block.map(|value| value.unsigned_abs() >> shift);
        let last_new = sizes.iter().rposition(|size| *size == 1).unwrap_or(0);
        let mut zeros = 0;
        for (at, (size, value)) in sizes.iter().zip(block).enumerate().skip(1) {
            if *size == 0 {
                zeros += 1;
                continue;
            }
            while zeros > 15 && at <= last_new {
                pending.code(sink);
                sink.symbol(OTHERS, ZEROS);
                code_corrections(&mut corrections, sink);
                zeros -= 16;
            }
            if *size > 1 {
                corrections.push(size & 1 == 1);
                continue;
            }
            pending.code(sink);
            sink.symbol(OTHERS, (zeros << 4 | 1) as u8);
            sink.bits(u32::from(*value > 0), 1);
            code_corrections(&mut corrections, sink);
            zeros = 0;
        }
        if zeros > 0 || !corrections.is_empty() {
            pending.ends += 1;
            pending.corrections.append(&mut corrections);
            if pending.ends == MAX_ENDS || pending.corrections.len() > MAX_CORRECTIONS {
                pending.code(sink);
            }
        }
    }
    pending.code(sink);
}
