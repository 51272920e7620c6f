//! The task that computes an audio file's waveform.
//!
//! Invariant: memory is bounded whatever the duration: samples are reduced as they come.

use codec::waveform::Waveform;
use contract::transcode::Asset;

use super::task_context::TaskContext;
use crate::commands::Outputs;
use crate::error::Error;
use crate::ffmpeg::memory_estimate::MemoryEstimate;
use crate::ffmpeg::{self, audio};

pub(super) async fn waveform(task: &TaskContext) -> Result<(), Error> {
    let plan = task.plan()?;
    let (source, input) = (plan.audio.as_ref().ok_or(Error::Corrupt("plan"))?, task.input().await?);
    let command = audio::samples(
        &task.tools,
        &input,
        task.folder(),
        task.limits(plan.duration_us, MemoryEstimate::audio(task.index_seconds(), 1)),
        source,
    );
    let (mut wave, mut odd, mut samples) = (Waveform::new(audio::WAVEFORM_RATE), None, Vec::new());
    ffmpeg::run(&task.tools, &command, &task.cancel, |printed| {
        // A sample's two bytes may be split between two reads.
        samples.clear();
        for &byte in printed {
            match odd.take() {
                Some(low) => samples.push(i16::from_le_bytes([low, byte])),
                None => odd = Some(byte),
            }
        }
        wave.push(&samples);
        true
    })
    .await?;
    let text = serde_json::to_vec(&wave.finish()).map_err(|_| Error::Corrupt("waveform"))?;
    let stored = task.store_bytes(text).await?;
    let asset = Asset {
        name: "waveform".into(),
        content_type: "application/json".into(),
        object: stored.key,
        bytes: stored.bytes,
    };
    task.complete(Outputs { assets: vec![asset], ..Outputs::default() }).await
}
