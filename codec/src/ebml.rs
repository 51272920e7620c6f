//! EBML, the element tree below Matroska and WebM (RFC 8794).
//!
//! Owns element heads and flat iteration over a slice. Invariant: iteration moves forward by at least two bytes at each
//! step and ends at the first head that does not fit.

/// `DocType`, inside the EBML header.
pub(crate) const DOC_TYPE: u32 = 0x4282;

/// The head of an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    /// Its id with the length marker, as specifications print it.
    pub(crate) id: u32,
    /// Bytes of id and size together.
    pub(crate) bytes: usize,
    /// Bytes of its data; `None` where the size is unknown (live streams).
    pub(crate) size: Option<u64>,
}

/// Returns the element head at `at`, or `None` where it is incomplete or invalid.
pub(crate) fn element(data: &[u8], at: usize) -> Option<Head> {
    let (id, id_bytes) = number(data.get(at..)?, 4, true)?;
    let (size, size_bytes) = number(data.get(at.checked_add(id_bytes)?..)?, 8, false)?;
    let unknown = size == (1 << (7 * size_bytes)) - 1;
    Some(Head { id: id as u32, bytes: id_bytes + size_bytes, size: (!unknown).then_some(size) })
}

/// Reads a number in the format of a size, as a block's track number is written.
pub(crate) fn size(data: &[u8]) -> Option<u64> {
    number(data, 8, false).map(|(value, _)| value)
}

/// Reads a variable-length number: the leading zero bits give the number of bytes that follow. RFC 8794 §4.
fn number(data: &[u8], longest: usize, keep_marker: bool) -> Option<(u64, usize)> {
    let first = *data.first()?;
    let bytes = first.leading_zeros() as usize + 1;
    if bytes > longest {
        return None;
    }
    let rest = data.get(1..bytes)?;
    let start = if keep_marker { first } else { first & (0xff_u16 >> bytes) as u8 };
    Some((rest.iter().fold(u64::from(start), |sum, b| sum << 8 | u64::from(*b)), bytes))
}

/// An element with its data.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Element<'a> {
    /// Its id.
    pub(crate) id: u32,
    /// Its data.
    pub(crate) data: &'a [u8],
}

/// Iterates over the elements of a master element's data, up to the first that does not fit.
pub(crate) fn children(data: &[u8]) -> impl Iterator<Item = Element<'_>> {
    let mut at = 0_usize;
    std::iter::from_fn(move || {
        let head = element(data, at)?;
        let start = at.checked_add(head.bytes)?;
        let end = start.checked_add(usize::try_from(head.size?).ok()?)?;
        at = end;
        Some(Element { id: head.id, data: data.get(start..end)? })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_length() {
        assert_eq!(element(&[0x42, 0x82, 0x84], 0), Some(Head { id: DOC_TYPE, bytes: 3, size: Some(4) }));
        assert_eq!(element(&[0xec, 0x40, 0x02], 0), Some(Head { id: 0xec, bytes: 3, size: Some(2) }));
        assert_eq!(element(&[0x18, 0x53, 0x80, 0x67, 0xff], 0).unwrap().size, None);
        assert_eq!(element(&[0x18, 0x53, 0x80, 0x67, 1, 255, 255, 255, 255, 255, 255, 255], 0).unwrap().size, None);
        assert_eq!(element(&[0x08, 1, 1, 1, 1, 0x81], 0), None, "ids have at most four bytes");
        assert_eq!(element(&[0xec, 0x00], 0), None, "sizes have at most eight bytes");
    }
}
