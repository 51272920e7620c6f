//! The first piece: look at the file and plan.
//!
//! Invariant: nothing is decoded here, so a file costs next to nothing before it is accepted or refused.

use crate::error::Error;
use crate::ffmpeg::probe::{self, PacketReader, Unreadable};
use crate::ffmpeg::{self, Failure};
use crate::flow;
use crate::model::facts::{Facts, Keyframes};
use crate::model::plan::needs_packets;
use crate::model::{Plan, Refusal};
use contract::media::Kind;

use super::Desk;

/// Up to this size, in bytes, every packet is looked at while the streams are; larger files only if that turns out to be needed.
const SMALL: u64 = 64 << 20;

pub(super) async fn start(desk: &Desk) -> Result<(), Error> {
    let facts = look(desk).await?;
    let plan = Plan::of(&facts, desk.worker.config.accepted())?;
    if plan.picture.as_ref().is_some_and(|picture| picture.hdr.is_some()) && !desk.worker.tools.tonemap {
        tracing::warn!(media.id = %desk.job.media, "this ffmpeg can't tone-map (it lacks zscale): HDR video will look pale; install one with libzimg");
    }
    let (media, now) = (desk.job.media.clone(), desk.worker.context.clock.now());
    desk.worker.context.db.write(move |tx| Box::pin(async move { flow::plan(tx, &media, &plan, now).await })).await
}

async fn look(desk: &Desk) -> Result<Facts, Error> {
    let input = desk.input().await?;
    let about = async {
        let command = probe::about(&desk.worker.tools, &input, desk.folder(), desk.limits(0));
        let answer = desk.ask(&command, probe::ANSWER).await.map_err(broken)?;
        probe::read(&answer).map_err(|unreadable| match unreadable {
            Unreadable::Garbled => Error::Refused(Refusal::BrokenFile),
            Unreadable::Protected => Error::Refused(Refusal::Protected),
        })
    };
    if desk.job.received.kind == Kind::Video && desk.job.received.bytes <= SMALL {
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
    let span_us = desk.job.received.duration_ms.unwrap_or(0).saturating_mul(1000);
    let command = probe::packets(&desk.worker.tools, input, desk.folder(), desk.limits(span_us), stream);
    let mut reader = PacketReader::default();
    ffmpeg::run(&desk.worker.tools, &command, &desk.cancel, |printed| reader.feed(printed)).await.map_err(broken)?;
    Ok(reader.finish())
}

/// A file that ffprobe gives up on is broken, whatever words it finds for that; unless it could not be opened at all.
fn broken(failure: Failure) -> Error {
    match &failure {
        Failure::Ended { status, complaint } if status.code().is_some() && !complaint.contains("No such file") && !complaint.contains("Input/output error") => {
            match Error::from(failure) {
                Error::Child(_) => Error::Refused(Refusal::BrokenFile),
                known => known,
            }
        }
        _ => failure.into(),
    }
}
