//! The piece that draws an audio file's waveform.
//!
//! Invariant: memory is bounded whatever the length: samples are reduced as they come.

use codec::waveform::Waveform;
use contract::transcode::Asset;

use super::Desk;
use crate::error::Error;
use crate::ffmpeg::cost::Cost;
use crate::ffmpeg::{self, sound};
use crate::flow::Made;

pub(super) async fn waveform(desk: &Desk) -> Result<(), Error> {
    let plan = desk.plan()?;
    let (source, input) = (plan.sound.as_ref().ok_or(Error::Corrupt("plan"))?, desk.input().await?);
    let command = sound::samples(&desk.tools, &input, desk.folder(), desk.limits(plan.duration_us, Cost::audio(desk.seconds(), 1)), source);
    let (mut wave, mut odd, mut samples) = (Waveform::new(sound::WAVEFORM_RATE), None, Vec::new());
    ffmpeg::run(&desk.tools, &command, &desk.cancel, |printed| {
        // A sample's two bytes may come in two pieces.
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
    let stored = desk.keep_bytes(text).await?;
    let asset = Asset { name: "waveform".into(), content_type: "application/json".into(), object: stored.key, bytes: stored.bytes };
    desk.advance(Made { assets: vec![asset], ..Made::default() }, true).await
}
