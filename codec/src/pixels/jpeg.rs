//! Decodes JPEG with libjpeg, which can scale by eighths: a thumbnail of a 100-megapixel photo takes a few megabytes.
//!
//! Owns the marker walk (ITU-T T.81 annex B) that runs before libjpeg reads a byte: it determines the size, the memory,
//! and the number of scans, since a file of a thousand scans costs a thousand decodings.
//! Invariant: rows are read one at a time into the kept image.

use std::collections::BTreeMap;

use super::color::{ColorSpace, InkToSrgb, MAX_ICC_BYTES};
use super::downscale::{Downscaled, Downscaler, Window};
use super::geometry::Plan;
use super::{Error, Interrupt};

/// The most scans of a progressive file: encoders write about 10, the largest known script has 64.
const MAX_SCANS: u32 = 100;
/// The highest product of scans and pixels: bounds the time of one image to seconds, because libjpeg cannot be
/// interrupted while it reads all scans.
const MAX_SCANNED_PIXELS: u64 = 1_200_000_000;

/// The values in the markers up to the first scan.
pub(super) struct Header {
    pub width: u16,
    pub height: u16,
    /// Whether libjpeg has to keep all coefficients: progressive, or one scan per component.
    pub buffered: bool,
    /// DCT coefficients (2 bytes each) per 16 pixels, over all components.
    pub coefficients_per_16_pixels: u64,
}

/// Returns the smallest scale in eighths that leaves the resizer 1.5 pixels per result pixel.
pub(super) fn eighths(plan: &Plan) -> u8 {
    ((8.0 * 1.5 / plan.ratio()).ceil() as u8).clamp(1, 8)
}

/// Reads the markers up to the first scan.
pub(super) fn header(bytes: &[u8]) -> Result<Header, Error> {
    let mut frame = None;
    for segment in Segments::new(bytes) {
        let segment = segment?;
        match segment.marker {
            0xc0..=0xc2 => frame = Some(frame_header(&segment)?),
            0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => return Err(Error::Unsupported),
            0xda => {
                let (mut header, components) = frame.ok_or(Error::Damaged("scan before frame"))?;
                header.buffered |= segment.body.first().is_none_or(|&scanned| scanned < components);
                return Ok(header);
            }
            _ => {}
        }
    }
    Err(Error::Truncated)
}

fn frame_header(segment: &Segment<'_>) -> Result<(Header, u8), Error> {
    let &[precision, h0, h1, w0, w1, components, ref rest @ ..] = segment.body else { return Err(Error::Truncated) };
    if precision != 8 || !matches!(components, 1 | 3 | 4) {
        return Err(Error::Unsupported);
    }
    let sampling =
        || rest.chunks_exact(3).take(usize::from(components)).map(|c| (u64::from(c[1] >> 4), u64::from(c[1] & 15)));
    let widest = sampling().map(|(h, _)| h).max().unwrap_or(0);
    let highest = sampling().map(|(_, v)| v).max().unwrap_or(0);
    if sampling().count() != usize::from(components)
        || sampling().any(|(h, v)| !(1..=4).contains(&h) || !(1..=4).contains(&v))
    {
        return Err(Error::Damaged("JPEG sampling"));
    }
    let header = Header {
        width: u16::from_be_bytes([w0, w1]),
        height: u16::from_be_bytes([h0, h1]),
        buffered: segment.marker == 0xc2,
        coefficients_per_16_pixels: sampling().map(|(h, v)| (16 * h * v).div_ceil(widest * highest)).sum(),
    };
    Ok((header, components))
}

/// Decodes at the scale that the plan needs.
pub(super) fn decode(bytes: &[u8], plan: &Plan, interrupt: &Interrupt) -> Result<Downscaled, Error> {
    let (icc, bytes) = read_markers(bytes)?;
    let mut decompress = mozjpeg::Decompress::new_mem(bytes).map_err(|_| Error::Damaged("JPEG header"))?;
    let eighths = eighths(plan);
    decompress.scale(eighths);
    let scale = 8.0 / f64::from(eighths);
    let stored = decompress.color_space();
    let is_ink = matches!(stored, mozjpeg::ColorSpace::JCS_CMYK | mozjpeg::ColorSpace::JCS_YCCK);
    let space = if is_ink { mozjpeg::ColorSpace::JCS_CMYK } else { mozjpeg::ColorSpace::JCS_RGB };
    let mut started = decompress.to_colorspace(space).map_err(|_| Error::Damaged("JPEG start"))?;
    let (width, height) = (started.width(), started.height());
    let window = Window::scaled(plan, width as u32, height as u32, scale, 1);
    let mut downscaler = Downscaler::new(window, 3)?.with_interrupt(interrupt);
    let mut row = vec![0u8; width * if is_ink { 4 } else { 3 }];
    let mut ink = is_ink.then(|| (InkToSrgb::new(icc.as_deref()), Vec::new()));
    while !downscaler.is_full() {
        started.read_scanlines_into(&mut row).map_err(|_| Error::Damaged("JPEG rows"))?;
        match &mut ink {
            Some((converter, rgb)) => {
                converter.convert(&row, rgb);
                downscaler.push(rgb)?;
            }
            None => downscaler.push(&row)?,
        }
    }
    let is_grey = matches!(stored, mozjpeg::ColorSpace::JCS_GRAYSCALE);
    let color = icc.filter(|_| !is_ink).map(|profile| ColorSpace::Icc { profile, is_grey });
    downscaler.finish(scale, color)
}

/// The parts of a profile that is too long for one segment, by their numbers (ICC.1 annex B.4).
#[derive(Default)]
struct IccParts<'a> {
    parts: BTreeMap<u8, &'a [u8]>,
    bytes: usize,
}

impl<'a> IccParts<'a> {
    /// Takes a segment's content. A part that is there already, and what makes the profile too long, is ignored.
    fn push(&mut self, segment: &'a [u8]) {
        let Some([number, _, part @ ..]) = segment.strip_prefix(b"ICC_PROFILE\0") else { return };
        if self.bytes + part.len() <= MAX_ICC_BYTES && !self.parts.contains_key(number) {
            self.parts.insert(*number, part);
            self.bytes += part.len();
        }
    }

    /// Returns the profile, if all parts are there.
    fn profile(self) -> Option<Vec<u8>> {
        let is_whole = self.parts.keys().copied().eq(1..=self.parts.len() as u8);
        (is_whole && self.bytes > 0).then(|| self.parts.into_values().flatten().copied().collect())
    }
}

/// Walks all markers to the end of the image, or of the data behind a scan's beginning: then what is there is shown.
/// Returns the colour profile, and the bytes without a segment that is cut off, which libjpeg would take for damage.
fn read_markers(bytes: &[u8]) -> Result<(Option<Vec<u8>>, &[u8]), Error> {
    let (mut icc, mut scans, mut pixels) = (IccParts::default(), 0u32, 0u64);
    let mut segments = Segments::new(bytes);
    while let Some(segment) = segments.next() {
        let segment = match segment {
            Err(Error::Truncated) if scans > 0 => {
                return Ok((icc.profile(), bytes.get(..segments.whole).unwrap_or(bytes)));
            }
            segment => segment?,
        };
        match segment.marker {
            0xc0..=0xc2 => {
                let (header, _) = frame_header(&segment)?;
                pixels = u64::from(header.width) * u64::from(header.height);
            }
            0xda => scans += 1,
            0xe2 => icc.push(segment.body),
            0xd9 => return Ok((icc.profile(), bytes)),
            _ => {}
        }
        if scans > MAX_SCANS || u64::from(scans) * pixels > MAX_SCANNED_PIXELS.max(pixels) {
            return Err(Error::Damaged("too many scans"));
        }
    }
    Err(Error::Truncated)
}

struct Segment<'a> {
    marker: u8,
    body: &'a [u8],
}

/// The markers of a JPEG in order; entropy-coded data is skipped.
struct Segments<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The end of what is not cut off: where the last marker is, or the end of the coded data behind it.
    whole: usize,
    done: bool,
}

impl<'a> Segments<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 2, whole: bytes.len(), done: false }
    }

    fn step(&mut self) -> Option<Segment<'a>> {
        // Returns the next 0xff that is not stuffing (00), fill (ff) or a restart marker (d0–d7).
        loop {
            let rest = self.bytes.get(self.at..)?;
            self.at += rest.iter().position(|&byte| byte == 0xff)? + 1;
            match self.bytes.get(self.at)? {
                0xff => {}
                0x00 | 0x01 | 0xd0..=0xd8 => self.at += 1,
                _ => break,
            }
        }
        let marker = *self.bytes.get(self.at)?;
        self.whole = self.at - 1;
        self.at += 1;
        if marker == 0xd9 {
            return Some(Segment { marker, body: &[] });
        }
        let length = usize::from(u16::from_be_bytes([*self.bytes.get(self.at)?, *self.bytes.get(self.at + 1)?]));
        let body = self.bytes.get(self.at + 2..self.at + length)?;
        self.at += length;
        self.whole = self.bytes.len();
        Some(Segment { marker, body })
    }
}

impl<'a> Iterator for Segments<'a> {
    type Item = Result<Segment<'a>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let step = self.step();
        self.done = step.as_ref().is_none_or(|segment| segment.marker == 0xd9);
        Some(step.ok_or(Error::Truncated))
    }
}
