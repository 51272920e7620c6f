//! Photos: their thumbhash, and an upright JPEG where `delivery` cannot decode the original.
//!
//! Invariant: a HEIC or AVIF file is decoded in a child process of its own, so a bad one ends that process and nothing
//! else.

use bytes::Bytes;
use codec::pixels::{self, Encoding, Fit, Frame, Limits, THUMBHASH_FRAME};
use codec::sniff::Format;
use contract::transcode::Asset;

use super::TaskContext;
use crate::error::Error;
use crate::ffmpeg::image;
use crate::ffmpeg::memory_estimate::MemoryEstimate;
use crate::model::{Estimate, RejectReason};
use crate::transitions::{self, FinishOutputs};

/// The largest photo that is read into memory, in bytes: well above what `media` accepts.
const MAX_BYTES: u64 = 256 << 20;
/// The length of a photo's sides that is assumed where its header does not declare it, in pixels.
const ASSUMED_SIDE: u32 = 8192;
/// The longest side of the upright JPEG: the largest size that is delivered.
const BASE_FRAME: Frame = Frame { width: 4096, height: 4096, fit: Fit::Contain };

pub(super) async fn photo(task: &TaskContext) -> Result<(), Error> {
    let format = task.format()?;
    let original = task.worker.context.objects.get(&task.job.received.object, MAX_BYTES).await?;
    let (bytes, orientation, assets) = if matches!(format, Format::Heic | Format::Avif) {
        let base = decode_heif(task, &original, format).await?;
        let stored = task.store_bytes(base.clone()).await?;
        (
            base,
            1,
            vec![Asset {
                name: "base".into(),
                content_type: "image/jpeg".into(),
                object: stored.key,
                bytes: stored.bytes,
            }],
        )
    } else {
        (original, task.job.received.orientation, vec![])
    };
    let (size, thumbhash) = blocking(task, move || {
        let info = pixels::probe(&bytes)?;
        let small = pixels::render(&bytes, orientation, THUMBHASH_FRAME, Limits::default())?;
        let size = if (5..=8).contains(&orientation) { (info.height, info.width) } else { (info.width, info.height) };
        Ok((size, small.thumbhash().map(hex::encode)))
    })
    .await?;
    // A scaled-down base says nothing about the original's size, which `media` has read from its header.
    let (received, decoded) = (&task.job.received, size);
    let size = Some((received.width.unwrap_or(decoded.0), received.height.unwrap_or(decoded.1)));
    let (media, now) = (task.job.media.clone(), task.worker.context.clock.now());
    let last = FinishOutputs { assets, thumbhash, size };
    let dropped = task
        .worker
        .context
        .db
        .write(move |tx| Box::pin(async move { transitions::finish(tx, &media, &last, now).await }))
        .await?;
    task.clear_leases();
    task.worker.discard(&dropped).await;
    Ok(())
}

/// Decodes a HEIC or AVIF photo in a child process, then encodes it again: the result contains pixels only.
async fn decode_heif(task: &TaskContext, original: &Bytes, format: Format) -> Result<Bytes, Error> {
    let name = format!("photo.{}", format.extension());
    tokio::fs::write(task.folder().join(&name), original).await.map_err(Error::Scratch)?;
    let received = &task.job.received;
    let mut limits = task.limits(
        0,
        MemoryEstimate::photo(received.width.unwrap_or(ASSUMED_SIDE), received.height.unwrap_or(ASSUMED_SIDE)),
    );
    // It prints nothing, so the stall timeout limits its whole run time (without the time it waited before).
    limits.stall_timeout =
        limits.stall_timeout.min(task.worker.config.photo_timeout(Estimate::of(task.name, 0, received, None).cost));
    task.run_without_progress(&image::heif(&task.tools, task.folder(), limits, &name)).await.map_err(|failure| {
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
    })?;
    // A file of several images produces `base-1.jpg` and so on.
    let decoded = match tokio::fs::read(task.folder().join("base.jpg")).await {
        Err(_) => tokio::fs::read(task.folder().join("base-1.jpg")).await,
        whole => whole,
    };
    let decoded = decoded.map_err(|_| RejectReason::BadPhoto)?;
    blocking(task, move || {
        Ok(pixels::render(&decoded, 1, BASE_FRAME, Limits::default())?.encode(Encoding::Jpeg)?.into())
    })
    .await
}

/// Processes pixels on a thread of its own, at the task's nice level; its errors are the file's fault.
async fn blocking<T: Send + 'static>(
    task: &TaskContext,
    work: impl FnOnce() -> Result<T, pixels::Error> + Send + 'static,
) -> Result<T, Error> {
    let permit = task.permit.clone();
    let work = move || {
        let done = work();
        drop(permit);
        done
    };
    let done = kit::tasks::on_thread(task.nice, work)
        .await
        .ok_or_else(|| Error::Scratch(std::io::Error::other("the thread that works on pixels ended early")))?;
    done.map_err(|error| RejectReason::Photo(error.to_string()).into())
}
