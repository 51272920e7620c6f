//! The first piece: look at the file and plan.
//!
//! Invariant: nothing is decoded here, neither picture nor sound, and each look has a limit in seconds, so a file costs next to nothing before it
//! is accepted or refused.

use std::time::Duration;

use tokio::time::Instant;

use crate::error::Error;
use crate::ffmpeg::cost::Cost;
use crate::ffmpeg::probe::{self, PacketReader, Unreadable};
use crate::ffmpeg::{self, Failure, Limits, reason};
use crate::flow;
use crate::model::facts::{Facts, Keyframes};
use crate::model::plan::needs_packets;
use crate::model::{Plan, Refusal};
use contract::media::Kind;

use super::Desk;

/// Up to this size, in bytes, everything is found out at once, in children side by side; for larger files one thing after
/// the other, and only what turns out to be needed.
const SMALL: u64 = 64 << 20;
/// Beside the limit on probing, listing a file's packets may take a second for so many bytes.
const BYTES_PER_SECOND: u64 = 100_000_000;

pub(super) async fn start(desk: &Desk) -> Result<(), Error> {
    let facts = look(desk, desk.job.received.bytes <= SMALL).await?;
    let plan = Plan::of(&facts, desk.worker.config.accepted())?;
    if plan.picture.as_ref().is_some_and(|picture| picture.hdr.is_some()) && !desk.tools.tonemap {
        tracing::warn!(media.id = %desk.job.media, "this ffmpeg can't tone-map (it lacks zscale): HDR video will look pale; install one with libzimg");
    }
    let (media, now) = (desk.job.media.clone(), desk.worker.context.clock.now());
    desk.worker.context.db.write(move |tx| Box::pin(async move { flow::plan(tx, &media, &plan, now).await })).await?;
    desk.worker.permits.wake();
    Ok(())
}

/// What a probe may use. Its silence is limited: how long it has been at work, without what it waited for before.
fn limits(desk: &Desk, span_us: u64) -> Limits {
    let limits = desk.limits(span_us, Cost::probe(desk.frame(), desk.seconds()));
    Limits { stall: limits.stall.min(desk.worker.config.probe()), ..limits }
}

/// A probe that was given up says so in its own words.
fn late(desk: &Desk, error: Error) -> Error {
    match error {
        Error::Refused(Refusal::TimedOut) => Refusal::ProbeTimedOut(desk.worker.config.probe().as_secs()).into(),
        other => other,
    }
}

async fn look(desk: &Desk, small: bool) -> Result<Facts, Error> {
    let input = desk.input().await?;
    let about = async {
        let command = probe::about(&desk.tools, &input, desk.folder(), limits(desk, 0));
        let answer = desk.ask(&command, probe::ANSWER).await.map_err(|failure| late(desk, broken(failure)))?;
        probe::read(&answer).map_err(|unreadable| match unreadable {
            Unreadable::Garbled => Error::Refused(Refusal::BrokenFile),
            Unreadable::Protected => Error::Refused(Refusal::Protected),
        })
    };
    if desk.job.received.kind == Kind::Video && small {
        let packets = packets(desk, &input, None);
        tokio::pin!(about, packets);
        // A file that is refused is not listed to its end.
        let (mut facts, listed) = tokio::select! {
            facts = &mut about => (facts?, None),
            listed = &mut packets => (about.await?, Some(listed)),
        };
        if needs_packets(&facts) {
            let listed = match listed {
                Some(listed) => listed,
                None => packets.await,
            };
            settle(&mut facts, listed)?;
        }
        return Ok(facts);
    }
    let mut facts = about.await?;
    if needs_packets(&facts) {
        let stream = facts.video.as_ref().map(|video| video.stream);
        let listed = packets(desk, &input, stream).await;
        settle(&mut facts, listed)?;
    }
    Ok(facts)
}

/// Adds what listing the packets showed. A file for which that took too long is encoded instead of copied; one whose length nobody knows is refused.
fn settle(facts: &mut Facts, listed: Result<Keyframes, Error>) -> Result<(), Error> {
    let knows_length = facts.duration_us > 0 || facts.video.as_ref().is_some_and(|video| video.duration_us > 0);
    match listed {
        Err(Error::Refused(Refusal::ProbeTimedOut(_))) if knows_length => {}
        listed => set(facts, listed?),
    }
    Ok(())
}

fn set(facts: &mut Facts, keyframes: Keyframes) {
    if let Some(video) = &mut facts.video {
        video.keyframes = Some(keyframes);
    }
}

async fn packets(desk: &Desk, input: &ffmpeg::Input, stream: Option<u32>) -> Result<Keyframes, Error> {
    let command = probe::packets(&desk.tools, input, desk.folder(), limits(desk, desk.span_us()), stream);
    let mut reader = PacketReader::default();
    let most = desk.worker.config.probe() + Duration::from_secs(desk.job.received.bytes / BYTES_PER_SECOND);
    let mut began = None;
    // What comes after that time is no progress.
    let heard = |printed: &[u8]| reader.feed(printed) && began.get_or_insert_with(Instant::now).elapsed() < most;
    ffmpeg::run(&desk.tools, &command, &desk.cancel, heard).await.map_err(|failure| late(desk, broken(failure)))?;
    Ok(reader.finish())
}

/// A file that ffprobe gives up on is broken, whatever words it finds for that; unless it could not be opened at all.
fn broken(failure: Failure) -> Error {
    match &failure {
        Failure::Ended { status, complaint } if status.code().is_some() && !complaint.has("No such file") && !reason::is_away(complaint) => match Error::from(failure) {
            Error::Child(_) => Error::Refused(Refusal::BrokenFile),
            known => known,
        },
        _ => failure.into(),
    }
}
