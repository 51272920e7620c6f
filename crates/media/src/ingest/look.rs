//! Looking at bytes while they arrive: what it is, how large its picture is, how many frames it has.
//!
//! Invariant: the beginning of a file is kept only until its dimensions are known, and all beginnings of known type together take
//! no more than [`HeadMemory`] allows; beyond that, a file is measured when it is whole.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use codec::header::{FrameCounter, Header, ScanCounter};
use codec::scrub::Scans;
use codec::sniff::{Format, Kind, Sniff};

use crate::config::Config;
use crate::error::Error;
use crate::model::limits;

/// What all files' beginnings together may take.
#[derive(Debug, Clone)]
pub(crate) struct HeadMemory {
    used: Arc<AtomicUsize>,
    most: usize,
}

impl HeadMemory {
    pub(crate) fn new(most: usize) -> Self {
        Self { used: Arc::default(), most }
    }
}

/// The beginning of one file.
#[derive(Debug)]
struct Head {
    bytes: Vec<u8>,
    memory: HeadMemory,
}

impl Head {
    fn push(&mut self, chunk: &[u8]) {
        self.memory.used.fetch_add(chunk.len(), Ordering::Relaxed);
        self.bytes.extend_from_slice(chunk);
    }

    /// Whether all beginnings together have their room, `more` bytes of this one included.
    fn has_room(&self, more: usize) -> bool {
        self.memory.used.load(Ordering::Relaxed) + more <= self.memory.most
    }
}

impl Drop for Head {
    fn drop(&mut self) {
        self.memory.used.fetch_sub(self.bytes.len(), Ordering::Relaxed);
    }
}

/// How far the look is.
#[derive(Debug)]
enum Stage {
    /// It isn't known what it is.
    Sniffing(Head),
    /// It is a picture of unknown size.
    Measuring(Head, Format),
    /// Nothing more to learn from its beginning.
    Known(Format),
    /// An earlier request has looked at the beginning, which said nothing yet.
    Later,
}

/// Looks at one file.
pub(crate) struct Look {
    stage: Stage,
    frames: Option<FrameCounter>,
    /// Of a JPEG all of whose bytes pass by here.
    scans: Option<Scans>,
    /// Counts a JPEG's scans, where all bytes pass by here.
    scan_counter: Option<ScanCounter>,
    /// Pixels of one frame, once known.
    pixels: u64,
    /// How large the head was when it was last measured without result.
    measured: usize,
}

impl Look {
    pub(crate) fn new(memory: &HeadMemory) -> Self {
        Self { stage: Stage::Sniffing(Head { bytes: Vec::new(), memory: memory.clone() }), frames: None, scans: None, scan_counter: None, pixels: 0, measured: 0 }
    }

    /// Of a file whose beginning came with an earlier request and is not looked at again; what was not known then is found when it is whole.
    pub(crate) fn later(format: Option<Format>) -> Self {
        Self { stage: format.map_or(Stage::Later, Stage::Known), frames: None, scans: None, scan_counter: None, pixels: 0, measured: 0 }
    }

    /// What it is, once known.
    pub(crate) fn format(&self) -> Option<Format> {
        match &self.stage {
            Stage::Measuring(_, format) | Stage::Known(format) => Some(*format),
            Stage::Sniffing(_) | Stage::Later => None,
        }
    }

    /// How many frames there are, where all bytes passed by here.
    pub(crate) fn frames(&self) -> Option<u32> {
        self.frames.as_ref().map(FrameCounter::frames)
    }

    /// How many scans a JPEG has, where all bytes passed by here.
    pub(crate) fn scan_count(&self) -> Option<u32> {
        self.scan_counter.as_ref().map(ScanCounter::scans)
    }

    /// What need not be read again of a file all of whose bytes passed by here.
    pub(crate) fn into_scans(self) -> Scans {
        self.scans.unwrap_or_default()
    }

    /// Looks at the next bytes of a file that will have (at least) `size` bytes.
    pub(crate) fn push(&mut self, config: &Config, chunk: &[u8], size: u64) -> Result<(), Error> {
        match &mut self.stage {
            Stage::Sniffing(head) => {
                head.push(chunk);
                self.sniff(config, false)?;
            }
            Stage::Measuring(head, format) => {
                if head.has_room(chunk.len()) {
                    head.push(chunk);
                    self.measure(config, false)?;
                } else {
                    self.stage = Stage::Known(*format);
                }
                self.count(config, chunk)?;
            }
            Stage::Known(_) => self.count(config, chunk)?,
            Stage::Later => {}
        }
        match self.format() {
            Some(format) => limits::size(config, format.kind(), size),
            None => limits::any_size(config, size),
        }
    }

    /// No more will come: whatever is undecided is decided now. `None` where only the whole file can tell.
    pub(crate) fn end(&mut self, config: &Config) -> Result<Option<Format>, Error> {
        if matches!(self.stage, Stage::Sniffing(_)) {
            self.sniff(config, true)?;
        }
        if matches!(self.stage, Stage::Measuring(..)) {
            self.measure(config, true)?;
        }
        Ok(self.format())
    }

    fn sniff(&mut self, config: &Config, end: bool) -> Result<(), Error> {
        let Stage::Sniffing(head) = &mut self.stage else { return Ok(()) };
        match codec::sniff::sniff(&head.bytes, end) {
            Sniff::NeedMore => Ok(()),
            Sniff::Unknown => Err(unsupported(&head.bytes)),
            Sniff::Known(format) => {
                let head = Head { bytes: std::mem::take(&mut head.bytes), memory: head.memory.clone() };
                let mut frames = FrameCounter::new(format);
                frames.push(&head.bytes);
                self.frames = Some(frames);
                if format == Format::Jpeg {
                    let mut scans = Scans::default();
                    scans.push(&head.bytes);
                    self.scans = Some(scans);
                    let mut counter = ScanCounter::default();
                    counter.push(&head.bytes);
                    self.scan_counter = Some(counter);
                }
                self.count(config, &[])?;
                if format.kind() == Kind::Audio {
                    // A wave says its rate at once; what stands further behind is found when the file is whole.
                    limits::sound(&codec::header::claims_so_far(format, &head.bytes))?;
                }
                if limits::is_picture(format) {
                    self.stage = Stage::Measuring(head, format);
                    self.measure(config, end)
                } else {
                    self.stage = Stage::Known(format);
                    Ok(())
                }
            }
        }
    }

    fn measure(&mut self, config: &Config, end: bool) -> Result<(), Error> {
        let Stage::Measuring(head, format) = &self.stage else { return Ok(()) };
        // A header that needs more is read anew from its start: wait until there is a good deal more.
        if !end && head.bytes.len() < self.measured + self.measured / 4 {
            return Ok(());
        }
        match codec::header::picture(*format, &head.bytes, end) {
            Header::NeedMore => {
                self.measured = head.bytes.len();
                if !head.has_room(0) {
                    self.stage = Stage::Known(*format);
                }
                Ok(())
            }
            Header::Bad(why) => Err(Error::Broken(why.to_owned())),
            Header::Known(picture) => {
                limits::picture(config, picture.width, picture.height)?;
                self.pixels = u64::from(picture.width) * u64::from(picture.height);
                limits::frames(config, picture.frames.unwrap_or(0), self.pixels)?;
                self.stage = Stage::Known(*format);
                Ok(())
            }
        }
    }

    fn count(&mut self, config: &Config, chunk: &[u8]) -> Result<(), Error> {
        if let Some(scans) = &mut self.scans {
            scans.push(chunk);
        }
        if let Some(counter) = &mut self.scan_counter {
            counter.push(chunk);
            limits::scans(counter.scans())?;
        }
        let Some(frames) = &mut self.frames else { return Ok(()) };
        frames.push(chunk);
        limits::frames(config, frames.frames(), self.pixels)
    }
}

/// The refusal of a file by what it looks like.
pub(crate) fn unsupported(head: &[u8]) -> Error {
    Error::UnsupportedType(codec::sniff::looks_like(head).unwrap_or("no photo, sound or video that is known here"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look() -> (Look, Config, HeadMemory) {
        let memory = HeadMemory::new(1 << 20);
        (Look::new(&memory), Config::default(), memory)
    }

    #[test]
    fn a_web_page_is_refused_within_the_first_kilobytes() {
        let (mut look, config, memory) = look();
        let page = b"<!doctype html><p>hello</p>".repeat(200);
        let refused = page.chunks(512).map(|chunk| look.push(&config, chunk, 0)).find(Result::is_err);
        assert!(matches!(refused, Some(Err(Error::UnsupportedType("a web page")))));
        drop(look);
        assert_eq!(memory.used.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn without_room_a_picture_is_measured_later_and_nothing_is_kept() {
        let memory = HeadMemory::new(4096);
        let mut look = Look::new(&memory);
        let config = Config::default();
        // A JPEG whose size stands behind a comment of 60 KB.
        let mut jpeg = b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0\xff\xfe\xea\x60".to_vec();
        jpeg.resize(3000, b' ');
        look.push(&config, &jpeg, 100_000).unwrap();
        assert_eq!(memory.used.load(Ordering::Relaxed), 3000);
        look.push(&config, &[b' '; 3000], 100_000).unwrap();
        assert_eq!(memory.used.load(Ordering::Relaxed), 0);
        assert_eq!(look.format(), Some(Format::Jpeg));
    }

    #[test]
    fn a_gif_that_announces_too_many_pixels_is_refused_by_its_header() {
        let (mut look, config, _) = look();
        let mut gif = b"GIF89a\xff\xff\xff\xff\x00\x00\x00".to_vec();
        gif.resize(2048, 0x21);
        assert!(matches!(look.push(&config, &gif, 2048), Err(Error::TooManyPixels(65_535, 65_535, ..))));
    }

    #[test]
    fn a_size_is_refused_as_soon_as_the_kind_is_known() {
        let (mut look, config, _) = look();
        let mut gif = b"GIF89a\x01\x00\x01\x00\x00\x00\x00".to_vec();
        gif.resize(2048, 0x21);
        assert!(matches!(look.push(&config, &gif, 26 << 20), Err(Error::TooLarge { what: "a photo", .. })));
    }
}
