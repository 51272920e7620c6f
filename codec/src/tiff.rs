//! TIFF directories, the format of EXIF in every image format (Exif 2.32 §4.6, TIFF 6.0 §2).
//!
//! Owns directory entries and their values. Invariant: an offset in the data is followed only when a caller asks for
//! it, one directory at a time, so a chain of directories cannot loop.

use crate::bytes::take;

/// `Make`.
pub(crate) const MAKE: u16 = 0x010f;
/// `Model`.
pub(crate) const MODEL: u16 = 0x0110;
/// `Orientation`, 1–8.
pub(crate) const ORIENTATION: u16 = 0x0112;
/// Pointer to the EXIF directory.
pub(crate) const EXIF_IFD: u16 = 0x8769;
/// Pointer to the GPS directory.
pub(crate) const GPS_IFD: u16 = 0x8825;
/// `DateTimeOriginal`, local, `YYYY:MM:DD HH:MM:SS`.
pub(crate) const DATE_TIME_ORIGINAL: u16 = 0x9003;
/// `OffsetTimeOriginal`, `±HH:MM`.
pub(crate) const OFFSET_TIME_ORIGINAL: u16 = 0x9011;

/// The most entries of a directory; cameras write fewer.
const MAX_ENTRIES: u16 = 1000;

/// A TIFF structure in memory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tiff<'a> {
    data: &'a [u8],
    little_endian: bool,
}

/// One entry of a directory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    /// Its tag.
    pub(crate) tag: u16,
    /// The type of its values: 2 text, 3 short, 4 long …
    pub(crate) form: u16,
    /// The number of values.
    pub(crate) count: u32,
    /// The offset of the entry's value field in the data.
    value_at: usize,
}

impl<'a> Tiff<'a> {
    /// Opens a structure; `None` where the header is not TIFF's.
    pub(crate) fn open(data: &'a [u8]) -> Option<Self> {
        let little_endian = match take::<4>(data, 0)? {
            [b'I', b'I', 42, 0] => true,
            [b'M', b'M', 0, 42] => false,
            _ => return None,
        };
        Some(Self { data, little_endian })
    }

    /// Opens a structure with or without the `Exif\0\0` that some formats put in front.
    pub(crate) fn open_exif(data: &'a [u8]) -> Option<Self> {
        Self::open(data.strip_prefix(b"Exif\0\0").unwrap_or(data))
    }

    fn short(&self, at: usize) -> Option<u16> {
        let bytes = take(self.data, at)?;
        Some(if self.little_endian { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    }

    fn long(&self, at: usize) -> Option<u32> {
        let bytes = take(self.data, at)?;
        Some(if self.little_endian { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    }

    /// Iterates over the entries of the first directory.
    pub(crate) fn main(&self) -> impl Iterator<Item = Entry> {
        self.directory(self.long(4).unwrap_or_default())
    }

    /// Iterates over the entries of the directory at `offset`, as far as the data has them.
    pub(crate) fn directory(&self, offset: u32) -> impl Iterator<Item = Entry> {
        let at = offset as usize;
        let count = self.short(at).unwrap_or_default().min(MAX_ENTRIES);
        (0..usize::from(count)).map_while(move |index| {
            let entry = at + 2 + 12 * index;
            let (tag, form, count) = (self.short(entry)?, self.short(entry + 2)?, self.long(entry + 4)?);
            self.long(entry + 8)?;
            Some(Entry { tag, form, count, value_at: entry + 8 })
        })
    }

    /// Returns the first value as a number, where it is a short or a long.
    pub(crate) fn number(&self, entry: &Entry) -> Option<u32> {
        match entry.form {
            3 => self.short(entry.value_at).map(u32::from),
            4 | 13 => self.long(entry.value_at),
            _ => None,
        }
    }

    /// Returns the value as text: up to the first NUL, at most 256 bytes.
    pub(crate) fn text(&self, entry: &Entry) -> Option<&'a [u8]> {
        if entry.form != 2 || entry.count > 256 {
            return None;
        }
        let count = entry.count as usize;
        let at = if count <= 4 { entry.value_at } else { self.long(entry.value_at)? as usize };
        let text = self.data.get(at..at.checked_add(count)?)?;
        text.split(|b| *b == 0).next()
    }

    /// Returns the orientation, 1–8, where it is valid.
    pub(crate) fn orientation(&self) -> Option<u8> {
        let entry = self.main().find(|entry| entry.tag == ORIENTATION)?;
        let value = self.number(&entry)?;
        (1..=8).contains(&value).then_some(value as u8)
    }
}

/// Returns the smallest TIFF structure with one orientation: a directory of one entry, 26 bytes.
pub(crate) fn orientation_only(orientation: u8) -> [u8; 26] {
    let mut tiff = *b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\0\0\0\0\0\0\0";
    tiff[19] = orientation;
    tiff
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_smallest_structure_reads_back() {
        for orientation in 1..=8 {
            let bytes = orientation_only(orientation);
            assert_eq!(Tiff::open(&bytes).unwrap().orientation(), Some(orientation));
        }
        let bytes = orientation_only(9);
        assert_eq!(Tiff::open(&bytes).unwrap().orientation(), None);
        assert!(Tiff::open(b"II+\0\x08\0\0\0").is_none());
    }

    #[test]
    fn another_reader_agrees() {
        let bytes = orientation_only(6);
        let read = ::exif::Reader::new().read_raw(bytes.to_vec()).unwrap();
        let field = read.get_field(::exif::Tag::Orientation, ::exif::In::PRIMARY).unwrap();
        assert_eq!(field.value.get_uint(0), Some(6));
        assert_eq!(read.fields().count(), 1);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_not(data in proptest::collection::vec(any::<u8>(), 0..300), little: bool) {
            let mut data = data;
            let magic: &[u8] = if little { b"II*\0" } else { b"MM\0*" };
            data.splice(0..0, magic.iter().copied());
            let tiff = Tiff::open(&data).unwrap();
            let _ = tiff.orientation();
            for entry in tiff.main() {
                let _ = (tiff.text(&entry), tiff.number(&entry));
            }
        }
    }
}
