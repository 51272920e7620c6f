//! The poster: a frame that represents a video, or an audio file's cover.
//!
//! Owns the choice. Invariant: a frame with contrast is preferred to a black or blank one; among equals the earlier one
//! wins.

use bytes::Bytes;
use codec::pixels::{Limits, THUMBHASH_FRAME, render};
use contract::transcode::{Asset, PictureHashes};

use super::pictures::{self, PICTURE_FRAME};
use super::task_context::TaskContext;
use crate::commands::Outputs;
use crate::error::Error;
use crate::ffmpeg::image;
use crate::ffmpeg::memory_estimate::{Frame, MemoryEstimate};

/// The positions of the candidates, in thousandths of the duration.
const CANDIDATE_PERMILLES: [u64; 3] = [100, 350, 700];
/// The largest cover that is decoded, because of its cost.
const COVER: Frame = Frame { width: 4096, height: 4096, deep: true };
/// A frame with less contrast than this (the standard deviation of its brightness, 0–127) counts as blank.
pub(super) const MIN_CONTRAST: f64 = 8.0;
/// The largest poster that is read back.
pub(super) const MAX_BYTES: u64 = 8 << 20;

pub(super) async fn poster(task: &TaskContext) -> Result<(), Error> {
    let (plan, input) = (task.plan()?, task.input().await?);
    let commands = match (&plan.video, plan.cover) {
        (Some(video), _) => {
            let span_us = video.held_from_us.unwrap_or(plan.duration_us);
            let mut times: Vec<u64> = CANDIDATE_PERMILLES.iter().map(|moment| span_us / 1000 * moment).collect();
            times.dedup();
            // The start exists whatever duration the container declares.
            let limits = |inputs: usize| {
                task.limits(
                    60_000_000,
                    MemoryEstimate::frame_grabs(
                        video.frame(),
                        inputs as u64,
                        video.hdr.is_some(),
                        task.index_seconds(),
                    ),
                )
            };
            vec![
                image::posters(&task.tools, &input, task.folder(), limits(times.len()), video, &times, false),
                image::posters(&task.tools, &input, task.folder(), limits(1), video, &[0], true),
            ]
        }
        (None, Some(stream)) => {
            let limits = task.limits(60_000_000, MemoryEstimate::frame_grabs(COVER, 1, false, task.index_seconds()));
            vec![image::cover(&task.tools, &input, task.folder(), limits, stream)]
        }
        (None, None) => vec![],
    };
    for command in commands {
        let ran = task.run_without_progress(&command).await;
        if let Some(asset) = best(task).await? {
            return task.complete(Outputs { assets: vec![asset], ..Outputs::default() }).await;
        }
        ran?;
    }
    task.complete(Outputs::default()).await
}

/// Stores the best of the candidates in the folder.
pub(super) async fn best(task: &TaskContext) -> Result<Option<Asset>, Error> {
    let mut chosen: Option<(f64, Bytes)> = None;
    for number in 0..CANDIDATE_PERMILLES.len() {
        let Ok(bytes) = tokio::fs::read(task.folder().join(image::candidate(number))).await else { continue };
        let bytes = Bytes::from(bytes);
        let Some(stats) = measure(bytes.clone()).await else { continue };
        // Noticeably better, not just a little: the earlier frame is nearer to what a viewer expects.
        if chosen.as_ref().is_none_or(|(contrast, _)| stats.contrast > contrast * 1.25 + 1.0) {
            chosen = Some((stats.contrast, bytes));
        }
    }
    let Some((_, bytes)) = chosen else { return Ok(None) };
    let stored = task.store_bytes(bytes).await?;
    Ok(Some(Asset {
        name: "poster".into(),
        content_type: "image/jpeg".into(),
        object: stored.key,
        bytes: stored.bytes,
    }))
}

/// The properties of an image's small version.
pub(super) struct ImageStats {
    /// The standard deviation of its brightness.
    pub contrast: f64,
    /// Its thumbhash, hexadecimal.
    pub thumbhash: Option<String>,
    /// What known pictures are compared with, unless it has too little detail.
    pub hashes: Option<PictureHashes>,
}

/// Analyses an image; returns `None` if it cannot be read.
pub(super) async fn measure(bytes: Bytes) -> Option<ImageStats> {
    let work = move || {
        let picture = render(&bytes, 1, PICTURE_FRAME, Limits::default()).ok()?;
        Some((picture.fit_into(THUMBHASH_FRAME).ok()?, pictures::of_image(&picture)))
    };
    let (small, hashes) = base::tasks::in_background(work).await??;
    let step = if small.has_alpha() { 4 } else { 3 };
    let bright: Vec<f64> = small
        .pixels()
        .chunks_exact(step)
        .map(|pixel| match pixel {
            [red, green, blue, ..] => 0.2126 * f64::from(*red) + 0.7152 * f64::from(*green) + 0.0722 * f64::from(*blue),
            _ => 0.0,
        })
        .collect();
    let count = bright.len().max(1) as f64;
    let mean = bright.iter().sum::<f64>() / count;
    let contrast = (bright.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt();
    Some(ImageStats { contrast, thumbhash: small.thumbhash().map(hex::encode), hashes })
}
