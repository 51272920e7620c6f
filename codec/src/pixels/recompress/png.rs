//! Writes a PNG again with better filters and a better deflate, by oxipng.
//!
//! oxipng gets the decoded rows only, so its own parser never reads the file. Invariant: every chunk but those of the
//! pixels is kept byte for byte and in order.

use std::io::Cursor;
use std::time::Duration;

use png::{BitDepth, ColorType, Decoder, Limits};

use crate::checksum::crc32;
use crate::pixels::{Error, Interrupt};

const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";
/// The bytes of a chunk beside its data: its length, its kind, its checksum.
const CHUNK_BYTES: usize = 12;
/// The most bytes of the rows: oxipng holds them several times.
const MAX_ROW_BYTES: usize = 48 << 20;
/// The most bytes of chunks other than pixels; text is skipped.
const SIDE_BYTES: usize = 16 << 20;
/// After this time oxipng tries no more filters.
const MAX_TIME: Duration = Duration::from_secs(60);
const DAMAGED: Error = Error::Damaged("PNG data");

struct Chunk<'a> {
    kind: [u8; 4],
    /// With its length and checksum.
    whole: &'a [u8],
}

impl Chunk<'_> {
    fn data(&self) -> &[u8] {
        self.whole.get(8..self.whole.len() - 4).unwrap_or_default()
    }
}

/// The rows of a picture, packed as the file has them.
#[derive(PartialEq, Eq)]
pub(super) struct Rows {
    size: (u32, u32),
    color: ColorType,
    depth: BitDepth,
    bytes: Vec<u8>,
}

/// Returns a file with the same rows.
pub(super) fn recompress(bytes: &[u8], interrupt: &Interrupt) -> Result<Vec<u8>, Error> {
    let old = chunks(bytes)?;
    check(&old)?;
    let rows = read_rows(bytes, interrupt)?;
    let made = optimize(rows)?;
    interrupt.check()?;
    let new = chunks(&made)?;
    let pixels: Vec<&[u8]> = new.iter().filter(|chunk| chunk.kind == *b"IDAT").map(Chunk::data).collect();
    let pixels = pixels.concat();
    let mut out = SIGNATURE.to_vec();
    let mut has_pixels = false;
    for chunk in &old {
        if chunk.kind != *b"IDAT" {
            out.extend_from_slice(chunk.whole);
        } else if !has_pixels {
            has_pixels = true;
            push_pixels(&mut out, &pixels)?;
        }
    }
    Ok(out)
}

/// Reads the chunks (PNG, third edition, §5.3) of a file that ends with its last one.
fn chunks(bytes: &[u8]) -> Result<Vec<Chunk<'_>>, Error> {
    let mut rest = bytes.strip_prefix(SIGNATURE).ok_or(Error::Unsupported)?;
    let mut found = Vec::new();
    loop {
        let &[l0, l1, l2, l3, k0, k1, k2, k3] = rest.first_chunk::<8>().ok_or(Error::Truncated)?;
        let length = (u32::from_be_bytes([l0, l1, l2, l3]) as usize).saturating_add(CHUNK_BYTES);
        let (whole, behind) = rest.split_at_checked(length).ok_or(Error::Truncated)?;
        let kind = [k0, k1, k2, k3];
        found.push(Chunk { kind, whole });
        rest = behind;
        if kind == *b"IEND" {
            return if rest.is_empty() { Ok(found) } else { Err(Error::Unsupported) };
        }
    }
}

/// Refuses animations, interlaced pictures, and chunks that are needed and not known.
fn check(chunks: &[Chunk<'_>]) -> Result<(), Error> {
    let is_plain = chunks.first().is_some_and(|first| first.kind == *b"IHDR" && first.data().get(12) == Some(&0));
    let is_known = |chunk: &Chunk<'_>| {
        let is_needed = chunk.kind[0].is_ascii_uppercase();
        let is_animation = [*b"acTL", *b"fcTL", *b"fdAT"].contains(&chunk.kind);
        !is_animation && (!is_needed || [*b"IHDR", *b"PLTE", *b"IDAT", *b"IEND"].contains(&chunk.kind))
    };
    let runs = chunks.chunk_by(|one, other| (one.kind == *b"IDAT") == (other.kind == *b"IDAT"));
    let pixel_runs = runs.filter(|run| run.first().is_some_and(|chunk| chunk.kind == *b"IDAT")).count();
    if is_plain && pixel_runs == 1 && chunks.iter().all(is_known) { Ok(()) } else { Err(Error::Unsupported) }
}

/// Decodes the rows.
pub(super) fn read_rows(bytes: &[u8], interrupt: &Interrupt) -> Result<Rows, Error> {
    let mut decoder = Decoder::new_with_limits(Cursor::new(bytes), Limits { bytes: SIDE_BYTES });
    decoder.set_ignore_text_chunk(true);
    let mut reader = decoder.read_info().map_err(|_| DAMAGED)?;
    let (size, color, depth) = (reader.info().size(), reader.info().color_type, reader.info().bit_depth);
    let line = reader.output_line_size(size.0).ok_or(DAMAGED)?;
    let expected = line.checked_mul(size.1 as usize).filter(|bytes| *bytes <= MAX_ROW_BYTES);
    let expected = expected.ok_or(Error::Unsupported)?;
    let mut rows = Vec::new();
    while let Some(row) = reader.next_row().map_err(|_| DAMAGED)? {
        interrupt.check()?;
        rows.extend_from_slice(row.data());
    }
    if rows.len() == expected { Ok(Rows { size, color, depth, bytes: rows }) } else { Err(Error::Truncated) }
}

/// Returns a whole PNG of rows, without what else the file had.
fn optimize(rows: Rows) -> Result<Vec<u8>, Error> {
    let color = match rows.color {
        // The filters see numbers; what they mean is in a chunk that is kept.
        ColorType::Grayscale | ColorType::Indexed => oxipng::ColorType::Grayscale { transparent_shade: None },
        ColorType::Rgb => oxipng::ColorType::RGB { transparent_color: None },
        ColorType::GrayscaleAlpha => oxipng::ColorType::GrayscaleAlpha,
        ColorType::Rgba => oxipng::ColorType::RGBA,
    };
    let options = oxipng::Options {
        interlace: None,
        bit_depth_reduction: false,
        color_type_reduction: false,
        palette_reduction: false,
        grayscale_reduction: false,
        timeout: Some(MAX_TIME),
        ..oxipng::Options::default()
    };
    let depth = oxipng::BitDepth::try_from(rows.depth as u8).map_err(|_| DAMAGED)?;
    let image = oxipng::RawImage::new(rows.size.0, rows.size.1, color, depth, rows.bytes).map_err(|_| DAMAGED)?;
    image.create_optimized_png(&options).map_err(|_| Error::Encode("PNG"))
}

fn push_pixels(out: &mut Vec<u8>, pixels: &[u8]) -> Result<(), Error> {
    let length = u32::try_from(pixels.len()).map_err(|_| Error::Encode("PNG"))?;
    let chunk = [b"IDAT".as_slice(), pixels].concat();
    out.extend(length.to_be_bytes());
    out.extend_from_slice(&chunk);
    out.extend(crc32(&chunk).to_be_bytes());
    Ok(())
}
