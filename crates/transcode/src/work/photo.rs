//! Photos: their placeholder, and an upright JPEG where `delivery` can't decode the original.
//!
//! Invariant: a HEIC or AVIF file is decoded in a child of its own, so a bad one ends that child and nothing else.

use bytes::Bytes;
use codec::pixels::{self, Encoding, Fit, Frame, Limits, THUMBHASH_FRAME};
use codec::sniff::Format;
use contract::transcode::Asset;

use super::Desk;
use crate::error::Error;
use crate::ffmpeg::cost::Cost;
use crate::ffmpeg::still;
use crate::flow::{self, Last};
use crate::model::{Estimate, Refusal};

/// The largest photo that is read into memory, in bytes: well above what `media` accepts.
const MOST_BYTES: u64 = 256 << 20;
/// What a photo's sides are taken for where its header did not say, in pixels.
const LARGEST_SIDE: u32 = 8192;
/// The longest side of the upright JPEG: the largest size that is delivered.
const BASE: Frame = Frame { width: 4096, height: 4096, fit: Fit::Contain };

pub(super) async fn photo(desk: &Desk) -> Result<(), Error> {
    let format = desk.format()?;
    let original = desk.worker.context.objects.get(&desk.job.received.object, MOST_BYTES).await?;
    let (bytes, orientation, assets) = if matches!(format, Format::Heic | Format::Avif) {
        let base = upright(desk, &original, format).await?;
        let stored = desk.keep_bytes(base.clone()).await?;
        (base, 1, vec![Asset { name: "base".into(), content_type: "image/jpeg".into(), object: stored.key, bytes: stored.bytes }])
    } else {
        (original, desk.job.received.orientation, vec![])
    };
    let (size, thumbhash) = blocking(desk, move || {
        let look = pixels::probe(&bytes)?;
        let small = pixels::render(&bytes, orientation, THUMBHASH_FRAME, Limits::default())?;
        let size = if (5..=8).contains(&orientation) { (look.height, look.width) } else { (look.width, look.height) };
        Ok((size, small.thumbhash().map(hex::encode)))
    })
    .await?;
    // A scaled-down base says nothing about the original's size, which `media` has read from its header.
    let (received, decoded) = (&desk.job.received, size);
    let size = Some((received.width.unwrap_or(decoded.0), received.height.unwrap_or(decoded.1)));
    let (media, now) = (desk.job.media.clone(), desk.worker.context.clock.now());
    let last = Last { assets, thumbhash, size };
    let dropped = desk.worker.context.db.write(move |tx| Box::pin(async move { flow::finish(tx, &media, &last, now).await })).await?;
    desk.named();
    desk.worker.discard(&dropped).await;
    Ok(())
}

/// Decodes a phone's format in a child, then writes it anew: what comes out has pixels only.
async fn upright(desk: &Desk, original: &Bytes, format: Format) -> Result<Bytes, Error> {
    let name = format!("photo.{}", format.extension());
    tokio::fs::write(desk.folder().join(&name), original).await.map_err(Error::Scratch)?;
    let received = &desk.job.received;
    let mut limits = desk.limits(0, Cost::photo(received.width.unwrap_or(LARGEST_SIDE), received.height.unwrap_or(LARGEST_SIDE)));
    // It prints nothing, so its silence is how long it has been at work (without what it waited for before).
    limits.stall = limits.stall.min(desk.worker.config.photo(Estimate::of(desk.piece, 0, received, None).cost));
    desk.run_quietly(&still::heif(&desk.tools, desk.folder(), limits, &name)).await.map_err(|failure| match Error::from(failure) {
        // Whatever words it found: it could not read this photo.
        Error::Child(crate::ffmpeg::Failure::Ended { status, .. }) if status.code().is_some() => Error::Refused(Refusal::BadPhoto),
        Error::Refused(Refusal::TimedOut) => Error::Refused(Refusal::PhotoTimedOut),
        starved @ Error::Refused(Refusal::TooMuchMemory(_)) => starved,
        Error::Refused(_) => Error::Refused(Refusal::BadPhoto),
        other => other,
    })?;
    // A file of several pictures gives `base-1.jpg` and on.
    let decoded = match tokio::fs::read(desk.folder().join("base.jpg")).await {
        Err(_) => tokio::fs::read(desk.folder().join("base-1.jpg")).await,
        whole => whole,
    };
    let decoded = decoded.map_err(|_| Refusal::BadPhoto)?;
    blocking(desk, move || Ok(pixels::render(&decoded, 1, BASE, Limits::default())?.encode(Encoding::Jpeg)?.into())).await
}

/// Pixel work on a thread of its own, at the task's nice level; its errors are the file's fault.
async fn blocking<T: Send + 'static>(desk: &Desk, work: impl FnOnce() -> Result<T, pixels::Error> + Send + 'static) -> Result<T, Error> {
    let permit = desk.permit.clone();
    let work = move || {
        let done = work();
        drop(permit);
        done
    };
    let done = kit::tasks::on_thread(desk.nice, work).await.ok_or_else(|| Error::Scratch(std::io::Error::other("the thread that works on pixels ended early")))?;
    done.map_err(|error| Refusal::Photo(error.to_string()).into())
}
