//! Photos: their thumbhash and perceptual hashes, an upright copy where `delivery` cannot decode the original (a JPEG,
//! or a WebP of what is transparent), and the motion of an animated one.
//!
//! Invariant: a HEIC or AVIF file is decoded in a child process of its own, so a bad one ends that process and nothing
//! else.

use bytes::Bytes;
use codec::header::{HeifShown, heif_shown};
use codec::pixels::{self, Encoding, Fit, Frame, Limits, THUMBHASH_FRAME};
use codec::sniff::Format;
use contract::transcode::Asset;

use super::motion::motion;
use super::pictures::{self, PICTURE_FRAME};
use super::task_context::TaskContext;
use crate::commands::{self, FinishOutputs};
use crate::error::Error;
use crate::ffmpeg::image;
use crate::ffmpeg::memory_estimate::MemoryEstimate;
use crate::model::{Estimate, RejectReason};

/// The largest photo that is read into memory, in bytes: well above what `media` accepts.
const MAX_BYTES: u64 = 256 << 20;
/// The length of a photo's sides that is assumed where its header does not declare it, in pixels.
const ASSUMED_SIDE: u32 = 8192;
/// The longest side of the upright copy: the largest size that is delivered.
const BASE_FRAME: Frame = Frame { width: 4096, height: 4096, fit: Fit::Contain };

pub(super) async fn photo(task: &TaskContext) -> Result<(), Error> {
    let format = task.format()?;
    let original = task.worker.context.objects.get(&task.job.received.object, MAX_BYTES).await?;
    let (bytes, orientation, mut assets) = if matches!(format, Format::Heic | Format::Avif) {
        let (base, content_type) = decode_heif(task, &original, format).await?;
        let stored = task.store_bytes(base.clone()).await?;
        (
            base,
            1,
            vec![Asset {
                name: "base".into(),
                content_type: content_type.into(),
                object: stored.key,
                bytes: stored.bytes,
            }],
        )
    } else {
        (original.clone(), task.job.received.orientation, vec![])
    };
    let (decoded, thumbhash, hashes) = task
        .on_pixels(move || {
            let info = pixels::probe(&bytes)?;
            let picture = pixels::render(&bytes, orientation, PICTURE_FRAME, Limits::default())?;
            let small = picture.fit_into(THUMBHASH_FRAME)?;
            let swaps = (5..=8).contains(&orientation);
            let size = if swaps { (info.height, info.width) } else { (info.width, info.height) };
            Ok((size, small.thumbhash().map(hex::encode), pictures::of_image(&picture)))
        })
        .await?;
    // A scaled-down base says nothing about the original's size, which `media` has read from its header.
    let received = &task.job.received;
    let size = (received.width.unwrap_or(decoded.0), received.height.unwrap_or(decoded.1));
    assets.extend(motion(task, &original, format, size).await?);
    let last = FinishOutputs { assets, thumbhash, pictures: hashes.into_iter().collect(), size: Some(size) };
    commands::finish(&task.worker, &task.job.media, last).await?;
    task.clear_leases();
    Ok(())
}

/// Decodes a HEIC or AVIF photo in a child process, then encodes it again: the result contains pixels only.
async fn decode_heif(task: &TaskContext, original: &Bytes, format: Format) -> Result<(Bytes, &'static str), Error> {
    let name = format!("photo.{}", format.extension());
    // What the converter cannot be told, it is not told: `media` has read the same boxes.
    let shown = heif_shown(&mut std::io::Cursor::new(original), original.len() as u64).unwrap_or_default();
    let code_points = shown.code_points.and_then(other_than_srgb);
    // JPEG has neither transparency nor code points; PNG takes a second longer.
    let extension = if shown.has_alpha || code_points.is_some() { "png" } else { "jpg" };
    let mut copy = original.to_vec();
    if let Some(brand) = copy.get_mut(8..12).filter(|brand| *brand == b"avis") {
        // The still image in a sequence, which a converter of stills opens under this name only.
        brand.copy_from_slice(b"avif");
    }
    tokio::fs::write(task.folder().join(&name), copy).await.map_err(Error::Scratch)?;
    let received = &task.job.received;
    let mut limits = task.limits(
        0,
        MemoryEstimate::photo(received.width.unwrap_or(ASSUMED_SIDE), received.height.unwrap_or(ASSUMED_SIDE)),
    );
    // It prints nothing, so the stall timeout limits its whole run time (without the time it waited before).
    limits.stall_timeout =
        limits.stall_timeout.min(task.worker.config.photo_timeout(Estimate::of(task.name, 0, received, None).cost));
    task.run_without_progress(&image::heif(&task.tools, task.folder(), limits, &name, extension)).await.map_err(
        |failure| {
            match Error::from(failure) {
                // Whatever its message: it could not read this photo.
                Error::Process(crate::ffmpeg::ProcessError::Exited { status, .. }) if status.code().is_some() => {
                    Error::Rejected(RejectReason::BadPhoto)
                }
                Error::Rejected(RejectReason::TimedOut) => Error::Rejected(RejectReason::PhotoTimedOut),
                starved @ Error::Rejected(RejectReason::TooMuchMemory(_)) => starved,
                Error::Rejected(_) => Error::Rejected(RejectReason::BadPhoto),
                other => other,
            }
        },
    )?;
    let decoded = read_decoded(task, &shown, extension).await?.ok_or(RejectReason::BadPhoto)?;
    let decoded = match code_points {
        Some(points) => pixels::with_code_points(&decoded, points),
        None => decoded,
    };
    task.on_pixels(move || {
        let picture = pixels::render(&decoded, 1, BASE_FRAME, Limits::default())?;
        let (encoding, content_type) =
            if picture.has_alpha() { (Encoding::Webp, "image/webp") } else { (Encoding::Jpeg, "image/jpeg") };
        Ok((picture.encode(encoding)?.into(), content_type))
    })
    .await
}

/// Reads the decoded image: the one that is shown, where the file has several. `None` if the converter wrote none.
async fn read_decoded(task: &TaskContext, shown: &HeifShown, extension: &str) -> Result<Option<Vec<u8>>, Error> {
    let numbered = |number: usize| format!("base-{number}.{extension}");
    let names = [format!("base.{extension}"), numbered(shown.number.unwrap_or(1)), numbered(1)];
    for name in names {
        match tokio::fs::read(task.folder().join(name)).await {
            Ok(bytes) => return Ok(Some(bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            // A full or broken disk says nothing about the photo.
            Err(error) => return Err(Error::Scratch(error)),
        }
    }
    Ok(None)
}

/// Returns the primaries and the transfer characteristics (ITU-T H.273) that are meant, if they are not those of sRGB.
/// As in browsers, 2 ("unspecified") means those of sRGB, and so do the curves of television, which cameras declare.
fn other_than_srgb((primaries, transfer): (u8, u8)) -> Option<(u8, u8)> {
    let primaries = if primaries == 2 { 1 } else { primaries };
    let transfer = if matches!(transfer, 1 | 2 | 6 | 14 | 15) { 13 } else { transfer };
    Some((primaries, transfer)).filter(|points| *points != (1, 13))
}
