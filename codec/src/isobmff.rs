//! The boxes of ISO base media files (ISO/IEC 14496-12 §4.2), from a reader or from memory.
//!
//! Owns where a box starts and ends, not what it means. Invariant: a box never ends behind its parent, and iteration
//! moves forward by at least eight bytes at each step.

use std::io::{self, Read, Seek};

use crate::bytes::{Source, be32, be64, take};

/// A box found in a [`Source`]; offsets are from the start of the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BoxHeader {
    /// Its four-character type.
    pub(crate) kind: [u8; 4],
    /// The offset of its size field.
    pub(crate) start: u64,
    /// The offset of its content (a `uuid` box's 16 bytes of type are content).
    pub(crate) body: u64,
    /// The offset of its end.
    pub(crate) end: u64,
}

impl BoxHeader {
    /// The length of its content in bytes.
    pub(crate) fn body_len(&self) -> u64 {
        self.end - self.body
    }
}

/// A format error, independent of the format's own error type.
#[derive(Debug)]
pub(crate) enum FormatError {
    /// The structure contradicts itself; the reason, for a log.
    Invalid(&'static str),
    /// Reading failed, or the input ended (`UnexpectedEof`).
    Io(io::Error),
}

impl From<io::Error> for FormatError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Returns the box at `at`, which must end at or before `limit`; `None` at `limit`, or where too little is left for a
/// box (QuickTime ends some lists with four zero bytes).
pub(crate) fn next_box<R: Read + Seek>(
    source: &mut Source<'_, R>,
    at: u64,
    limit: u64,
) -> Result<Option<BoxHeader>, FormatError> {
    if limit.saturating_sub(at) < 8 {
        return Ok(None);
    }
    let head = source.array::<8>(at)?;
    let kind = take(&head, 4).unwrap_or_default();
    let (size, head_bytes) = match be32(&head, 0).unwrap_or_default() {
        0 => (limit - at, 8),
        1 => (u64::from_be_bytes(source.array(at + 8)?), 16),
        size => (u64::from(size), 8),
    };
    if size < head_bytes {
        return Err(FormatError::Invalid("a box is smaller than its own head"));
    }
    match at.checked_add(size) {
        Some(end) if end <= limit => Ok(Some(BoxHeader { kind, start: at, body: at + head_bytes, end })),
        // At the top level this means that the file is truncated; deeper down that the structure is wrong.
        _ if limit == source.len() => Err(FormatError::Io(io::ErrorKind::UnexpectedEof.into())),
        _ => Err(FormatError::Invalid("a box ends behind its parent")),
    }
}

/// What follows at the top level of a file.
#[derive(Debug)]
pub(crate) enum Next {
    /// A whole box.
    Box(BoxHeader),
    /// A box that the end of the file cuts off.
    CutOff(BoxHeader),
    /// Something else: a camera's trailer, the rest of a form. Why it is no box.
    Other(FormatError),
    /// Nothing.
    End,
}

/// The boxes at the top level that a player needs, or writers put there. ISO/IEC 14496-12 §6.3.
const TOP_LEVEL: [&[u8; 4]; 18] = [
    b"ftyp", b"styp", b"pdin", b"moov", b"moof", b"mdat", b"mfra", b"meta", b"meco", b"sidx", b"ssix", b"prft",
    b"emsg", b"free", b"skip", b"wide", b"udta", b"uuid",
];

/// Returns what is at `at` at the top level of a file.
pub(crate) fn next_in_file<R: Read + Seek>(source: &mut Source<'_, R>, at: u64) -> Result<Next, FormatError> {
    let len = source.len();
    let error = match next_box(source, at, len) {
        Ok(Some(found)) => return Ok(Next::Box(found)),
        Ok(None) => return Ok(Next::End),
        Err(FormatError::Io(error)) if error.kind() != io::ErrorKind::UnexpectedEof => return Err(error.into()),
        Err(error) => error,
    };
    let head = source.array::<8>(at)?;
    let kind: [u8; 4] = take(&head, 4).unwrap_or_default();
    let body = match be32(&head, 0) {
        Some(1) => at.saturating_add(16).min(len),
        Some(8..) => at + 8,
        _ => return Ok(Next::Other(error)),
    };
    Ok(if TOP_LEVEL.contains(&&kind) {
        Next::CutOff(BoxHeader { kind, start: at, body, end: len })
    } else {
        Next::Other(error)
    })
}

/// A box in memory; offsets are from the start of the slice in which it was found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MemoryBox<'a> {
    /// Its four-character type.
    pub(crate) kind: [u8; 4],
    /// The offset of its size field.
    pub(crate) start: usize,
    /// The offset of its content.
    pub(crate) body_at: usize,
    /// Its content.
    pub(crate) body: &'a [u8],
}

/// Iterates over the boxes of `data`; a box that does not fit is the last item.
pub(crate) fn boxes(data: &[u8]) -> impl Iterator<Item = Result<MemoryBox<'_>, FormatError>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at;
        let child = box_at(data, start)?;
        at = match &child {
            Ok(child) => child.body_at + child.body.len(),
            Err(_) => data.len(),
        };
        Some(child)
    })
}

fn box_at(data: &[u8], start: usize) -> Option<Result<MemoryBox<'_>, FormatError>> {
    const MISFIT: FormatError = FormatError::Invalid("a box ends behind its parent");
    if start >= data.len() {
        return None;
    }
    let fitting = || {
        let kind = take(data, start + 4)?;
        let (size, head) = match be32(data, start)? {
            0 => ((data.len() - start) as u64, 8),
            1 => (be64(data, start + 8)?, 16),
            size => (u64::from(size), 8),
        };
        let end = start.checked_add(usize::try_from(size).ok()?)?;
        Some(MemoryBox { kind, start, body_at: start + head, body: data.get(start + head..end)? })
    };
    Some(fitting().ok_or(MISFIT))
}

/// Returns the content of the first box of this type, ignoring errors behind it.
pub(crate) fn find(data: &[u8], kind: [u8; 4]) -> Option<&[u8]> {
    boxes(data).map_while(Result::ok).find(|child| child.kind == kind).map(|child| child.body)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sizes_of_every_form() {
        let data = b"\0\0\0\x09free!\0\0\0\x01mdat\0\0\0\0\0\0\0\x12ab\0\0\0\0mdatrest";
        let found: Vec<_> = boxes(data).map(|p| p.map(|p| p.body.to_vec()).unwrap()).collect();
        assert_eq!(found, [b"!".to_vec(), b"ab".to_vec(), b"rest".to_vec()]);
        let (mut cursor, len) = (Cursor::new(data), data.len() as u64);
        let mut source = Source::new(&mut cursor, len);
        let second = next_box(&mut source, 9, len).unwrap().unwrap();
        assert_eq!((second.body, second.end, &second.kind), (25, 27, b"mdat"));
        assert_eq!(next_box(&mut source, 27, len).unwrap().unwrap().end, len);
        assert!(next_box(&mut source, len, len).unwrap().is_none());
    }

    #[test]
    fn what_does_not_fit_ends_the_iteration() {
        assert!(boxes(b"\0\0\0\x04free").next().unwrap().is_err());
        assert!(boxes(b"\0\0\0\xfffree").next().unwrap().is_err());
        assert_eq!(boxes(b"\0\0\0\x08free\0\0").count(), 2);
    }

    proptest! {
        #[test]
        fn walking_ends(data in proptest::collection::vec(0_u8..20, 0..200)) {
            prop_assert!(boxes(&data).count() <= data.len() / 8 + 1);
        }
    }
}
