//! Inspects a whole file, for facts that only its end or its index can tell.
//!
//! Owns reading facts from a finished object on a blocking thread. Invariant: facts found here obey the same limits as
//! facts found while the bytes arrived.

use std::io::{Read, Seek, SeekFrom};

use base::ObjectKey;
use chrono::{DateTime, Utc};
use codec::header::{self, FrameCounter, ScanCounter};
use codec::scrub::{self, ScanIndex};
use codec::sniff::{Format, HEAD_BYTES, Kind, Sniff};
use contract::media::Patch;
use objects::Source;

use super::object_reader::ObjectReader;
use super::probe::unsupported_type;
use crate::Media;
use crate::config::Config;
use crate::error::Error;
use crate::model::limits;

/// The facts that a file states about itself.
#[derive(Debug)]
pub(crate) struct FileInfo {
    pub format: Format,
    pub kind: Kind,
    pub width: Option<u32>,
    pub height: Option<u32>,
    pub duration_ms: Option<u64>,
    pub orientation: u8,
    pub taken_at: Option<DateTime<Utc>>,
    pub camera: Option<String>,
    /// `None` where its metadata cannot be removed safely.
    pub scrub: Option<Vec<Patch>>,
}

/// The facts that the probe found while the bytes arrived.
#[derive(Debug)]
pub(crate) struct ProbeResult {
    pub format: Option<Format>,
    pub frames: Option<u32>,
    pub scan_count: Option<u32>,
    pub scans: ScanIndex,
}

/// Inspects a finished object of `bytes` bytes.
pub(crate) async fn inspect(
    media: &Media,
    key: &ObjectKey,
    bytes: u64,
    probed: ProbeResult,
) -> Result<FileInfo, Error> {
    let _permit = media.inspections.acquire().await.map_err(|_| Error::TaskFailed)?;
    let objects = media.context.objects.clone();
    let source = objects.source(key).await?;
    let (config, key, runtime) = (media.config.clone(), key.clone(), tokio::runtime::Handle::current());
    let work = move || match source {
        Source::File(path) => {
            let mut file = std::fs::File::open(path).map_err(objects::Error::from)?;
            inspect_file(&config, &mut file, bytes, &probed)
        }
        Source::Url(_) => inspect_file(&config, &mut ObjectReader::new(objects, key, bytes, runtime), bytes, &probed),
    };
    tokio::task::spawn_blocking(work).await.map_err(|_| Error::TaskFailed)?
}

fn inspect_file<R: Read + Seek>(
    config: &Config,
    reader: &mut R,
    bytes: u64,
    probed: &ProbeResult,
) -> Result<FileInfo, Error> {
    let format = match probed.format {
        Some(format) => format,
        None => sniff_format(reader)?,
    };
    limits::check_size(config, format.kind(), bytes)?;
    let mut info = FileInfo {
        format,
        kind: format.kind(),
        width: None,
        height: None,
        duration_ms: None,
        orientation: 1,
        taken_at: None,
        camera: None,
        scrub: None,
    };
    if limits::is_image(format) {
        let image = header::image_in(format, reader, bytes).map_err(broken_file)?;
        limits::check_dimensions(config, image.width, image.height)?;
        limits::check_decode_cost(config, &image)?;
        if format == Format::Jpeg {
            limits::check_scans(probed.scan_count.map_or_else(|| count_scans(reader), Ok)?)?;
        }
        let pixels = u64::from(image.width) * u64::from(image.height);
        let counted = match probed.frames {
            Some(counted) => counted,
            None => count_frames(format, reader)?,
        };
        let frames = counted.max(image.frames.unwrap_or(0));
        limits::check_frames(config, frames, pixels)?;
        (info.width, info.height, info.orientation) = (Some(image.width), Some(image.height), image.orientation);
    } else if matches!(format, Format::Mp4 | Format::Mov | Format::M4a) {
        let movie = header::movie(reader, bytes).map_err(broken_file)?;
        info.kind = if movie.video.is_some() { Kind::Video } else { Kind::Audio };
        limits::check_size(config, info.kind, bytes)?;
        limits::check_recording(config, &movie.claims)?;
        info.duration_ms = movie.duration_ms;
        (info.width, info.height) = (movie.video.map(|video| video.width), movie.video.map(|video| video.height));
    } else {
        let claims = header::claims(format, reader, bytes).map_err(broken_file)?;
        // A voice message of a browser is `audio/webm`.
        if matches!(format, Format::Webm | Format::Mkv) && claims.frame.is_none() && claims.rates.is_some() {
            info.kind = Kind::Audio;
            limits::check_size(config, info.kind, bytes)?;
        }
        limits::check_recording(config, &claims)?;
    }
    let facts = codec::exif::read(format, reader, bytes).map_err(objects::Error::from)?;
    info.taken_at = facts.taken_at.map(codec::exif::TakenAt::utc);
    info.camera = facts.camera;
    info.scrub = scrub_overlays(format, reader, bytes, &probed.scans)?;
    Ok(info)
}

fn sniff_format<R: Read + Seek>(reader: &mut R) -> Result<Format, Error> {
    let mut head = Vec::new();
    reader.seek(SeekFrom::Start(0)).map_err(objects::Error::from)?;
    reader.by_ref().take(HEAD_BYTES as u64).read_to_end(&mut head).map_err(objects::Error::from)?;
    match codec::sniff::sniff(&head, true) {
        Sniff::Known(format) => Ok(format),
        Sniff::NeedMore | Sniff::Unknown => Err(unsupported_type(&head)),
    }
}

fn count_frames<R: Read + Seek>(format: Format, reader: &mut R) -> Result<u32, Error> {
    let mut frames = FrameCounter::new(format);
    read_through(reader, |chunk| frames.push(chunk))?;
    Ok(frames.frames())
}

fn count_scans<R: Read + Seek>(reader: &mut R) -> Result<u32, Error> {
    let mut scans = ScanCounter::default();
    read_through(reader, |chunk| scans.push(chunk))?;
    Ok(scans.scans())
}

fn read_through<R: Read + Seek>(reader: &mut R, mut take: impl FnMut(&[u8])) -> Result<(), Error> {
    let mut chunk = vec![0; 64 * 1024];
    reader.seek(SeekFrom::Start(0)).map_err(objects::Error::from)?;
    loop {
        match reader.read(&mut chunk).map_err(objects::Error::from)? {
            0 => return Ok(()),
            bytes => take(chunk.get(..bytes).unwrap_or_default()),
        }
    }
}

fn broken_file(error: header::Error) -> Error {
    match error {
        header::Error::Io(error) => objects::Error::from(error).into(),
        header::Error::NoMoov => {
            Error::BrokenFile("its index (moov) is missing, so the recording was not finished".to_owned())
        }
        header::Error::Truncated => Error::BrokenFile("it is cut off".to_owned()),
        header::Error::Invalid(what) => Error::BrokenFile(what.to_owned()),
    }
}

/// Returns the overlays that hide the metadata of the file. Where its structure is not understood there are none, and
/// only its owner gets the file.
fn scrub_overlays<R: Read + Seek>(
    format: Format,
    reader: &mut R,
    bytes: u64,
    scans: &ScanIndex,
) -> Result<Option<Vec<Patch>>, Error> {
    match scrub::scrub_with_scans(format, reader, bytes, scans) {
        Ok(patches) => Ok(Some(
            patches.iter().map(|patch| Patch { offset: patch.offset, bytes: patch.bytes, hex: patch.hex() }).collect(),
        )),
        Err(scrub::Error::Io(error)) if error.kind() != std::io::ErrorKind::UnexpectedEof => {
            Err(objects::Error::from(error).into())
        }
        Err(why) => {
            tracing::info!(%format, %why, "a file can only be served to its owner");
            Ok(None)
        }
    }
}
