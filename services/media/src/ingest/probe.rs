//! Probes bytes while they arrive: the format of a file, the size of its image, the number of its frames.
//!
//! Invariant: the header of a file is buffered only until its dimensions are known, and all headers of known format
//! together take no more than [`HeaderBudget`] allows. Beyond that, an image is measured after its last byte.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use codec::header::{FrameCounter, Header, ScanCounter};
use codec::scrub::ScanIndex;
use codec::sniff::{Format, Kind, Sniff};

use crate::config::Config;
use crate::error::Error;
use crate::model::limits;

/// The memory that the buffered headers of all files share.
#[derive(Debug, Clone)]
pub(crate) struct HeaderBudget {
    used_bytes: Arc<AtomicUsize>,
    max_bytes: usize,
}

impl HeaderBudget {
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self { used_bytes: Arc::default(), max_bytes }
    }
}

/// The buffered header of one file, which counts towards the budget.
#[derive(Debug)]
struct BufferedHeader {
    bytes: Vec<u8>,
    budget: HeaderBudget,
}

impl BufferedHeader {
    fn push(&mut self, chunk: &[u8]) {
        self.budget.used_bytes.fetch_add(chunk.len(), Ordering::Relaxed);
        self.bytes.extend_from_slice(chunk);
    }

    /// Returns whether all buffered headers together fit the budget, `more` bytes of this one included.
    fn fits(&self, more: usize) -> bool {
        self.budget.used_bytes.load(Ordering::Relaxed) + more <= self.budget.max_bytes
    }
}

impl Drop for BufferedHeader {
    fn drop(&mut self) {
        self.budget.used_bytes.fetch_sub(self.bytes.len(), Ordering::Relaxed);
    }
}

/// The progress of a probe.
#[derive(Debug)]
enum ProbeState {
    /// The format is not known yet.
    Sniffing(BufferedHeader),
    /// An image whose size is not known yet.
    Measuring(BufferedHeader, Format),
    /// The header has nothing more to tell.
    Known(Format),
    /// An earlier request has probed the header, without a result.
    Deferred,
}

/// Probes one file.
pub(crate) struct Probe {
    state: ProbeState,
    frames: Option<FrameCounter>,
    /// The scans of a JPEG all of whose bytes pass through this probe.
    scans: Option<ScanIndex>,
    /// Counts the scans of a JPEG all of whose bytes pass through this probe.
    scan_counter: Option<ScanCounter>,
    /// Pixels of one frame, once known.
    frame_pixels: u64,
    /// Size of the header when it was last measured without a result.
    measured_bytes: usize,
}

impl Probe {
    pub(crate) fn new(budget: &HeaderBudget) -> Self {
        Self {
            state: ProbeState::Sniffing(BufferedHeader { bytes: Vec::new(), budget: budget.clone() }),
            frames: None,
            scans: None,
            scan_counter: None,
            frame_pixels: 0,
            measured_bytes: 0,
        }
    }

    /// Returns the probe of a file whose header arrived with an earlier request and is not probed again. The inspection
    /// of the whole file finds what was not known then.
    pub(crate) fn deferred(format: Option<Format>) -> Self {
        Self {
            state: format.map_or(ProbeState::Deferred, ProbeState::Known),
            frames: None,
            scans: None,
            scan_counter: None,
            frame_pixels: 0,
            measured_bytes: 0,
        }
    }

    /// Returns the format, once known.
    pub(crate) fn format(&self) -> Option<Format> {
        match &self.state {
            ProbeState::Measuring(_, format) | ProbeState::Known(format) => Some(*format),
            ProbeState::Sniffing(_) | ProbeState::Deferred => None,
        }
    }

    /// Returns the number of frames, where all bytes passed through this probe.
    pub(crate) fn frames(&self) -> Option<u32> {
        self.frames.as_ref().map(FrameCounter::frames)
    }

    /// Returns the number of scans of a JPEG, where all bytes passed through this probe.
    pub(crate) fn scan_count(&self) -> Option<u32> {
        self.scan_counter.as_ref().map(ScanCounter::scans)
    }

    /// Returns the scans of a JPEG all of whose bytes passed through this probe, so that they need not be read again.
    pub(crate) fn into_scans(self) -> ScanIndex {
        self.scans.unwrap_or_default()
    }

    /// Probes the next bytes of a file that will have at least `size` bytes.
    pub(crate) fn push(&mut self, config: &Config, chunk: &[u8], size: u64) -> Result<(), Error> {
        match &mut self.state {
            ProbeState::Sniffing(header) => {
                header.push(chunk);
                self.sniff(config, false)?;
            }
            ProbeState::Measuring(header, format) => {
                if header.fits(chunk.len()) {
                    header.push(chunk);
                    self.measure(config, false)?;
                } else {
                    self.state = ProbeState::Known(*format);
                }
                self.count_frames_and_scans(config, chunk)?;
            }
            ProbeState::Known(_) => self.count_frames_and_scans(config, chunk)?,
            ProbeState::Deferred => {}
        }
        match self.format() {
            Some(format) => limits::check_size(config, format.kind(), size),
            None => limits::check_any_size(config, size),
        }
    }

    /// Decides what is undecided, as no more bytes follow. Returns `None` where only the whole file can tell.
    pub(crate) fn finish(&mut self, config: &Config) -> Result<Option<Format>, Error> {
        if matches!(self.state, ProbeState::Sniffing(_)) {
            self.sniff(config, true)?;
        }
        if matches!(self.state, ProbeState::Measuring(..)) {
            self.measure(config, true)?;
        }
        Ok(self.format())
    }

    fn sniff(&mut self, config: &Config, end: bool) -> Result<(), Error> {
        let ProbeState::Sniffing(header) = &mut self.state else { return Ok(()) };
        match codec::sniff::sniff(&header.bytes, end) {
            Sniff::NeedMore => Ok(()),
            Sniff::Unknown => Err(unsupported_type(&header.bytes)),
            Sniff::Known(format) => {
                let header = BufferedHeader { bytes: std::mem::take(&mut header.bytes), budget: header.budget.clone() };
                let mut frames = FrameCounter::new(format);
                frames.push(&header.bytes);
                self.frames = Some(frames);
                if format == Format::Jpeg {
                    let mut scans = ScanIndex::default();
                    scans.push(&header.bytes);
                    self.scans = Some(scans);
                    let mut counter = ScanCounter::default();
                    counter.push(&header.bytes);
                    self.scan_counter = Some(counter);
                }
                self.count_frames_and_scans(config, &[])?;
                if format.kind() == Kind::Audio {
                    // A WAVE file states its sample rate at once. The inspection of the whole file finds what stands
                    // further behind.
                    limits::check_audio(&codec::header::claims_so_far(format, &header.bytes))?;
                }
                if limits::is_image(format) {
                    self.state = ProbeState::Measuring(header, format);
                    self.measure(config, end)
                } else {
                    self.state = ProbeState::Known(format);
                    Ok(())
                }
            }
        }
    }

    fn measure(&mut self, config: &Config, end: bool) -> Result<(), Error> {
        let ProbeState::Measuring(header, format) = &self.state else { return Ok(()) };
        // A header is parsed from its start each time, so the next attempt waits until there is a good deal more of it.
        if !end && header.bytes.len() < self.measured_bytes + self.measured_bytes / 4 {
            return Ok(());
        }
        match codec::header::image(*format, &header.bytes, end) {
            Header::NeedMore => {
                self.measured_bytes = header.bytes.len();
                if !header.fits(0) {
                    self.state = ProbeState::Known(*format);
                }
                Ok(())
            }
            Header::InWholeFile => {
                self.state = ProbeState::Known(*format);
                Ok(())
            }
            Header::Invalid(why) => Err(Error::BrokenFile(why.to_owned())),
            Header::Known(image) => {
                limits::check_dimensions(config, image.width, image.height)?;
                self.frame_pixels = u64::from(image.width) * u64::from(image.height);
                limits::check_frames(config, image.frames.unwrap_or(0), self.frame_pixels)?;
                self.state = ProbeState::Known(*format);
                Ok(())
            }
        }
    }

    fn count_frames_and_scans(&mut self, config: &Config, chunk: &[u8]) -> Result<(), Error> {
        if let Some(scans) = &mut self.scans {
            scans.push(chunk);
        }
        if let Some(counter) = &mut self.scan_counter {
            counter.push(chunk);
            limits::check_scans(counter.scans())?;
        }
        let Some(frames) = &mut self.frames else { return Ok(()) };
        frames.push(chunk);
        limits::check_frames(config, frames.frames(), self.frame_pixels)
    }
}

/// Returns the refusal of a file, with what its header looks like.
pub(crate) fn unsupported_type(header: &[u8]) -> Error {
    Error::UnsupportedType(
        codec::sniff::describe_unsupported(header)
            .unwrap_or("neither a photo, an audio file nor a video that is supported"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probe() -> (Probe, Config, HeaderBudget) {
        let budget = HeaderBudget::new(1 << 20);
        (Probe::new(&budget), Config::default(), budget)
    }

    #[test]
    fn a_web_page_is_refused_within_the_first_kilobytes() {
        let (mut probe, config, budget) = probe();
        let page = b"<!doctype html><p>hello</p>".repeat(200);
        let refused = page.chunks(512).map(|chunk| probe.push(&config, chunk, 0)).find(Result::is_err);
        assert!(matches!(refused, Some(Err(Error::UnsupportedType("a web page")))));
        drop(probe);
        assert_eq!(budget.used_bytes.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn without_budget_an_image_is_measured_later_and_nothing_is_buffered() {
        let budget = HeaderBudget::new(4096);
        let mut probe = Probe::new(&budget);
        let config = Config::default();
        // A JPEG whose size follows a comment of 60 KB.
        let mut jpeg = b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0\xff\xfe\xea\x60".to_vec();
        jpeg.resize(3000, b' ');
        probe.push(&config, &jpeg, 100_000).unwrap();
        assert_eq!(budget.used_bytes.load(Ordering::Relaxed), 3000);
        probe.push(&config, &[b' '; 3000], 100_000).unwrap();
        assert_eq!(budget.used_bytes.load(Ordering::Relaxed), 0);
        assert_eq!(probe.format(), Some(Format::Jpeg));
    }

    #[test]
    fn a_gif_that_announces_too_many_pixels_is_refused_by_its_header() {
        let (mut probe, config, _) = probe();
        let mut gif = b"GIF89a\xff\xff\xff\xff\x00\x00\x00".to_vec();
        gif.resize(2048, 0x21);
        assert!(matches!(probe.push(&config, &gif, 2048), Err(Error::TooManyPixels(65_535, 65_535, ..))));
    }

    #[test]
    fn a_size_is_refused_as_soon_as_the_kind_is_known() {
        let (mut probe, config, _) = probe();
        let mut gif = b"GIF89a\x01\x00\x01\x00\x00\x00\x00".to_vec();
        gif.resize(2048, 0x21);
        assert!(matches!(probe.push(&config, &gif, 26 << 20), Err(Error::TooLarge { what: "a photo", .. })));
    }
}
