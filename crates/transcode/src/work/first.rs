//! The first piece: look at the file and plan.
//!
//! Invariant: no picture is decoded here, so a file costs next to nothing before it is accepted or refused.

use crate::error::Error;
use crate::ffmpeg::probe::{self, PacketReader, Unreadable};
use crate::ffmpeg::{self, Failure, reason, sound};
use crate::flow;
use crate::model::facts::{Facts, Keyframes};
use crate::model::plan::{Loudness, needs_packets};
use crate::model::{Plan, Refusal};
use contract::media::Kind;

use super::Desk;

/// Up to this size, in bytes, everything is found out at once, in children side by side; for larger files one thing after
/// the other, and only what turns out to be needed.
const SMALL: u64 = 64 << 20;

pub(super) async fn start(desk: &Desk) -> Result<(), Error> {
    let small = desk.job.received.bytes <= SMALL;
    let (facts, measured) = tokio::join!(look(desk, small), measure(desk, small));
    let facts = facts?;
    let mut plan = Plan::of(&facts, desk.worker.config.accepted())?;
    if let (Some(sound), Some(audio)) = (&mut plan.sound, &facts.audio)
        && audio.is_first
    {
        sound.loudness = measured;
    }
    if plan.picture.as_ref().is_some_and(|picture| picture.hdr.is_some()) && !desk.tools.tonemap {
        tracing::warn!(media.id = %desk.job.media, "this ffmpeg can't tone-map (it lacks zscale): HDR video will look pale; install one with libzimg");
    }
    let (media, now) = (desk.job.media.clone(), desk.worker.context.clock.now());
    desk.worker.context.db.write(move |tx| Box::pin(async move { flow::plan(tx, &media, &plan, now).await })).await
}

/// Measures a small file's loudness while the others look at it; that may not be possible (there may be no sound at all).
async fn measure(desk: &Desk, small: bool) -> Loudness {
    if !small {
        return Loudness::Unknown;
    }
    let Ok(input) = desk.input().await else { return Loudness::Unknown };
    let command = sound::measure_first(&desk.tools, &input, desk.folder(), desk.limits(desk.span_us()));
    match desk.run_quietly(&command).await {
        Ok(complaint) => sound::loudness(&complaint).map_or(Loudness::Silent, Loudness::Lufs),
        Err(_) => Loudness::Unknown,
    }
}

async fn look(desk: &Desk, small: bool) -> Result<Facts, Error> {
    let input = desk.input().await?;
    let about = async {
        let command = probe::about(&desk.tools, &input, desk.folder(), desk.limits(0));
        let answer = desk.ask(&command, probe::ANSWER).await.map_err(broken)?;
        probe::read(&answer).map_err(|unreadable| match unreadable {
            Unreadable::Garbled => Error::Refused(Refusal::BrokenFile),
            Unreadable::Protected => Error::Refused(Refusal::Protected),
        })
    };
    if desk.job.received.kind == Kind::Video && small {
        let (about, packets) = tokio::join!(about, packets(desk, &input, None));
        let mut facts = about?;
        if needs_packets(&facts) {
            set(&mut facts, packets?);
        }
        return Ok(facts);
    }
    let mut facts = about.await?;
    if needs_packets(&facts) {
        let stream = facts.video.as_ref().map(|video| video.stream);
        set(&mut facts, packets(desk, &input, stream).await?);
    }
    Ok(facts)
}

fn set(facts: &mut Facts, keyframes: Keyframes) {
    if let Some(video) = &mut facts.video {
        video.keyframes = Some(keyframes);
    }
}

async fn packets(desk: &Desk, input: &ffmpeg::Input, stream: Option<u32>) -> Result<Keyframes, Error> {
    let command = probe::packets(&desk.tools, input, desk.folder(), desk.limits(desk.span_us()), stream);
    let mut reader = PacketReader::default();
    ffmpeg::run(&desk.tools, &command, &desk.cancel, |printed| reader.feed(printed)).await.map_err(broken)?;
    Ok(reader.finish())
}

/// A file that ffprobe gives up on is broken, whatever words it finds for that; unless it could not be opened at all.
fn broken(failure: Failure) -> Error {
    match &failure {
        Failure::Ended { status, complaint } if status.code().is_some() && !complaint.contains("No such file") && !reason::is_away(complaint) => match Error::from(failure) {
            Error::Child(_) => Error::Refused(Refusal::BrokenFile),
            known => known,
        },
        _ => failure.into(),
    }
}
