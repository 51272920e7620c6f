//! The layout of a ZIP archive that is written from its first byte to its last, without going back.
//!
//! Follows APPNOTE.TXT 6.3.10 (PKWARE); sections are named where they apply. Files are stored, as media is compressed
//! already. Their checksums are known only after their bytes, so they follow in data descriptors (§4.3.9). Does not own
//! the bytes. Invariant: the length of an archive follows from its entries alone, so it is known before a byte is sent.

use chrono::{DateTime, Datelike as _, Timelike as _, Utc};

/// From this on, a size or an offset has 64 bits, in an extra field (§4.5.3), and this in its own field.
const ZIP64_FROM: u64 = 0xffff_ffff;
/// The size up to which a file may be written whose size is not known at its header: its data descriptor has 32 bits.
pub const MAX_UNANNOUNCED_BYTES: u64 = ZIP64_FROM - 1;
/// §4.4.3.2: the versions that a reader needs, for data descriptors and for ZIP64.
const VERSION: u16 = 20;
const ZIP64_VERSION: u16 = 45;
/// §4.4.2: made on Unix, so that readers take the permissions from the external attributes.
const MADE_BY: u16 = 3 << 8 | ZIP64_VERSION;
/// §4.4.4: bit 3, sizes and checksum are in the data descriptor; bit 11, names are UTF-8.
const FLAGS: u16 = 1 << 3 | 1 << 11;
/// §4.4.15: a regular file, `rw-r--r--`.
const ATTRIBUTES: u32 = 0o100_644 << 16;

/// A file of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZipEntry {
    /// Path components separated by `/`, together at most a few hundred bytes.
    pub name: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// When it was last changed.
    pub modified_at: DateTime<Utc>,
}

/// Writes what is between the files of an archive, and its directory.
#[derive(Debug, Default)]
pub struct ZipWriter {
    /// Where the next entry starts.
    offset: u64,
    count: u64,
    directory: Vec<u8>,
}

impl ZipWriter {
    /// Returns what is before the bytes of a file.
    pub fn header(entry: &ZipEntry) -> Vec<u8> {
        // §4.4.4: zero where the data descriptor has them; §4.5.3: in ZIP64, both sizes are in the extra field.
        let sizes: &[u64] = if entry.is_zip64() { &[0, 0] } else { &[] };
        let size = if entry.is_zip64() { u32::MAX } else { 0 };
        let extra = [zip64_field(sizes), timestamp_field(entry.modified_at)].concat();
        let (time, date) = dos_time(entry.modified_at);
        // §4.3.7, the local file header.
        let record = Record::new(0x0403_4b50).u16(entry.version(0)).u16(FLAGS).u16(0).u16(time).u16(date).u32(0);
        let record = record.u32(size).u32(size).u16(entry.name.len() as u16).u16(extra.len() as u16);
        record.bytes(entry.name.as_bytes()).bytes(&extra).0
    }

    /// Returns what is after the bytes of a file, and adds it to the directory. A size that was not known when the
    /// header was written is at most [`MAX_UNANNOUNCED_BYTES`]; the header then had 0.
    pub fn end_file(&mut self, entry: &ZipEntry, crc32: u32) -> Vec<u8> {
        self.directory.extend(directory_header(entry, crc32, self.offset));
        self.count += 1;
        // §4.3.9, the data descriptor. Its sizes have 64 bits where the header has the extra field of ZIP64 (§4.3.9.2).
        let record = Record::new(0x0807_4b50).u32(crc32);
        let descriptor = if entry.is_zip64() {
            record.u64(entry.bytes).u64(entry.bytes).0
        } else {
            record.u32(entry.bytes as u32).u32(entry.bytes as u32).0
        };
        self.offset += Self::header(entry).len() as u64 + entry.bytes + descriptor.len() as u64;
        descriptor
    }

    /// Returns the directory, which ends the archive.
    pub fn finish(self) -> Vec<u8> {
        let (start, bytes, count) = (self.offset, self.directory.len() as u64, self.count);
        let mut end = self.directory;
        if start.max(bytes) >= ZIP64_FROM || count >= u64::from(u16::MAX) {
            // §4.3.14, the end of the directory in ZIP64: its size counts what follows. §4.3.15, where that is.
            let record = Record::new(0x0606_4b50).u64(44).u16(MADE_BY).u16(ZIP64_VERSION).u32(0).u32(0);
            end.extend(record.u64(count).u64(count).u64(bytes).u64(start).0);
            end.extend(Record::new(0x0706_4b50).u32(0).u64(start + bytes).u32(1).0);
        }
        // §4.3.16, the end of the directory.
        let (count, start) = (count.min(u16::MAX.into()) as u16, start.min(ZIP64_FROM) as u32);
        let record = Record::new(0x0605_4b50).u16(0).u16(0).u16(count).u16(count);
        end.extend(record.u32(bytes.min(ZIP64_FROM) as u32).u32(start).u16(0).0);
        end
    }

    /// Returns the length in bytes of an archive of these files.
    pub fn length<'a>(entries: impl Iterator<Item = &'a ZipEntry>) -> u64 {
        let mut writer = Self::default();
        for entry in entries {
            writer.end_file(entry, 0);
        }
        writer.offset + writer.finish().len() as u64
    }
}

impl ZipEntry {
    fn is_zip64(&self) -> bool {
        self.bytes >= ZIP64_FROM
    }

    /// Returns the version that a reader of this file needs, which starts at `offset`.
    fn version(&self, offset: u64) -> u16 {
        if self.is_zip64() || offset >= ZIP64_FROM { ZIP64_VERSION } else { VERSION }
    }
}

/// Returns the header of a file in the directory (§4.3.12).
fn directory_header(entry: &ZipEntry, crc32: u32, offset: u64) -> Vec<u8> {
    let mut large = Vec::new();
    if entry.is_zip64() {
        large.extend([entry.bytes, entry.bytes]);
    }
    if offset >= ZIP64_FROM {
        large.push(offset);
    }
    let extra = [zip64_field(&large), timestamp_field(entry.modified_at)].concat();
    let ((time, date), size) = (dos_time(entry.modified_at), entry.bytes.min(ZIP64_FROM) as u32);
    let record = Record::new(0x0201_4b50).u16(MADE_BY).u16(entry.version(offset)).u16(FLAGS).u16(0).u16(time).u16(date);
    let record = record.u32(crc32).u32(size).u32(size).u16(entry.name.len() as u16).u16(extra.len() as u16);
    // No comment, the first disk, no internal attributes.
    let record = record.u16(0).u16(0).u16(0).u32(ATTRIBUTES).u32(offset.min(ZIP64_FROM) as u32);
    record.bytes(entry.name.as_bytes()).bytes(&extra).0
}

/// Returns the extra field of ZIP64 with the values that do not fit into their own fields (§4.5.3); nothing without
/// any.
fn zip64_field(values: &[u64]) -> Vec<u8> {
    if values.is_empty() {
        return Vec::new();
    }
    values.iter().fold(Record::default().u16(1).u16(8 * values.len() as u16), |record, value| record.u64(*value)).0
}

/// Returns the extra field `UT` of Info-ZIP (their `extrafld.txt`): the time in UTC, which the DOS fields cannot tell.
/// Nothing for a time that 32 bits cannot hold.
fn timestamp_field(time: DateTime<Utc>) -> Vec<u8> {
    let Ok(seconds) = i32::try_from(time.timestamp()) else { return Vec::new() };
    Record::default().u16(0x5455).u16(5).bytes(&[1]).bytes(&seconds.to_le_bytes()).0
}

/// Returns time and date as MS-DOS has them (§4.4.6): two seconds exact, from 1980 to 2107.
fn dos_time(time: DateTime<Utc>) -> (u16, u16) {
    let year = (time.year().clamp(1980, 2107) - 1980) as u32;
    let date = year << 9 | time.month() << 5 | time.day();
    (((time.hour() << 11) | (time.minute() << 5) | (time.second() / 2)) as u16, date as u16)
}

/// A record: numbers in little-endian order (§4.4.1.1).
#[derive(Default)]
struct Record(Vec<u8>);

impl Record {
    fn new(signature: u32) -> Self {
        Self::default().u32(signature)
    }

    fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    fn u16(self, value: u16) -> Self {
        self.bytes(&value.to_le_bytes())
    }

    fn u32(self, value: u32) -> Self {
        self.bytes(&value.to_le_bytes())
    }

    fn u64(self, value: u64) -> Self {
        self.bytes(&value.to_le_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, bytes: u64) -> ZipEntry {
        ZipEntry { name: name.into(), bytes, modified_at: DateTime::from_timestamp(1_781_965_445, 0).unwrap() }
    }

    /// Returns the number of `bytes` bytes at a place.
    fn number(record: &[u8], at: usize, bytes: usize) -> u64 {
        record[at..at + bytes].iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
    }

    #[test]
    fn an_archive_is_what_the_specification_says() {
        let (file, mut writer) = (entry("a.txt", 5), ZipWriter::default());
        let header = ZipWriter::header(&file);
        let descriptor = writer.end_file(&file, 0x1234_5678);
        let directory = writer.finish();
        assert_eq!(header[..4], *b"PK\x03\x04");
        assert_eq!(number(&header, 6, 2), 0x0808, "a descriptor follows, and the name is UTF-8");
        assert_eq!(number(&header, 14, 12), 0, "what the descriptor has is zero here");
        assert_eq!(header.len(), 30 + 5 + 9);
        assert_eq!(descriptor, *b"PK\x07\x08\x78\x56\x34\x12\x05\0\0\0\x05\0\0\0");
        assert_eq!(directory[..4], *b"PK\x01\x02");
        assert_eq!((number(&directory, 16, 4), number(&directory, 20, 4)), (0x1234_5678, 5));
        // 2026-06-20 14:24:05 UTC: hours, minutes and half the seconds; years since 1980, months and days.
        assert_eq!(number(&directory, 12, 2), 14 << 11 | 24 << 5 | 2);
        assert_eq!(number(&directory, 14, 2), (46 << 9) + (6 << 5) + 20);
        let end = directory.len() - 22;
        assert_eq!(directory[end..end + 4], *b"PK\x05\x06");
        let files_end = (header.len() + 5 + descriptor.len()) as u64;
        assert_eq!((number(&directory, end + 10, 2), number(&directory, end + 16, 4)), (1, files_end));
        assert_eq!(ZipWriter::length([&file].into_iter()), files_end + directory.len() as u64);
    }

    #[test]
    fn a_file_whose_size_was_unknown_at_its_header_is_where_the_directory_says() {
        let (unknown, known) = (entry("a.json", 0), entry("a.json", MAX_UNANNOUNCED_BYTES));
        let mut writer = ZipWriter::default();
        assert_eq!(ZipWriter::header(&unknown), ZipWriter::header(&known));
        assert_eq!(writer.end_file(&known, 1).len(), 16, "two sizes of 32 bits");
        writer.end_file(&entry("b", 1), 2);
        let directory = writer.finish();
        let second = 46 + 6 + 9;
        let start = ZipWriter::header(&unknown).len() as u64 + MAX_UNANNOUNCED_BYTES + 16;
        assert_eq!(number(&directory, second + 46 + 1 + 4, 8), start, "beyond 4 GiB, in the extra field");
    }

    #[test]
    fn what_needs_64_bits_has_them() {
        let (film, photo) = (entry("film.mp4", 5 << 30), entry("photo.jpeg", 7));
        let mut writer = ZipWriter::default();
        assert_eq!(writer.end_file(&film, 1).len(), 24, "two sizes of 64 bits");
        assert_eq!(writer.end_file(&photo, 2).len(), 16);
        let header = ZipWriter::header(&film);
        assert_eq!((number(&header, 4, 2), number(&header, 18, 8)), (45, u64::MAX));
        assert_eq!((number(&header, 38, 2), number(&header, 40, 2)), (1, 16), "the extra field of ZIP64");
        let photo_start = header.len() as u64 + film.bytes + 24;
        let directory = writer.finish();
        assert_eq!(number(&directory, 20, 8), u64::MAX);
        assert_eq!((number(&directory, 46 + 8 + 4, 8), number(&directory, 46 + 8 + 12, 8)), (film.bytes, film.bytes));
        let second = 46 + 8 + 20 + 9;
        assert_eq!(directory[second..second + 4], *b"PK\x01\x02");
        assert_eq!((number(&directory, second + 20, 4), number(&directory, second + 42, 4)), (7, ZIP64_FROM));
        assert_eq!(number(&directory, second + 46 + 10 + 4, 8), photo_start);
        let end = directory.len() - 22 - 20 - 56;
        assert_eq!(directory[end..end + 4], *b"PK\x06\x06");
        assert_eq!((number(&directory, end + 32, 8), number(&directory, end + 40, 8)), (2, end as u64));
        let start = photo_start + ZipWriter::header(&photo).len() as u64 + 7 + 16;
        assert_eq!(number(&directory, end + 48, 8), start);
        assert_eq!(number(&directory, end + 56 + 8, 8), start + end as u64, "where the record of 64 bits is");
        assert_eq!(number(&directory, directory.len() - 6, 4), ZIP64_FROM);
        assert_eq!(ZipWriter::length([&film, &photo].into_iter()), start + directory.len() as u64);
    }
}
