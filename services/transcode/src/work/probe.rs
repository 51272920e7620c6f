//! The first task: probe the file and make the plan.
//!
//! Invariant: nothing is decoded here, neither video nor audio, and each probe has a timeout in seconds, so a file
//! costs next to nothing before it is accepted or rejected.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::time::Duration;

use codec::sniff::Format;
use tokio::time::Instant;

use crate::commands;
use crate::error::Error;
use crate::ffmpeg::memory_estimate::MemoryEstimate;
use crate::ffmpeg::packets::{Listed, PacketReader};
use crate::ffmpeg::probe::{self, ProbeError};
use crate::ffmpeg::{self, Limits, ProcessError, stderr};
use crate::model::key_packet::{HEAD_BYTES, KeyPackets};
use crate::model::media_info::MediaInfo;
use crate::model::plan::needs_packets;
use crate::model::{Plan, RejectReason};
use contract::media::Kind;

use super::task_context::TaskContext;

/// Up to this size, in bytes, all probes run at once, in child processes side by side; for larger files they run one
/// after the other, and only those that turn out to be needed.
const SMALL: u64 = 64 << 20;
/// In addition to the probe timeout, listing a file's packets may take a second for so many bytes.
const BYTES_PER_SECOND: u64 = 100_000_000;

pub(super) async fn probe(task: &TaskContext) -> Result<(), Error> {
    let info = media_info(task, task.job.received.bytes <= SMALL).await?;
    let plan = Plan::of(&info, task.worker.config.accepted())?;
    if plan.video.as_ref().is_some_and(|video| video.hdr.is_some()) && !task.tools.tonemap {
        tracing::warn!(
            media.id = %task.job.media,
            "this ffmpeg cannot tone-map (it lacks zscale): HDR video will look pale; install one with libzimg"
        );
    }
    commands::plan(&task.worker, &task.job.media, plan).await
}

/// The limits of a probe. Its stall timeout limits its whole run time, without the time it waited before.
fn limits(task: &TaskContext, span_us: u64) -> Limits {
    let limits = task.limits(span_us, MemoryEstimate::probe(task.declared_frame(), task.index_seconds()));
    Limits { stall_timeout: limits.stall_timeout.min(task.worker.config.probe_timeout()), ..limits }
}

/// A probe that timed out is reported as such.
fn probe_timeout(task: &TaskContext, error: Error) -> Error {
    match error {
        Error::Rejected(RejectReason::TimedOut) => {
            RejectReason::ProbeTimedOut(task.worker.config.probe_timeout().as_secs()).into()
        }
        other => other,
    }
}

async fn media_info(task: &TaskContext, small: bool) -> Result<MediaInfo, Error> {
    let input = task.input().await?;
    let streams = async {
        let command = probe::streams(&task.tools, &input, task.folder(), limits(task, 0));
        let output = task
            .capture(&command, probe::MAX_OUTPUT_BYTES)
            .await
            .map_err(|failure| probe_timeout(task, broken_file(failure)))?;
        probe::parse(&output).map_err(|error| match error {
            ProbeError::Malformed => Error::Rejected(RejectReason::BrokenFile),
            ProbeError::Protected => Error::Rejected(RejectReason::Protected),
        })
    };
    if task.job.received.kind == Kind::Video && small {
        let packets = packets(task, &input);
        tokio::pin!(streams, packets);
        // A rejected file is not listed to its end.
        let (mut info, listed) = tokio::select! {
            info = &mut streams => (info?, None),
            listed = &mut packets => (streams.await?, Some(listed)),
        };
        // They are being listed anyway, and nothing else tells where decoding H.264 can begin.
        if needs_packets(&info) || info.video.as_ref().is_some_and(|video| video.codec == "h264") {
            let listed = match listed {
                Some(listed) => listed,
                None => packets.await,
            };
            add_packets(task, &input, &mut info, listed).await?;
        }
        return Ok(info);
    }
    let mut info = streams.await?;
    if needs_packets(&info) {
        let listed = packets(task, &input).await;
        add_packets(task, &input, &mut info, listed).await?;
    }
    Ok(info)
}

/// Adds the result of listing the packets. A file for which that took too long is encoded instead of copied; one whose
/// duration stays unknown is rejected.
async fn add_packets(
    task: &TaskContext,
    input: &ffmpeg::Input,
    info: &mut MediaInfo,
    listed: Result<Listed, Error>,
) -> Result<(), Error> {
    let knows_length = info.duration_us > 0 || info.video.as_ref().is_some_and(|video| video.duration_us > 0);
    let mut listed = match listed {
        Err(Error::Rejected(RejectReason::ProbeTimedOut(_))) if knows_length => return Ok(()),
        listed => listed?,
    };
    info.set_packets(&listed.packets);
    let Some(video) = info.video.as_mut().filter(|video| video.codec == "h264") else { return Ok(()) };
    video.segments = listed.segments.remove(&video.stream).unwrap_or_default();
    if let (Some(packets), Some(places)) = (&mut video.packets, listed.keys.remove(&video.stream)) {
        let (path, is_block) = (input.path().clone(), matches!(task.format()?, Format::Webm | Format::Mkv));
        let read = tokio::task::spawn_blocking(move || key_packets(&path, &places, is_block)).await;
        // A file that cannot be read fails in the next task, which says why.
        let keys = read.ok().and_then(Result::ok).unwrap_or_default();
        (packets.gradual, packets.changes) = (keys.gradual, keys.changes);
    }
    Ok(())
}

/// Reads the beginnings of keyframes.
fn key_packets(path: &Path, places: &[u64], is_block: bool) -> std::io::Result<KeyPackets> {
    let mut file = std::fs::File::open(path)?;
    let (mut found, mut head) = (KeyPackets::default(), Vec::new());
    for place in places {
        file.seek(SeekFrom::Start(*place))?;
        head.clear();
        file.by_ref().take(HEAD_BYTES).read_to_end(&mut head)?;
        found.add(&head, is_block);
    }
    Ok(found)
}

async fn packets(task: &TaskContext, input: &ffmpeg::Input) -> Result<Listed, Error> {
    let command = probe::packets(&task.tools, input, task.folder(), limits(task, task.declared_duration_us()));
    let mut reader = PacketReader::default();
    let timeout = task.worker.config.probe_timeout() + Duration::from_secs(task.job.received.bytes / BYTES_PER_SECOND);
    let mut began = None;
    // Output after that time is not progress.
    let on_stdout = |printed: &[u8]| reader.feed(printed) && began.get_or_insert_with(Instant::now).elapsed() < timeout;
    ffmpeg::run(&task.tools, &command, &task.cancel, on_stdout)
        .await
        .map_err(|failure| probe_timeout(task, broken_file(failure)))?;
    Ok(reader.finish())
}

/// A file at which ffprobe fails is broken, whatever its message; unless it could not be opened at all.
fn broken_file(failure: ProcessError) -> Error {
    match &failure {
        ProcessError::Exited { status, stderr }
            if status.code().is_some() && !stderr.has("No such file") && !stderr::is_input_lost(stderr) =>
        {
            match Error::from(failure) {
                Error::Process(_) => Error::Rejected(RejectReason::BrokenFile),
                known => known,
            }
        }
        _ => failure.into(),
    }
}
