//! The pieces that make segments: the remuxed picture, the parts, the sound.
//!
//! Invariant: a source that ends early or is damaged half-way gives what it has; only one that gives nothing at all is refused.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use contract::ObjectKey;
use contract::transcode::{Rendition, Track};
use tokio_util::sync::CancellationToken;

use super::Desk;
use super::hls::{Output, may_lead};
use crate::error::Error;
use crate::ffmpeg::cost::Cost;
use crate::ffmpeg::video::{self, TILES, Tiles};
use crate::ffmpeg::{Command, Failure, sound as audio};
use crate::flow::{self, Made};
use crate::model::Refusal;
use crate::model::plan::{Picture, Plan, Rung, SOUND_BANDWIDTH};
use crate::store::TileSet;

/// How often a growing output is looked at: at first, while somebody waits for its beginning, a fraction of what a person would notice.
const LOOK: Duration = Duration::from_millis(20);
const LOOK_LATER: Duration = Duration::from_millis(250);
const FIRST_LOOKS: Duration = Duration::from_secs(3);

/// A child at work on renditions.
struct Writing<'a> {
    command: Command,
    outputs: Vec<Output>,
    /// Whether segments are announced as they come, or all at the end.
    streams: bool,
    /// Where on the item's clock it begins, and how much it will make, in microseconds.
    start_us: u64,
    span_us: u64,
    desk: &'a Desk,
}

impl Writing<'_> {
    /// Runs the child; answers what is not announced yet, and how the child ended.
    async fn run(&mut self) -> Result<(), Error> {
        let (out_us, over, stop) = (AtomicI64::new(0), CancellationToken::new(), self.desk.cancel.child_token());
        let child = async {
            let ended = self.desk.run(&self.command, &stop, &out_us).await;
            over.cancel();
            ended
        };
        let (desk, outputs, streams, start_us, span_us) = (self.desk, &mut self.outputs, self.streams, self.start_us, self.span_us.max(1));
        let started = tokio::time::Instant::now();
        let announce = async {
            loop {
                let pause = if started.elapsed() < FIRST_LOOKS { LOOK } else { LOOK_LATER };
                tokio::select! {
                    () = over.cancelled() => return Ok(()),
                    () = tokio::time::sleep(pause) => {}
                }
                let made_us = u64::try_from(out_us.load(Ordering::Relaxed)).unwrap_or(0).saturating_sub(start_us);
                let mut on = Ok(());
                if streams {
                    on = publish(desk, outputs).await;
                }
                if on.is_ok() {
                    on = desk.progress(u32::try_from(made_us.saturating_mul(1000) / span_us).unwrap_or(999)).await;
                }
                if on.is_err() {
                    // Whatever came of it, the child's work is not wanted any more.
                    stop.cancel();
                    return on;
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

/// Announces what has been closed.
async fn publish(desk: &Desk, outputs: &mut [Output]) -> Result<(), Error> {
    let made = collect(desk, outputs, true).await?;
    if made.segments.is_empty() && made.renditions.is_empty() {
        return Ok(());
    }
    desk.advance(made, false).await
}

async fn collect(desk: &Desk, outputs: &mut [Output], lead: bool) -> Result<Made, Error> {
    let mut made = Made::default();
    for output in outputs {
        made += output.collect(desk, lead).await?;
    }
    Ok(made)
}

/// Damage is accepted where something was made in spite of it.
fn forgive(result: Result<(), Error>, something: bool, desk: &Desk) -> Result<(), Error> {
    match result {
        Err(Error::Refused(Refusal::BrokenFile)) if something => {
            tracing::info!(media.id = %desk.job.media, piece = %desk.piece, "the source is damaged; what could be read of it is kept");
            Ok(())
        }
        other => other,
    }
}

/// Remuxes the source's own picture as the top rendition.
pub(super) async fn copy(desk: &Desk) -> Result<(), Error> {
    let plan = desk.plan()?;
    let (picture, input) = (picture(plan)?, desk.input().await?);
    let copied = picture.copy.as_ref().ok_or(Error::Corrupt("plan"))?;
    // The peak is not known before all of it is read; half as much again as the average is a fair guess, and `finish` corrects it.
    let rendition = row(picture, &copied.name, picture.width, picture.height, copied.bits_per_second * 3 / 2, "avc1.640028");
    let command = video::copy(&desk.tools, &input, desk.folder(), desk.limits(plan.duration_us, Cost::copy(picture.frame(), desk.seconds())), picture.stream, &copied.name);
    let mut writing = Writing { command, outputs: vec![Output::new(desk, rendition).await?], streams: true, start_us: 0, span_us: plan.duration_us, desk };
    let ran = writing.run().await;
    end(desk, writing, ran).await
}

/// Encodes the sound, whole.
pub(super) async fn sound(desk: &Desk) -> Result<(), Error> {
    let plan = desk.plan()?;
    let (sound, input) = (plan.sound.as_ref().ok_or(Error::Corrupt("plan"))?, desk.input().await?);
    let limits = desk.limits(plan.duration_us, Cost::audio(desk.seconds(), audio::inputs(sound)));
    let measured = desk.run_quietly(&audio::measure(&desk.tools, &input, desk.folder(), limits, sound)).await?.read(audio::loudness);
    let limits = desk.limits(plan.duration_us, Cost::audio(desk.seconds(), 1));
    let gain = audio::gain_db(measured, desk.worker.config.loudness_lufs);
    let rendition = Rendition {
        name: audio::NAME.to_owned(),
        track: Track::Audio,
        bandwidth: SOUND_BANDWIDTH.into(),
        codecs: codec::ladder::AUDIO.codecs.to_owned(),
        width: 0,
        height: 0,
        millifps: 0,
        init: ObjectKey::random(),
        total_segments: None,
    };
    let command = audio::encode(&desk.tools, &input, desk.folder(), limits, sound, gain);
    let mut writing = Writing { command, outputs: vec![Output::new(desk, rendition).await?], streams: true, start_us: 0, span_us: plan.duration_us, desk };
    let ran = writing.run().await;
    match end(desk, writing, ran).await {
        // An empty track beside a picture is no reason to refuse the picture.
        Err(Error::Refused(Refusal::BrokenFile)) if plan.picture.is_some() => {
            tracing::info!(media.id = %desk.job.media, "there is nothing in the track of sound; going on without");
            let (media, now) = (desk.job.media.clone(), desk.worker.context.clock.now());
            desk.worker.context.db.write(move |tx| Box::pin(async move { flow::mute(tx, &media, now).await })).await
        }
        other => other,
    }
}

/// The end of a piece that announced its segments as they came.
async fn end(desk: &Desk, mut writing: Writing<'_>, ran: Result<(), Error>) -> Result<(), Error> {
    // What lies on a full disk may be cut short.
    let gone = matches!(ran, Err(Error::Gone | Error::Child(Failure::Full)));
    let made = if gone { Made::default() } else { collect(desk, &mut writing.outputs, true).await? };
    let something = writing.outputs.iter().all(|output| output.seen > 0);
    forgive(ran, something, desk)?;
    if !something {
        return Err(Refusal::BrokenFile.into());
    }
    desk.advance(made, true).await
}

/// Encodes one part: `alone` for the very first piece (the lowest rung), otherwise whatever the part still lacks.
pub(super) async fn part(desk: &Desk, number: u32, alone: bool) -> Result<(), Error> {
    let plan = desk.plan()?;
    let (picture, input) = (picture(plan)?, desk.input().await?);
    let parts = picture.parts();
    let part = parts.get(number).ok_or(Error::Corrupt("part"))?;
    let rungs = if alone { picture.first_rungs() } else { picture.rungs_of_part(number) };
    let last = number + 1 == parts.len();
    let tiles = (!alone || !picture.first_part_is_left())
        .then(|| tiles(plan, picture, part.start_frame, if last { u64::MAX } else { part.start_frame + part.frames }))
        .flatten()
        .filter(|tiles| !tiles.frames.is_empty());
    if rungs.is_empty() && tiles.is_none() {
        return desk.advance(Made::default(), true).await;
    }
    let tile_bytes = tiles.as_ref().map(|tiles| u64::from(tiles.width) * u64::from(tiles.height) * 3);
    let span_us = parts.duration_us(&part);
    let rendered = rungs.iter().map(|rung| u64::from(rung.width) * u64::from(rung.height)).sum();
    let cost = |threads| Cost::encode(picture.frame(), (rungs.len(), rendered), threads, picture.hdr.is_some(), desk.seconds());
    // Fewer threads hold fewer pictures: better slow than refused.
    let usual = desk.worker.config.threads(desk.queue);
    let threads = (1..=usual).rev().find(|threads| cost(*threads).bytes() <= desk.tools.memory.most()).unwrap_or(1);
    let job = video::Job { picture, part: &part, last, rungs: &rungs, tiles, tonemap: desk.tools.tonemap, threads };
    let command = video::encode(&desk.tools, &input, desk.folder(), desk.limits(span_us, cost(threads)), &job);
    let mut outputs = Vec::with_capacity(rungs.len());
    for rung in &rungs {
        outputs.push(Output::new(desk, rung_row(picture, rung)).await?);
    }
    let mut writing = Writing { command, outputs, streams: false, start_us: parts.start_us(&part), span_us, desk };
    let ran = writing.run().await;
    // Behind a source's real end there is nothing, and ffmpeg says so with an error.
    forgive(ran, number > 0, desk)?;
    let made = collect_part(desk, &mut writing.outputs, picture, number, tile_bytes).await?;
    if number == 0 && made.segments.is_empty() && made.tiles.is_none() && writing.outputs.iter().all(|output| output.seen == 0) {
        return Err(Refusal::BrokenFile.into());
    }
    desk.advance(made, true).await
}

async fn collect_part(desk: &Desk, outputs: &mut [Output], picture: &Picture, number: u32, tile_bytes: Option<u64>) -> Result<Made, Error> {
    let mut made = Made::default();
    for output in outputs.iter_mut() {
        let frame_us = 1_000_000 * u64::from(picture.rate.den) / u64::from(picture.rate.num.max(1));
        let frames = output.listed_us().await / frame_us.max(1);
        made += output.collect(desk, may_lead(number, frames)).await?;
    }
    if let Some(tile_bytes) = tile_bytes {
        let bytes = tokio::fs::metadata(desk.folder().join(TILES)).await.map_or(0, |about| about.len());
        let count = u32::try_from(bytes / tile_bytes).unwrap_or(0);
        if count > 0 {
            let stored = desk.keep_file(TILES).await?;
            made.tiles = Some(TileSet { part: number, object: stored.key, count });
        }
    }
    Ok(made)
}

/// The storyboard tiles whose moments lie in a range of frames.
fn tiles(plan: &Plan, picture: &Picture, from: u64, to: u64) -> Option<Tiles> {
    let board = plan.storyboard()?;
    let rate = picture.playing_rate();
    let frames = (0..u64::from(board.tiles)).map(|tile| {
        // The middle of the stretch that the tile stands for.
        let ms = tile * board.interval_ms + board.interval_ms / 2;
        let frame = u128::from(ms) * u128::from(rate.num()) / (1000 * u128::from(rate.den()));
        u64::try_from(frame).unwrap_or(u64::MAX).min(picture.frames.saturating_sub(1))
    });
    let mut frames: Vec<u64> = frames.filter(|frame| (from..to).contains(frame)).collect();
    frames.dedup();
    Some(Tiles { width: board.tile_width, height: board.tile_height, frames })
}

fn picture(plan: &Plan) -> Result<&Picture, Error> {
    plan.picture.as_ref().ok_or(Error::Corrupt("plan"))
}

fn rung_row(picture: &Picture, rung: &Rung) -> Rendition {
    row(picture, &rung.name, rung.width, rung.height, rung.bandwidth.into(), &rung.codecs)
}

fn row(picture: &Picture, name: &str, width: u32, height: u32, bandwidth: u64, codecs: &str) -> Rendition {
    Rendition {
        name: name.to_owned(),
        track: Track::Video,
        bandwidth,
        codecs: codecs.to_owned(),
        width,
        height,
        millifps: picture.playing_rate().millifps(),
        // Stands until the header is stored.
        init: ObjectKey::random(),
        total_segments: None,
    }
}
