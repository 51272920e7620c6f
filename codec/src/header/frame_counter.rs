//! Counts the frames of an animation while its bytes arrive.
//!
//! Owns a small state machine for GIF, WebP and PNG. Invariant: its memory is a few dozen bytes whatever arrives, and
//! its work is linear in the bytes.

use crate::bytes::{be16, be32, le16, le24, le32};
use crate::sniff::Format;

/// How long a frame without a delay is shown, in microseconds.
const DEFAULT_DELAY_US: u64 = 100_000;

/// Counts the frames of a file that arrives in parts, and their duration.
#[derive(Debug, Clone)]
pub struct FrameCounter {
    format: Format,
    state: State,
    /// Bytes to skip before the next structure.
    skip: u64,
    /// The bytes of that structure received so far.
    pending: Vec<u8>,
    frames: u32,
    duration_us: u64,
    /// The delay of the last graphic control extension, in microseconds.
    delay_us: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// At the file's signature.
    Start,
    /// At a GIF block, a RIFF chunk or a PNG chunk.
    Block,
    /// At the length byte of a GIF sub-block.
    SubBlock,
    /// Nothing more will be counted.
    Done,
    /// The structure is wrong.
    Broken,
}

/// How many bytes determine the next step, and the function that reads them.
enum Step {
    Need(usize),
    /// How many bytes are consumed, how many are then skipped, and the next state.
    Next(usize, u64, State),
}

impl FrameCounter {
    /// Returns a counter for this format. Formats without animation count 0.
    pub fn new(format: Format) -> Self {
        let animated = matches!(format, Format::Gif | Format::Webp | Format::Png);
        let state = if animated { State::Start } else { State::Done };
        let delay_us = DEFAULT_DELAY_US;
        Self { format, state, skip: 0, pending: Vec::new(), frames: 0, duration_us: 0, delay_us }
    }

    /// Returns the number of frames that have begun so far. A PNG or WebP that is not animated counts 0.
    pub fn frames(&self) -> u32 {
        self.frames
    }

    /// Returns how long a browser shows those frames, in milliseconds.
    pub fn duration_ms(&self) -> u64 {
        self.duration_us / 1000
    }

    /// Returns whether the structure is wrong; nothing is counted from there on.
    pub fn broken(&self) -> bool {
        self.state == State::Broken
    }

    /// Adds the next bytes of the file, in order.
    pub fn push(&mut self, mut data: &[u8]) {
        while !matches!(self.state, State::Done | State::Broken) {
            if self.skip > 0 {
                let passed = self.skip.min(data.len() as u64);
                self.skip -= passed;
                data = data.get(passed as usize..).unwrap_or_default();
                if self.skip > 0 {
                    return;
                }
            }
            match self.step() {
                Step::Need(_) if data.is_empty() => return,
                Step::Need(bytes) => {
                    let missing = bytes.saturating_sub(self.pending.len()).clamp(1, data.len());
                    let (taken, rest) = data.split_at(missing);
                    self.pending.extend_from_slice(taken);
                    data = rest;
                }
                Step::Next(used, skip, state) => {
                    self.pending.drain(..used.min(self.pending.len()));
                    (self.skip, self.state) = (skip, state);
                }
            }
        }
    }

    fn step(&mut self) -> Step {
        match self.format {
            Format::Gif => self.gif(),
            Format::Webp => self.webp(),
            _ => self.png(),
        }
    }

    /// GIF 89a §§18–26.
    fn gif(&mut self) -> Step {
        let data = &self.pending;
        match self.state {
            State::Start if data.len() < 13 => Step::Need(13),
            State::Start => Step::Next(13, color_table_bytes(data[10]), State::Block),
            State::SubBlock => match data.first() {
                None => Step::Need(1),
                Some(0) => Step::Next(1, 0, State::Block),
                Some(len) => Step::Next(1, u64::from(*len), State::SubBlock),
            },
            _ => match data.first() {
                None => Step::Need(1),
                Some(0x21) => match data.get(1) {
                    // Graphic control: 4 bytes with the delay in hundredths of a second.
                    Some(0xf9) if data.len() < 7 => Step::Need(7),
                    Some(0xf9) => {
                        let hundredths = le16(data, 4).unwrap_or_default();
                        self.delay_us = shown_us(u64::from(hundredths) * 10_000);
                        let rest = u64::from(data[2]).saturating_sub(4);
                        Step::Next(7, rest, State::SubBlock)
                    }
                    Some(_) => Step::Next(2, 0, State::SubBlock),
                    None => Step::Need(2),
                },
                Some(0x2c) if data.len() < 10 => Step::Need(10),
                Some(0x2c) => {
                    let table = color_table_bytes(data[9]);
                    self.frames = self.frames.saturating_add(1);
                    let delay_us = std::mem::replace(&mut self.delay_us, DEFAULT_DELAY_US);
                    self.duration_us = self.duration_us.saturating_add(delay_us);
                    // The table, then one byte of code size.
                    Step::Next(10, table + 1, State::SubBlock)
                }
                Some(0x3b) => Step::Next(1, 0, State::Done),
                Some(_) => Step::Next(0, 0, State::Broken),
            },
        }
    }

    /// RFC 9649 §2.7.1.2: one `ANMF` chunk for each frame, its duration in the 24 bits at 12.
    fn webp(&mut self) -> Step {
        let data = &self.pending;
        if self.state == State::Start {
            return if data.len() < 12 { Step::Need(12) } else { Step::Next(12, 0, State::Block) };
        }
        let Some(len) = le32(data, 4) else { return Step::Need(8) };
        let padded = u64::from(len) + u64::from(len & 1);
        if !data.starts_with(b"ANMF") {
            return Step::Next(8, padded, State::Block);
        }
        let Some(duration) = le24(data, 20) else { return Step::Need(23) };
        self.frames = self.frames.saturating_add(1);
        self.duration_us = self.duration_us.saturating_add(shown_us(u64::from(duration) * 1000));
        Step::Next(23, padded.saturating_sub(15), State::Block)
    }

    /// PNG third edition §11.3.6.2: one `fcTL` chunk for each frame, its delay as a fraction at 20.
    fn png(&mut self) -> Step {
        let data = &self.pending;
        if self.state == State::Start {
            return if data.len() < 8 { Step::Need(8) } else { Step::Next(8, 0, State::Block) };
        }
        let Some(len) = be32(data, 0).filter(|_| data.len() >= 8) else { return Step::Need(8) };
        match data.get(4..8) {
            Some(b"IEND") => Step::Next(8, 0, State::Done),
            Some(b"fcTL") => {
                let Some((n, d)) = be16(data, 28).zip(be16(data, 30)) else { return Step::Need(32) };
                let d = if d == 0 { 100 } else { u64::from(d) };
                self.frames = self.frames.saturating_add(1);
                self.duration_us = self.duration_us.saturating_add(shown_us(u64::from(n) * 1_000_000 / d));
                Step::Next(32, (u64::from(len) + 12).saturating_sub(32), State::Block)
            }
            _ => Step::Next(8, u64::from(len) + 4, State::Block),
        }
    }
}

/// Returns how long a frame with this delay is shown. Browsers show one of 10 ms or less for 100 ms.
pub(crate) fn shown_us(delay_us: u64) -> u64 {
    if delay_us <= 10_000 { DEFAULT_DELAY_US } else { delay_us }
}

/// Returns the bytes of a colour table, from its flags.
fn color_table_bytes(flags: u8) -> u64 {
    if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn gif(frames: usize) -> Vec<u8> {
        let mut file = b"GIF89a\x01\0\x01\0\x80\0\0abcdef".to_vec();
        file.extend(b"\x21\xff\x0bNETSCAPE2.0\x03\x01\0\0\0");
        for _ in 0..frames {
            file.extend(b"\x21\xf9\x04\0\x05\0\0\0\x2c\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0");
        }
        file.push(0x3b);
        file
    }

    fn count(format: Format, data: &[u8], piece: usize) -> FrameCounter {
        let mut counter = FrameCounter::new(format);
        data.chunks(piece).for_each(|piece| counter.push(piece));
        counter
    }

    #[test]
    fn ten_thousand_frames_in_parts_of_any_size() {
        let file = gif(10_000);
        for piece in [1, 7, 4096, file.len()] {
            let counter = count(Format::Gif, &file, piece);
            assert_eq!((counter.frames(), counter.duration_ms(), counter.broken()), (10_000, 500_000, false));
            assert!(counter.pending.capacity() < 100);
        }
    }

    #[test]
    fn junk_between_blocks_is_invalid() {
        let mut file = gif(2);
        file.pop();
        file.push(0x77);
        let counter = count(Format::Gif, &file, 5);
        assert_eq!((counter.frames(), counter.broken()), (2, true));
    }

    #[test]
    fn webp_and_png_frames() {
        let mut webp = b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\x02\0\0\0\0\0\0\0\0\0".to_vec();
        for _ in 0..3 {
            webp.extend(b"ANMF\x11\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x28\0\0\0\0\0");
        }
        let counter = count(Format::Webp, &webp, 3);
        assert_eq!((counter.frames(), counter.duration_ms()), (3, 120));
        let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
        for _ in 0..4 {
            png.extend(b"\0\0\0\x1afcTL\0\0\0\0\0\0\0\x01\0\0\0\x01\0\0\0\0\0\0\0\0\0\x01\0\x0a\0\0CRC!");
            png.extend(b"\0\0\0\x02IDATxxCRC!");
        }
        png.extend(b"\0\0\0\0IENDCRC!");
        let counter = count(Format::Png, &png, 11);
        assert_eq!((counter.frames(), counter.duration_ms()), (4, 400));
        assert_eq!(count(Format::Jpeg, &webp, 3).frames(), 0);
    }

    proptest! {
        #[test]
        fn pieces_never_matter(at in 0_usize..400, byte: u8, piece in 1_usize..50, which in 0_usize..3) {
            let mut file = gif(12);
            if let Some(there) = file.get_mut(at) { *there = byte; }
            let format = [Format::Gif, Format::Webp, Format::Png][which];
            let (whole, pieces) = (count(format, &file, file.len()), count(format, &file, piece));
            prop_assert_eq!(whole.frames(), pieces.frames());
            prop_assert_eq!(whole.duration_ms(), pieces.duration_ms());
            prop_assert_eq!(whole.broken(), pieces.broken());
        }
    }
}
