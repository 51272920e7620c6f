//! Reads numbers and byte ranges from untrusted input.
//!
//! Owns the only ways in which the parsers here touch input: slices by checked offset, and [`Source`], a buffered view
//! of `Read + Seek`. Invariant: a read outside the input returns an error or `None`, never a panic, and no allocation
//! is larger than the data that was read.

use std::io::{self, ErrorKind, Read, Seek, SeekFrom};

/// Returns `N` bytes at `at`, if the slice has them.
pub(crate) fn take<const N: usize>(data: &[u8], at: usize) -> Option<[u8; N]> {
    data.get(at..at.checked_add(N)?)?.try_into().ok()
}

/// Reads a big-endian 16-bit number.
pub(crate) fn be16(data: &[u8], at: usize) -> Option<u16> {
    take(data, at).map(u16::from_be_bytes)
}

/// Reads a big-endian 32-bit number.
pub(crate) fn be32(data: &[u8], at: usize) -> Option<u32> {
    take(data, at).map(u32::from_be_bytes)
}

/// Reads a big-endian 64-bit number.
pub(crate) fn be64(data: &[u8], at: usize) -> Option<u64> {
    take(data, at).map(u64::from_be_bytes)
}

/// Reads a little-endian 16-bit number.
pub(crate) fn le16(data: &[u8], at: usize) -> Option<u16> {
    take(data, at).map(u16::from_le_bytes)
}

/// Reads a little-endian 24-bit number.
pub(crate) fn le24(data: &[u8], at: usize) -> Option<u32> {
    take::<3>(data, at).map(|[a, b, c]| u32::from_le_bytes([a, b, c, 0]))
}

/// Reads a little-endian 32-bit number.
pub(crate) fn le32(data: &[u8], at: usize) -> Option<u32> {
    take(data, at).map(u32::from_le_bytes)
}

/// Returns whether `needle` occurs anywhere in `data`, ignoring ASCII case.
pub(crate) fn contains_text(data: &[u8], needle: &str) -> bool {
    data.windows(needle.len().max(1)).any(|w| w.eq_ignore_ascii_case(needle.as_bytes()))
}

/// The most bytes that [`Source::bytes`] returns at once: one JPEG segment with its marker fits.
pub(crate) const WINDOW: usize = 64 * 1024 + 16;
/// The read-ahead in bytes when a caller asks for few.
const READ_AHEAD: usize = 8 * 1024;

/// A random-access view of an input of known length, with one small read-ahead buffer.
pub(crate) struct Source<'a, R> {
    reader: &'a mut R,
    len: u64,
    buffer: Vec<u8>,
    start: u64,
    /// The reader's position, where it is known, so that sequential reads need no seek.
    position: Option<u64>,
}

impl<'a, R: Read + Seek> Source<'a, R> {
    /// Returns a view of `reader`, whose input is `len` bytes long; nothing past `len` is ever read.
    pub(crate) fn new(reader: &'a mut R, len: u64) -> Self {
        Self { reader, len, buffer: Vec::new(), start: 0, position: None }
    }

    /// The input's length in bytes.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// Returns exactly `count` bytes at `at`; `UnexpectedEof` where the input has fewer, `InvalidInput` above
    /// [`WINDOW`].
    pub(crate) fn bytes(&mut self, at: u64, count: usize) -> io::Result<&[u8]> {
        if count > WINDOW {
            return Err(ErrorKind::InvalidInput.into());
        }
        let end = at.checked_add(count as u64).filter(|&end| end <= self.len);
        let end = end.ok_or(ErrorKind::UnexpectedEof)?;
        if at < self.start || end > self.start + self.buffer.len() as u64 {
            self.fill(at, count.max(READ_AHEAD))?;
        }
        let from = (at - self.start) as usize;
        self.buffer.get(from..from + count).ok_or_else(|| ErrorKind::UnexpectedEof.into())
    }

    /// Returns `N` bytes at `at`.
    pub(crate) fn array<const N: usize>(&mut self, at: u64) -> io::Result<[u8; N]> {
        self.bytes(at, N)?.try_into().map_err(|_| ErrorKind::UnexpectedEof.into())
    }

    /// Returns up to `most` bytes at `at`: fewer at the end of the input.
    pub(crate) fn some(&mut self, at: u64, most: usize) -> io::Result<&[u8]> {
        let left = self.len.saturating_sub(at);
        self.bytes(at, most.min(WINDOW).min(usize::try_from(left).unwrap_or(usize::MAX)))
    }

    /// Returns exactly `count` bytes at `at` as a vector that grows only with the data that is read.
    pub(crate) fn vector(&mut self, at: u64, count: u64) -> io::Result<Vec<u8>> {
        if at.checked_add(count).is_none_or(|end| end > self.len) {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        self.position = None;
        self.reader.seek(SeekFrom::Start(at))?;
        let mut data = Vec::new();
        self.reader.by_ref().take(count).read_to_end(&mut data)?;
        if data.len() as u64 == count { Ok(data) } else { Err(ErrorKind::UnexpectedEof.into()) }
    }

    fn fill(&mut self, at: u64, want: usize) -> io::Result<()> {
        let most = (want as u64).min(self.len.saturating_sub(at));
        if self.position != Some(at) {
            self.position = None;
            self.reader.seek(SeekFrom::Start(at))?;
        }
        self.start = at;
        self.buffer.clear();
        self.reader.by_ref().take(most).read_to_end(&mut self.buffer)?;
        self.position = Some(at + self.buffer.len() as u64);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn reads_outside_return_errors() {
        assert_eq!(be32(&[1, 2, 3], 0), None);
        assert_eq!(be16(&[1, 2, 3], usize::MAX), None);
        let mut cursor = Cursor::new(vec![7; 10]);
        let mut source = Source::new(&mut cursor, 10);
        assert_eq!(source.bytes(8, 2).unwrap(), [7, 7]);
        assert_eq!(source.bytes(9, 2).unwrap_err().kind(), ErrorKind::UnexpectedEof);
        assert_eq!(source.bytes(u64::MAX, 2).unwrap_err().kind(), ErrorKind::UnexpectedEof);
        assert_eq!(source.vector(0, u64::MAX).unwrap_err().kind(), ErrorKind::UnexpectedEof);
    }

    #[test]
    fn a_false_length_ends_the_input() {
        let mut cursor = Cursor::new(vec![7; 10]);
        let mut source = Source::new(&mut cursor, u64::MAX);
        assert_eq!(source.vector(0, u64::MAX - 1).unwrap_err().kind(), ErrorKind::UnexpectedEof);
        assert_eq!(source.bytes(4, 60).unwrap_err().kind(), ErrorKind::UnexpectedEof);
        assert_eq!(source.bytes(4, 6).unwrap(), [7; 6]);
    }
}
