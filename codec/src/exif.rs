//! Metadata that a file carries about its origin: date, camera, orientation, and whether it contains a location.
//!
//! Owns reading EXIF and its QuickTime and Matroska counterparts. It never returns a position, only whether there is
//! one. Invariant: malformed metadata counts as missing metadata, never as an error.

mod quicktime;
#[cfg(test)]
mod tests;

use std::io::{self, ErrorKind, Read, Seek};

use chrono::{DateTime, Datelike as _, FixedOffset, NaiveDate, NaiveDateTime, TimeDelta, Utc};

use crate::bytes::{Source, be32, contains_text, le32};
use crate::ebml;
use crate::header::{self, Items};
use crate::isobmff::FormatError;
use crate::sniff::Format;
use crate::tiff::{self, Tiff};

/// The most segments or chunks that are walked for metadata.
const MAX_STEPS: usize = 100_000;
/// The most bytes of one metadata block that are read.
const MAX_BLOCK_BYTES: usize = 64 * 1024;
/// The most blocks that are read: a photo has one EXIF block and one XMP block.
const MAX_BLOCKS: usize = 16;
/// The longest camera name, in characters.
const MAX_CAMERA_CHARS: usize = 80;

/// The metadata of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// EXIF orientation 1–8; for HEIC and AVIF that of `irot` and `imir`, which take precedence there.
    pub orientation: u8,
    /// When the photo was taken or the recording began.
    pub taken_at: Option<TakenAt>,
    /// Maker and model, such as `Apple iPhone 12`.
    pub camera: Option<String>,
    /// Whether the file contains the location where it was made.
    pub has_gps: bool,
}

impl Default for Metadata {
    fn default() -> Self {
        Self { orientation: 1, taken_at: None, camera: None, has_gps: false }
    }
}

/// A time on a camera's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TakenAt {
    /// The local time that the clock showed.
    pub local: NaiveDateTime,
    /// The offset from UTC, where the camera recorded it.
    pub offset: Option<FixedOffset>,
}

impl TakenAt {
    /// Returns the time in UTC; a clock without a known offset is taken to show UTC.
    pub fn utc(self) -> DateTime<Utc> {
        let ahead = self.offset.map_or(0, |offset| i64::from(offset.local_minus_utc()));
        self.local.checked_sub_signed(TimeDelta::seconds(ahead)).unwrap_or(self.local).and_utc()
    }

    /// Returns the time if it is plausible: not before photography, not far in the future.
    fn new(local: NaiveDateTime, offset: Option<FixedOffset>) -> Option<Self> {
        (1826..=2200).contains(&local.year()).then_some(Self { local, offset })
    }

    /// Returns the time that is so many seconds after a format's own epoch, in UTC.
    fn after(epoch: NaiveDate, seconds: u64) -> Option<Self> {
        let since = TimeDelta::try_seconds(i64::try_from(seconds).ok()?)?;
        let utc = epoch.and_hms_opt(0, 0, 0)?.checked_add_signed(since)?;
        Self::new(utc, FixedOffset::east_opt(0))
    }
}

/// Reads the metadata of a file of `len` bytes. Returns an error only for a failed read; malformed metadata is left
/// out.
pub fn read<R: Read + Seek>(format: Format, reader: &mut R, len: u64) -> io::Result<Metadata> {
    let mut metadata = Metadata::default();
    let mut source = Source::new(reader, len);
    let walked = match format {
        Format::Jpeg => jpeg(&mut source, &mut metadata),
        Format::Png => png(&mut source, &mut metadata),
        Format::Webp => webp(&mut source, &mut metadata),
        Format::Heic | Format::Avif => heif(&mut source, &mut metadata),
        Format::Mp4 | Format::Mov | Format::M4a => quicktime::read(&mut source, &mut metadata),
        Format::Mkv | Format::Webm => matroska(&mut source, &mut metadata),
        Format::Gif | Format::Mp3 | Format::Wav | Format::Flac | Format::Ogg => Ok(()),
    };
    match walked {
        Err(FormatError::Io(error)) if error.kind() != ErrorKind::UnexpectedEof => Err(error),
        _ => Ok(metadata),
    }
}

/// Adds the metadata of an EXIF block.
fn exif(data: &[u8], metadata: &mut Metadata) {
    let Some(tiff) = Tiff::open_exif(data) else { return };
    let (mut make, mut model, mut time, mut offset) = (None, None, None, None);
    metadata.orientation = tiff.orientation().unwrap_or(1);
    for entry in tiff.main() {
        match entry.tag {
            tiff::MAKE => make = tiff.text(&entry),
            tiff::MODEL => model = tiff.text(&entry),
            tiff::EXIF_IFD => {
                for entry in tiff.number(&entry).into_iter().flat_map(|at| tiff.directory(at)) {
                    match entry.tag {
                        tiff::DATE_TIME_ORIGINAL => time = tiff.text(&entry),
                        tiff::OFFSET_TIME_ORIGINAL => offset = tiff.text(&entry),
                        _ => {}
                    }
                }
            }
            tiff::GPS_IFD => {
                let mut entries = tiff.number(&entry).into_iter().flat_map(|at| tiff.directory(at));
                // Latitude, or the name of an area: a directory with only its version contains no location.
                metadata.has_gps |= entries.any(|entry| matches!(entry.tag, 2 | 4 | 0x1c));
            }
            _ => {}
        }
    }
    metadata.camera = camera(make, model);
    metadata.taken_at = time.and_then(|time| exif_time(time, offset));
}

fn exif_time(time: &[u8], offset: Option<&[u8]>) -> Option<TakenAt> {
    let text = std::str::from_utf8(time).ok()?.trim();
    let local = NaiveDateTime::parse_from_str(text, "%Y:%m:%d %H:%M:%S").ok()?;
    TakenAt::new(local, offset.and_then(|text| self::offset(std::str::from_utf8(text).ok()?.trim())))
}

/// `±HH:MM` or `±HHMM` or `Z`.
fn offset(text: &str) -> Option<FixedOffset> {
    let (sign, digits) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        ("Z", "") => return FixedOffset::east_opt(0),
        _ => return None,
    };
    let digits: String = digits.chars().filter(|c| *c != ':').collect();
    let (hours, minutes) = digits.split_at_checked(2).filter(|(_, minutes)| minutes.len() == 2)?;
    let (hours, minutes) = (hours.parse::<u8>().ok()?, minutes.parse::<u8>().ok()?);
    FixedOffset::east_opt(sign * (i32::from(hours) * 60 + i32::from(minutes)) * 60)
}

/// Joins maker and model to one name; the two often repeat each other.
fn camera(make: Option<&[u8]>, model: Option<&[u8]>) -> Option<String> {
    let clean = |text: Option<&[u8]>| {
        let text = String::from_utf8_lossy(text.unwrap_or_default());
        let visible: String = text.chars().filter(|c| !c.is_control() && *c != '\u{fffd}').collect();
        visible.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let (make, model) = (clean(make), clean(model));
    let brand = make.split(' ').next().unwrap_or_default();
    let repeats = model.get(..brand.len()).is_some_and(|start| start.eq_ignore_ascii_case(brand));
    let name = if repeats && !model.is_empty() { model } else { format!("{make} {model}") };
    let name: String = name.trim().chars().take(MAX_CAMERA_CHARS).collect();
    (!name.is_empty()).then_some(name)
}

fn jpeg<R: Read + Seek>(source: &mut Source<'_, R>, metadata: &mut Metadata) -> Result<(), FormatError> {
    let (mut at, mut found) = (2, false);
    for _ in 0..MAX_STEPS {
        let segment = header::jpeg_segment(source, at)?;
        at = segment.end();
        match segment.marker {
            0xe1 => {
                let data = source.bytes(segment.body, segment.len)?;
                if data.starts_with(b"Exif\0\0") && !found {
                    found = true;
                    exif(data, metadata);
                } else if data.starts_with(b"http://ns.adobe.com/") {
                    metadata.has_gps |= contains_text(data, "GPSLatitude");
                }
            }
            0xd8..=0xda => break,
            _ => {}
        }
    }
    Ok(())
}

fn png<R: Read + Seek>(source: &mut Source<'_, R>, metadata: &mut Metadata) -> Result<(), FormatError> {
    let mut at = 8;
    for _ in 0..MAX_STEPS {
        let chunk = source.bytes(at, 8)?;
        let len = be32(chunk, 0).unwrap_or_default();
        match chunk.get(4..8) {
            Some(b"eXIf") => exif(source.some(at + 8, (len as usize).min(MAX_BLOCK_BYTES))?, metadata),
            Some(b"iTXt") => {
                let text = source.some(at + 8, (len as usize).min(MAX_BLOCK_BYTES))?;
                metadata.has_gps |= contains_text(text, "GPSLatitude");
            }
            Some(b"IEND") => break,
            _ => {}
        }
        at += 12 + u64::from(len);
    }
    Ok(())
}

fn webp<R: Read + Seek>(source: &mut Source<'_, R>, metadata: &mut Metadata) -> Result<(), FormatError> {
    let mut at = 12;
    for _ in 0..MAX_STEPS {
        let chunk = source.bytes(at, 8)?;
        let len = le32(chunk, 4).unwrap_or_default();
        match chunk.get(..4) {
            Some(b"EXIF") => exif(source.some(at + 8, (len as usize).min(MAX_BLOCK_BYTES))?, metadata),
            Some(b"XMP ") => {
                let text = source.some(at + 8, (len as usize).min(MAX_BLOCK_BYTES))?;
                metadata.has_gps |= contains_text(text, "GPSLatitude");
            }
            _ => {}
        }
        at += 8 + u64::from(len) + u64::from(len & 1);
    }
    Ok(())
}

fn heif<R: Read + Seek>(source: &mut Source<'_, R>, metadata: &mut Metadata) -> Result<(), FormatError> {
    let items = Items::read(source)?.list()?;
    for item in items.iter().filter(|item| matches!(&item.kind, b"Exif" | b"mime")).take(MAX_BLOCKS) {
        let Some(&(start, len)) = item.extents.first() else { continue };
        let data = source.some(start, len.min(MAX_BLOCK_BYTES as u64) as usize)?;
        match &item.kind {
            b"Exif" => {
                // The TIFF header is at the offset that this number gives, counted from behind it. ISO/IEC 23008-12
                // annex A.
                let skip = be32(data, 0).and_then(|skip| usize::try_from(skip).ok()?.checked_add(4));
                exif(skip.and_then(|skip| data.get(skip..)).unwrap_or_default(), metadata);
            }
            b"mime" => metadata.has_gps |= contains_text(data, "GPSLatitude"),
            _ => {}
        }
    }
    metadata.orientation = header::heif_picture(source, false)?.orientation;
    Ok(())
}

fn matroska<R: Read + Seek>(source: &mut Source<'_, R>, metadata: &mut Metadata) -> Result<(), FormatError> {
    metadata.taken_at = date_utc(source.some(0, MAX_BLOCK_BYTES)?);
    Ok(())
}

/// `DateUTC` in Matroska's `Info`: nanoseconds since 2001. RFC 9559 §5.1.2.11.
fn date_utc(head: &[u8]) -> Option<TakenAt> {
    const INFO: u32 = 0x1549_a966;
    const DATE_UTC: u32 = 0x4461;
    let header = ebml::element(head, 0)?;
    let segment_at = header.bytes.checked_add(usize::try_from(header.size?).ok()?)?;
    let segment = ebml::element(head, segment_at)?;
    let info = ebml::children(head.get(segment_at + segment.bytes..)?).find(|e| e.id == INFO)?;
    let date = ebml::children(info.data).find(|e| e.id == DATE_UTC)?;
    let nanoseconds = i64::from_be_bytes(date.data.try_into().ok()?);
    TakenAt::after(NaiveDate::from_ymd_opt(2001, 1, 1)?, u64::try_from(nanoseconds / 1_000_000_000).ok()?)
}
