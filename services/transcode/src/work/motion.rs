//! The motion rendition of an animated picture: a muted video that a page repeats.
//!
//! Owns which pictures get one, and its bounds. Invariant: it is an extra. Whatever happens to it, the still picture is
//! shown.

use std::io::{self, BufWriter, Cursor, ErrorKind, Write};

use base::Transient as _;
use bytes::Bytes;
use codec::header::{FrameCounter, heif_shown, movie};
use codec::pixels::{self, AnimationLimits, Interrupt};
use codec::sniff::Format;
use contract::transcode::Asset;

use super::task_context::TaskContext;
use crate::error::Error;
use crate::ffmpeg::Input;
use crate::ffmpeg::memory_estimate::{Frame, MemoryEstimate};
use crate::ffmpeg::motion::{MOTION, Motion, encode_motion};
use crate::ffmpeg::video::fit_within;

/// The video's longer side, in pixels.
const LONGEST_SIDE: u32 = 1280;
/// The most frames, their duration, and their pixels together: what is behind them is cut off.
const MAX_FRAMES: u64 = 2_000;
const MAX_DURATION_MS: u64 = 60_000;
const MAX_PIXELS: u64 = 750_000_000;
/// A picture with more pixels stays still.
const MAX_FRAME_PIXELS: u64 = 4096 * 2304;
/// The largest video, in bytes.
const MAX_BYTES: u64 = 128 << 20;
/// The largest animated PNG that an animated WebP becomes on the way, in bytes.
const MAX_PNG_BYTES: u64 = 1 << 30;

/// What a file says about its animation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Animation {
    frames: u64,
    duration_ms: Option<u64>,
}

/// Makes the motion rendition of a photo with this upright size; `None` for a still one, and for one whose animation
/// cannot be converted.
pub(super) async fn motion(
    task: &TaskContext,
    original: &Bytes,
    format: Format,
    size: (u32, u32),
) -> Result<Option<Asset>, Error> {
    match convert(task, original, format, size).await {
        Err(error @ (Error::Process(_) | Error::Rejected(_))) if !error.is_transient() => {
            tracing::warn!(media.id = %task.job.media, %error, "an animated picture stays still");
            Ok(None)
        }
        done => done,
    }
}

async fn convert(
    task: &TaskContext,
    original: &Bytes,
    format: Format,
    (width, height): (u32, u32),
) -> Result<Option<Asset>, Error> {
    let pixels = area(width, height);
    if pixels > MAX_FRAME_PIXELS || !matches!(format, Format::Gif | Format::Png | Format::Webp | Format::Avif) {
        return Ok(None);
    }
    let orientation = task.job.received.orientation;
    let whole = original.clone();
    let inspected = task.on_pixels(move || Ok(inspect(&whole, format, orientation))).await?;
    let Some(mut animation) = inspected else { return Ok(None) };
    let max_frames = (MAX_PIXELS / pixels.max(1)).min(MAX_FRAMES);
    if animation.frames > max_frames {
        animation.duration_ms = None;
    }
    let max_frames = u32::try_from(max_frames).unwrap_or(u32::MAX);
    let format = if format == Format::Webp {
        animation.duration_ms = Some(webp_to_apng(task, original, max_frames).await?);
        Format::Png
    } else {
        tokio::fs::write(task.folder().join(file(format)), original).await.map_err(Error::Scratch)?;
        format
    };
    let input = Input::of_animation(task.folder().join(file(format)), format).ok_or(Error::Corrupt("format"))?;
    let size = fit_within(width, height, LONGEST_SIDE);
    let frame = Frame { width, height, deep: format == Format::Avif };
    let mut limits = task.limits(0, MemoryEstimate::motion(frame, area(size.0, size.1)));
    limits.file_bytes = limits.file_bytes.min(MAX_BYTES);
    let motion = Motion {
        size,
        orientation,
        has_alpha: format != Format::Avif,
        max_frames,
        max_duration_ms: MAX_DURATION_MS,
        duration_ms: animation.duration_ms,
    };
    task.run_without_progress(&encode_motion(&task.tools, &input, task.folder(), limits, &motion)).await?;
    let stored = task.store_file(MOTION).await?;
    Ok(Some(Asset { name: "motion".into(), content_type: "video/mp4".into(), object: stored.key, bytes: stored.bytes }))
}

/// Returns the pixels of a frame.
fn area(width: u32, height: u32) -> u64 {
    u64::from(width) * u64::from(height)
}

/// Returns the name of the input in the scratch folder.
fn file(format: Format) -> String {
    format!("animation.{}", format.extension())
}

/// Returns the animation in a file; `None` for a still picture. Of AVIF, only opaque ones that are upright: ffmpeg has
/// the transparency in another stream.
fn inspect(original: &[u8], format: Format, orientation: u8) -> Option<Animation> {
    let len = original.len() as u64;
    let animation = match format {
        Format::Gif | Format::Png | Format::Webp => {
            let mut counter = FrameCounter::new(format);
            counter.push(original);
            Animation { frames: counter.frames().into(), duration_ms: Some(counter.duration_ms()) }
        }
        Format::Avif if orientation == 1 => {
            let shown = heif_shown(&mut Cursor::new(original), len).ok()?;
            let claims = movie(&mut Cursor::new(original), len).ok()?.claims;
            let is_small = claims.frame.is_none_or(|(width, height)| area(width, height) <= MAX_FRAME_PIXELS);
            // Its duration may count every repetition.
            (is_small && !shown.has_alpha).then_some(Animation { frames: claims.samples, duration_ms: None })?
        }
        _ => return None,
    };
    (animation.frames > 1).then_some(animation)
}

/// Sets the flag when the task that waits for a thread is dropped.
struct InterruptOnDrop(Interrupt);

impl Drop for InterruptOnDrop {
    fn drop(&mut self) {
        self.0.set();
    }
}

/// A writer that fails before it exceeds its bytes.
struct BoundedWriter<W> {
    inner: W,
    bytes_left: u64,
}

impl<W: Write> Write for BoundedWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() as u64 > self.bytes_left {
            return Err(ErrorKind::FileTooLarge.into());
        }
        let written = self.inner.write(bytes)?;
        self.bytes_left -= written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Writes an animated WebP as an animated PNG into the scratch folder, on a thread; returns its duration in
/// milliseconds.
async fn webp_to_apng(task: &TaskContext, original: &Bytes, max_frames: u32) -> Result<u64, Error> {
    let path = task.folder().join(file(Format::Png));
    let png = tokio::fs::File::create(path).await.map_err(Error::Scratch)?.into_std().await;
    let mut out = BufWriter::new(BoundedWriter { inner: png, bytes_left: MAX_PNG_BYTES });
    let (whole, interrupt) = (original.clone(), InterruptOnDrop(Interrupt::default()));
    let flag = interrupt.0.clone();
    let limits = AnimationLimits { frames: max_frames, duration_ms: MAX_DURATION_MS };
    task.on_pixels(move || {
        let duration_ms = pixels::webp_to_apng(&whole, &mut out, limits, &flag)?;
        out.flush().map_err(|_| pixels::Error::Encode("PNG"))?;
        Ok(duration_ms)
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_animated_png_on_the_way_is_bounded() {
        let mut written = Vec::new();
        let mut out = BoundedWriter { inner: &mut written, bytes_left: 5 };
        out.write_all(b"abcd").unwrap();
        assert_eq!(out.write_all(b"ef").unwrap_err().kind(), ErrorKind::FileTooLarge);
        assert_eq!(written, b"abcd");
    }

    #[test]
    fn a_picture_of_one_frame_is_still() {
        let gif = |frames: usize| {
            let mut file = b"GIF89a\x01\0\x01\0\x80\0\0abcdef".to_vec();
            let frame = b"\x21\xf9\x04\0\x05\0\0\0\x2c\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0";
            (0..frames).for_each(|_| file.extend(frame));
            file.push(0x3b);
            file
        };
        assert_eq!(inspect(&gif(1), Format::Gif, 1), None);
        assert_eq!(inspect(&gif(3), Format::Gif, 1), Some(Animation { frames: 3, duration_ms: Some(150) }));
        assert_eq!(inspect(&gif(3), Format::Jpeg, 1), None);
        assert_eq!(inspect(&gif(3), Format::Avif, 1), None, "no sequence");
    }
}
