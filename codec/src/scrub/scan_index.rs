//! Records where a JPEG's coded data ends, while its bytes pass by.
//!
//! Nine tenths of a JPEG are coded data, in which only the next marker matters. A caller that processes all bytes
//! anyway (an upload) need not read them again for that. Invariant: an entry equals the result of reading the file;
//! where there is none, the file is read.

/// The most scans that are recorded; the others are read again (a progressive photo has ten).
const MAX_SCANS: usize = 128;

/// The recorded scans of one JPEG; for any other file there are none.
#[derive(Debug, Clone)]
pub struct ScanIndex {
    state: State,
    /// The number of bytes that have passed.
    at: u64,
    /// Start of a scan's coded data, and the marker behind it; sorted.
    ends: Vec<(u64, u64)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The number of bytes to skip, then a marker (or coded data).
    Skip(u64, bool),
    /// At the 0xFF before a marker.
    Prefix,
    /// At a marker's second byte.
    Code,
    /// At a segment's length; whether coded data follows, and the first byte once it has arrived.
    Length(bool, Option<u8>),
    /// In coded data that began there; whether the last byte was 0xFF.
    Coded(u64, bool),
    /// Nothing more is recorded.
    Done,
}

impl Default for ScanIndex {
    fn default() -> Self {
        // Behind the start-of-image marker.
        Self { state: State::Skip(2, false), at: 0, ends: Vec::new() }
    }
}

impl ScanIndex {
    /// Adds the next bytes of the file, in order, from its first.
    pub fn push(&mut self, data: &[u8]) {
        let mut rest = data;
        while let Some(&byte) = rest.first() {
            let used = match self.state {
                State::Done => return,
                State::Skip(left, coded) => {
                    let over = left.min(rest.len() as u64);
                    self.state = State::Skip(left - over, coded);
                    if over == left {
                        self.state = if coded { State::Coded(self.at + over, false) } else { State::Prefix };
                    }
                    over as usize
                }
                State::Prefix => {
                    self.state = if byte == 0xff { State::Code } else { State::Done };
                    1
                }
                State::Code => {
                    self.state = after_marker(byte);
                    1
                }
                State::Length(coded, None) => {
                    self.state = State::Length(coded, Some(byte));
                    1
                }
                State::Length(coded, Some(high)) => {
                    let length = u64::from(u16::from_be_bytes([high, byte]));
                    self.state = if length < 2 { State::Done } else { State::Skip(length - 2, coded) };
                    // Nothing to skip: the next byte already counts.
                    if length == 2 {
                        self.state = if coded { State::Coded(self.at + 1, false) } else { State::Prefix };
                    }
                    1
                }
                State::Coded(start, true) => {
                    match byte {
                        0 | 0xd0..=0xd7 => self.state = State::Coded(start, false),
                        // A fill byte: the marker's own 0xFF is still to come.
                        0xff => {}
                        _ => {
                            self.record(start, self.at - 1);
                            self.state = if self.state == State::Done { State::Done } else { after_marker(byte) };
                        }
                    }
                    1
                }
                State::Coded(start, false) => match memchr::memchr(0xff, rest) {
                    Some(found) => {
                        self.state = State::Coded(start, true);
                        found + 1
                    }
                    None => rest.len(),
                },
            };
            self.at += used as u64;
            rest = rest.get(used..).unwrap_or_default();
        }
    }

    fn record(&mut self, start: u64, end: u64) {
        if self.ends.len() == MAX_SCANS {
            self.state = State::Done;
        } else {
            self.ends.push((start, end));
        }
    }

    /// Returns the offset of the marker that ends the coded data which begins at `start`, if it was recorded.
    pub(super) fn end_of(&self, start: u64) -> Option<u64> {
        let found = self.ends.binary_search_by_key(&start, |&(start, _)| start).ok()?;
        self.ends.get(found).map(|&(_, end)| end)
    }
}

/// Returns what follows a marker's second byte. T.81 §B.1.1.3 and table B.1.
fn after_marker(code: u8) -> State {
    match code {
        0xff => State::Code,
        0xda => State::Length(true, None),
        // Markers without a segment, the end of the image, and invalid ones.
        0 | 0x01 | 0xd0..=0xd9 => State::Done,
        _ => State::Length(false, None),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seen(file: &[u8], pieces: usize) -> ScanIndex {
        let mut scans = ScanIndex::default();
        file.chunks(pieces).for_each(|piece| scans.push(piece));
        scans
    }

    const FILE: &[u8] = b"\xff\xd8\xff\xe0\0\x04ab\
        \xff\xda\0\x03xcoded\xff\0more\xff\xd3on\xff\xff\xc4\0\x02\
        \xff\xda\0\x02\xff\0z\xff\xd9tail";

    #[test]
    fn coded_data_ends_at_the_next_marker_however_it_is_split() {
        let (first, second) = (13, 37);
        for pieces in 1..FILE.len() {
            let scans = seen(FILE, pieces);
            let end = scans.end_of(first).unwrap() as usize;
            assert_eq!(&FILE[end..end + 2], b"\xff\xc4", "in pieces of {pieces}");
            let end = scans.end_of(second).unwrap() as usize;
            assert_eq!(&FILE[end..end + 2], b"\xff\xd9", "in pieces of {pieces}");
            assert_eq!(scans.end_of(14), None);
        }
    }

    proptest! {
        #[test]
        fn no_bytes_upset_it_and_pieces_never_matter(file: Vec<u8>, pieces in 1_usize..40) {
            prop_assert_eq!(seen(&file, pieces).ends, seen(&file, file.len().max(1)).ends);
        }
    }
}
