//! The tasks that produce segments: the remuxed video, the chunks, the audio.
//!
//! Invariant: a source that ends early or is damaged half-way produces the segments that it can; only one that produces
//! none at all is rejected.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use codec::chunks::{Chunk, Chunks};
use contract::transcode::Track;
use tokio_util::sync::CancellationToken;

use super::hls::{RenditionOutput, RenditionSpec, may_announce};
use super::task_context::TaskContext;
use crate::commands::{self, Outputs};
use crate::error::Error;
use crate::ffmpeg::file_groups::{ExpectedSegment, FileGroups};
use crate::ffmpeg::memory_estimate::MemoryEstimate;
use crate::ffmpeg::video::{self, TILES, Tiles};
use crate::ffmpeg::{Command, ProcessError, audio};
use crate::model::RejectReason;
use crate::model::plan::{AUDIO_BANDWIDTH, Copied, Plan, Rung, VideoPlan};
use crate::store::TileSet;

/// How often a growing output is checked: at first, while a member waits for its beginning, at a fraction of what is
/// noticeable.
const POLL_INTERVAL: Duration = Duration::from_millis(20);
const SLOW_POLL_INTERVAL: Duration = Duration::from_millis(250);
const FAST_POLLING: Duration = Duration::from_secs(3);

/// How many times faster than it plays video is decoded at least, where a chunk has to be reached that way.
const DECODING_SPEED: u64 = 4;

/// A child process at work on renditions.
struct EncodeRun<'a> {
    command: Command,
    renditions: Vec<RenditionOutput>,
    /// Whether segments are announced as they come, or all at the end.
    streams: bool,
    /// Its start on the item's clock, and the expected length of its output, in microseconds.
    start_us: u64,
    span_us: u64,
    task: &'a TaskContext,
}

impl EncodeRun<'_> {
    /// Runs the child; returns what is not announced yet, and how the child ended.
    async fn run(&mut self) -> Result<(), Error> {
        let (out_us, over, stop) = (AtomicI64::new(0), CancellationToken::new(), self.task.cancel.child_token());
        let child = async {
            let ended = self.task.run(&self.command, &stop, &out_us).await;
            over.cancel();
            ended
        };
        let (task, renditions, streams, start_us, span_us) =
            (self.task, &mut self.renditions, self.streams, self.start_us, self.span_us.max(1));
        let started = tokio::time::Instant::now();
        let announce = async {
            loop {
                let pause = if started.elapsed() < FAST_POLLING { POLL_INTERVAL } else { SLOW_POLL_INTERVAL };
                tokio::select! {
                    () = over.cancelled() => return Ok(()),
                    () = tokio::time::sleep(pause) => {}
                }
                let done_us = u64::try_from(out_us.load(Ordering::Relaxed)).unwrap_or(0).saturating_sub(start_us);
                let mut result = Ok(());
                if streams {
                    result = publish(task, renditions).await;
                }
                if result.is_ok() {
                    result = task.progress(u32::try_from(done_us.saturating_mul(1000) / span_us).unwrap_or(999)).await;
                }
                if result.is_err() {
                    // However it ended, the child is no longer needed.
                    stop.cancel();
                    return result;
                }
            }
        };
        let (ended, announced) = tokio::join!(child, announce);
        announced?;
        match ended {
            Ok(_) => Ok(()),
            Err(failure) => Err(failure.into()),
        }
    }
}

/// Announces the segments that have been closed.
async fn publish(task: &TaskContext, renditions: &mut [RenditionOutput]) -> Result<(), Error> {
    let outputs = collect(task, renditions, false).await?;
    if outputs.segments.is_empty() && outputs.renditions.is_empty() {
        return Ok(());
    }
    task.announce(outputs).await
}

async fn collect(task: &TaskContext, renditions: &mut [RenditionOutput], is_over: bool) -> Result<Outputs, Error> {
    let mut outputs = Outputs::default();
    for rendition in renditions {
        outputs += rendition.collect(task, true, is_over).await?;
    }
    Ok(outputs)
}

/// Accepts a damaged source if it had any output.
fn accept_partial(result: Result<(), Error>, has_output: bool, task: &TaskContext) -> Result<(), Error> {
    match result {
        Err(Error::Rejected(RejectReason::BrokenFile)) if has_output => {
            tracing::info!(
                media.id = %task.job.media,
                task = %task.name,
                "the source is damaged; the readable part of it is kept"
            );
            Ok(())
        }
        other => other,
    }
}

/// Remuxes the source's own video as the top rendition.
pub(super) async fn copy(task: &TaskContext) -> Result<(), Error> {
    let plan = task.plan()?;
    let (video, input) = (video(plan)?, task.input().await?);
    let copied = video.copy.as_ref().ok_or(Error::Corrupt("plan"))?;
    // The peak is unknown before all of it is read; half as much again as the average is a fair estimate, and `finish`
    // corrects it.
    let rendition =
        video_rendition(video, &copied.name, video.width, video.height, copied.bits_per_second * 3 / 2, "avc1.640028");
    let command = video::copy(
        &task.tools,
        &input,
        task.folder(),
        task.limits(plan.duration_us, MemoryEstimate::copy(video.frame(), task.index_seconds())),
        video.stream,
        copied,
    );
    let mut run = EncodeRun {
        command,
        renditions: vec![RenditionOutput::new(task, rendition, copied_groups(video, copied)).await?],
        streams: true,
        start_us: 0,
        span_us: plan.duration_us,
        task,
    };
    let result = run.run().await;
    finish_streaming(task, run, result).await
}

/// Encodes the audio, whole.
pub(super) async fn audio(task: &TaskContext) -> Result<(), Error> {
    let plan = task.plan()?;
    let (audio, input) = (plan.audio.as_ref().ok_or(Error::Corrupt("plan"))?, task.input().await?);
    let limits =
        task.limits(plan.duration_us, MemoryEstimate::audio(task.index_seconds(), audio::measure_inputs(audio)));
    let measured = task
        .run_without_progress(&audio::measure(&task.tools, &input, task.folder(), limits, audio))
        .await?
        .read(audio::loudness);
    let limits = task.limits(plan.duration_us, MemoryEstimate::audio(task.index_seconds(), 1));
    let gain = audio::gain_db(measured, task.worker.config.loudness_lufs);
    let rendition = RenditionSpec {
        name: audio::NAME.to_owned(),
        track: Track::Audio,
        bandwidth: AUDIO_BANDWIDTH.into(),
        codecs: codec::ladder::AUDIO.codecs.to_owned(),
        width: 0,
        height: 0,
        millifps: 0,
    };
    let encode = audio::AudioEncode { audio, gain_db: gain, beside_video: plan.video.is_some() };
    let command = audio::encode(&task.tools, &input, task.folder(), limits, encode);
    let mut run = EncodeRun {
        command,
        renditions: vec![RenditionOutput::new(task, rendition, None).await?],
        streams: true,
        start_us: 0,
        span_us: plan.duration_us,
        task,
    };
    let result = run.run().await;
    match finish_streaming(task, run, result).await {
        // An empty track beside video is no reason to reject the video.
        Err(Error::Rejected(RejectReason::BrokenFile)) if plan.video.is_some() => {
            tracing::info!(media.id = %task.job.media, "the audio track is empty; continuing without it");
            commands::drop_audio(&task.worker, &task.job.media).await
        }
        other => other,
    }
}

/// Completes a task that announced its segments as they came.
async fn finish_streaming(task: &TaskContext, mut run: EncodeRun<'_>, result: Result<(), Error>) -> Result<(), Error> {
    // A file on a full disk may be truncated.
    let gone = matches!(result, Err(Error::Gone | Error::Process(ProcessError::DiskFull)));
    let outputs = if gone { Outputs::default() } else { collect(task, &mut run.renditions, true).await? };
    let has_output = run.renditions.iter().all(|rendition| rendition.seen > 0);
    accept_partial(result, has_output, task)?;
    if !has_output {
        return Err(RejectReason::BrokenFile.into());
    }
    task.complete(outputs).await
}

/// Encodes one chunk: `first` for the very first task (the lowest rung), otherwise every rendition that the chunk still
/// lacks.
pub(super) async fn chunk(task: &TaskContext, number: u32, first: bool) -> Result<(), Error> {
    let plan = task.plan()?;
    let (video, input) = (video(plan)?, task.input().await?);
    let chunks = video.chunks();
    let chunk = chunks.get(number).ok_or(Error::Corrupt("chunk"))?;
    let rungs = if first { video.first_rungs() } else { video.rungs_of_chunk(number) };
    let last = number + 1 == chunks.len();
    let tiles = (!first || !video.first_chunk_is_separate())
        .then(|| tiles(plan, video, chunk.start_frame, if last { u64::MAX } else { chunk.start_frame + chunk.frames }))
        .flatten()
        .filter(|tiles| !tiles.frames.is_empty());
    if rungs.is_empty() && tiles.is_none() {
        return task.complete(Outputs::default()).await;
    }
    let tile_bytes = tiles.as_ref().map(|tiles| u64::from(tiles.width) * u64::from(tiles.height) * 3);
    let span_us = chunks.duration_us(&chunk);
    let rendered = rungs.iter().map(|rung| u64::from(rung.width) * u64::from(rung.height)).sum();
    let cost = |threads| {
        MemoryEstimate::encode(
            video.frame(),
            (rungs.len(), rendered),
            threads,
            video.hdr.is_some(),
            task.index_seconds(),
        )
    };
    // Fewer threads hold fewer frames: better slow than rejected.
    let usual = task.worker.config.threads(task.queue);
    let threads =
        (1..=usual).rev().find(|threads| cost(*threads).bytes() <= task.tools.memory.max_share_bytes()).unwrap_or(1);
    let job =
        video::ChunkEncode { video, chunk: &chunk, last, rungs: &rungs, tiles, tonemap: task.tools.tonemap, threads };
    let before_us = if video.sparse { chunks.start_us(&chunk) } else { 0 };
    let mut limits = task.limits(span_us.saturating_add(before_us), cost(threads));
    limits.stall_timeout += Duration::from_micros(before_us / DECODING_SPEED);
    let command = video::encode_chunk(&task.tools, &input, task.folder(), limits, &job);
    let mut renditions = Vec::with_capacity(rungs.len());
    for rung in &rungs {
        let groups = encoded_groups(&chunks, &chunk);
        renditions.push(RenditionOutput::new(task, rung_rendition(video, rung), groups).await?);
    }
    let mut run = EncodeRun { command, renditions, streams: false, start_us: chunks.start_us(&chunk), span_us, task };
    let result = run.run().await;
    // Past a source's real end there is nothing, which ffmpeg reports as an error.
    accept_partial(result, number > 0, task)?;
    let outputs = collect_chunk(task, &mut run.renditions, video, number, tile_bytes).await?;
    if number == 0
        && outputs.segments.is_empty()
        && outputs.tiles.is_none()
        && run.renditions.iter().all(|rendition| rendition.seen == 0)
    {
        return Err(RejectReason::BrokenFile.into());
    }
    task.complete(outputs).await
}

async fn collect_chunk(
    task: &TaskContext,
    renditions: &mut [RenditionOutput],
    video: &VideoPlan,
    number: u32,
    tile_bytes: Option<u64>,
) -> Result<Outputs, Error> {
    let mut outputs = Outputs::default();
    for rendition in renditions.iter_mut() {
        let frame_us = 1_000_000 * u64::from(video.rate.den) / u64::from(video.rate.num.max(1));
        let frames = rendition.listed_us().await / frame_us.max(1);
        outputs += rendition.collect(task, may_announce(number, frames), true).await?;
    }
    if let Some(tile_bytes) = tile_bytes {
        let bytes = tokio::fs::metadata(task.folder().join(TILES)).await.map_or(0, |about| about.len());
        let count = u32::try_from(bytes / tile_bytes).unwrap_or(0);
        if count > 0 {
            let stored = task.store_file(TILES).await?;
            outputs.tiles = Some(TileSet { chunk: number, object: stored.key, count });
        }
    }
    Ok(outputs)
}

/// Returns the storyboard tiles whose times are in a range of frames.
fn tiles(plan: &Plan, video: &VideoPlan, from: u64, to: u64) -> Option<Tiles> {
    let board = plan.storyboard()?;
    let rate = video.playing_rate();
    let frames = (0..u64::from(board.tiles)).map(|tile| {
        // The middle of the interval that the tile represents.
        let ms = tile * board.interval_ms + board.interval_ms / 2;
        let frame = u128::from(ms) * u128::from(rate.num()) / (1000 * u128::from(rate.den()));
        u64::try_from(frame).unwrap_or(u64::MAX).min(video.frames.saturating_sub(1))
    });
    let mut frames: Vec<u64> = frames.filter(|frame| (from..to).contains(frame)).collect();
    frames.dedup();
    Some(Tiles { width: board.tile_width, height: board.tile_height, frames })
}

fn video(plan: &Plan) -> Result<&VideoPlan, Error> {
    plan.video.as_ref().ok_or(Error::Corrupt("plan"))
}

/// Returns the files of a copy's segments; `None` where each file is one.
fn copied_groups(video: &VideoPlan, copied: &Copied) -> Option<FileGroups> {
    let chunks = video.chunks();
    let expected =
        |(number, files): (u32, &u32)| Some(ExpectedSegment { files: *files, duration_us: chunks.segment_us(number)? });
    let all = (0..chunks.total_segments()).zip(&copied.segments.files).filter_map(expected).collect();
    (!chunks.is_regular()).then(|| FileGroups::new(0, all, chunks.rate().frame_us(1)))
}

/// Returns the files of a chunk's segments; `None` where each file is one.
fn encoded_groups(chunks: &Chunks, chunk: &Chunk) -> Option<FileGroups> {
    let expected = |number| {
        let files = u32::try_from(chunks.groups(number).count()).unwrap_or(u32::MAX);
        Some(ExpectedSegment { files, duration_us: chunks.segment_us(number)? })
    };
    let segments = chunk.first_segment..chunk.first_segment.saturating_add(chunk.segments);
    let all = segments.filter_map(expected).collect();
    (!chunks.is_regular()).then(|| FileGroups::new(chunk.first_segment, all, chunks.rate().frame_us(1)))
}

fn rung_rendition(video: &VideoPlan, rung: &Rung) -> RenditionSpec {
    video_rendition(video, &rung.name, rung.width, rung.height, rung.bandwidth.into(), &rung.codecs)
}

fn video_rendition(
    video: &VideoPlan,
    name: &str,
    width: u32,
    height: u32,
    bandwidth: u64,
    codecs: &str,
) -> RenditionSpec {
    RenditionSpec {
        name: name.to_owned(),
        track: Track::Video,
        bandwidth,
        codecs: codecs.to_owned(),
        width,
        height,
        millifps: video.playing_rate().millifps(),
    }
}
