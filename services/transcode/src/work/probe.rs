//! The first task: probe the file and make the plan.
//!
//! Invariant: nothing is decoded here, neither video nor audio, and each probe has a timeout in seconds, so a file
//! costs next to nothing before it is accepted or rejected.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::commands;
use crate::error::Error;
use crate::ffmpeg::memory_estimate::MemoryEstimate;
use crate::ffmpeg::packets::PacketReader;
use crate::ffmpeg::probe::{self, ProbeError};
use crate::ffmpeg::{self, Limits, ProcessError, stderr};
use crate::model::media_info::{MediaInfo, Packets};
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
        if needs_packets(&info) {
            let listed = match listed {
                Some(listed) => listed,
                None => packets.await,
            };
            add_packets(&mut info, listed)?;
        }
        return Ok(info);
    }
    let mut info = streams.await?;
    if needs_packets(&info) {
        let listed = packets(task, &input).await;
        add_packets(&mut info, listed)?;
    }
    Ok(info)
}

/// Adds the result of listing the packets. A file for which that took too long is encoded instead of copied; one whose
/// duration stays unknown is rejected.
fn add_packets(info: &mut MediaInfo, listed: Result<BTreeMap<u32, Packets>, Error>) -> Result<(), Error> {
    let knows_length = info.duration_us > 0 || info.video.as_ref().is_some_and(|video| video.duration_us > 0);
    match listed {
        Err(Error::Rejected(RejectReason::ProbeTimedOut(_))) if knows_length => {}
        listed => info.set_packets(&listed?),
    }
    Ok(())
}

async fn packets(task: &TaskContext, input: &ffmpeg::Input) -> Result<BTreeMap<u32, Packets>, Error> {
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
