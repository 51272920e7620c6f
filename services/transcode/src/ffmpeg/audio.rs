//! Command lines for audio: measuring its loudness, encoding it whole, extracting samples for its waveform.
//!
//! Owns the arithmetic of loudness (EBU R 128). Invariant: the gain is one number for the whole item, so encoding is a
//! single pass whose result does not depend on where or how often it runs.

use std::fmt::Write as _;
use std::path::Path;

use super::{Args, Command, Input, Limits, ONE_FILTER_THREAD, Tools};
use crate::model::plan::AudioPlan;

/// The name of the audio rendition.
pub(crate) const NAME: &str = codec::ladder::AUDIO.name;
/// The highest peak, in decibels of full scale: headroom for what the lossy encoder adds.
const PEAK_CEILING_DB: f64 = -1.5;
/// The highest gain in decibels: material that would need more is noise.
const MAX_GAIN_DB: f64 = 24.0;
/// At or below this, in LUFS, nothing was measured (the gate of EBU R 128 is at −70).
const SILENCE_LUFS: f64 = -69.0;
/// Up to this duration all of it is measured (1,000 times faster than real time); above, [`EXCERPTS`] of it, so that
/// the member does not wait.
const FULL_MEASURE_US: u64 = 10 * 60 * 1_000_000;
const EXCERPTS: u64 = 20;
const EXCERPT_SECONDS: u64 = 20;
/// The sampling rate from which the waveform is computed.
pub(crate) const WAVEFORM_RATE: u32 = 8000;

/// Measuring and encoding use the same two channels.
const STEREO: &str = "aformat=sample_fmts=fltp:channel_layouts=stereo";

/// The filter that measures.
fn meter_filter() -> String {
    format!("aresample=48000,{STEREO},ebur128=framelog=verbose")
}

/// Returns the filter that mixes channels whose places are unknown into both of ours, all alike; it ends with a comma,
/// or is empty.
fn mix(audio: &AudioPlan) -> String {
    let Some(channels) = audio.unplaced_channels else { return String::new() };
    let all: Vec<String> = (0..channels).map(|channel| format!("c{channel}")).collect();
    let all = all.join("+");
    // `<` divides by their number.
    format!("pan=stereo|c0<{all}|c1<{all},")
}

/// Returns how many inputs [`measure`] opens side by side.
pub(crate) fn measure_inputs(audio: &AudioPlan) -> u64 {
    if audio.duration_us <= FULL_MEASURE_US { 1 } else { EXCERPTS }
}

fn measure_args() -> Args {
    Args::default()
        .all("-nostdin -hide_banner -nostats -v info -progress pipe:1 -stats_period 0.5")
        .all(ONE_FILTER_THREAD)
}

/// Measures the loudness; [`loudness`] parses its stderr.
pub(crate) fn measure(tools: &Tools, input: &Input, folder: &Path, limits: Limits, audio: &AudioPlan) -> Command {
    let (mut args, meter, mix) = (measure_args(), meter_filter(), mix(audio));
    if audio.duration_us <= FULL_MEASURE_US {
        args = args
            .all("-threads 1")
            .input(input)
            .pair("-map", format!("0:{}", audio.stream))
            .all("-vn -sn -dn")
            .pair("-af", format!("{mix}{meter}"));
    } else {
        let step_us = audio.duration_us / EXCERPTS;
        let (mut mixed, mut joined) = (String::new(), String::new());
        for excerpt in 0..EXCERPTS {
            let start = (excerpt * step_us) as f64 / 1e6;
            args = args
                .pair("-ss", format!("{start:.3}"))
                .pair("-t", EXCERPT_SECONDS.to_string())
                .all("-threads 1")
                .input(input);
            // Channels without places can't be joined.
            let _ = write!(mixed, "[{excerpt}:{}]{mix}anull[e{excerpt}];", audio.stream);
            let _ = write!(joined, "[e{excerpt}]");
        }
        let graph = format!("{mixed}{joined}concat=n={EXCERPTS}:v=0:a=1,{meter}[m]");
        args = args.pair("-filter_complex", graph).all("-map [m]");
    }
    args.all("-f null -").command(&tools.ffmpeg, folder, limits)
}

/// Returns the integrated loudness in LUFS from ebur128's summary; `None` if there is none or all is silent.
pub(crate) fn loudness(stderr: &str) -> Option<f64> {
    let summary = stderr.rsplit_once("Integrated loudness:")?.1;
    let value: f64 = summary.split_whitespace().skip_while(|word| *word != "I:").nth(1)?.parse().ok()?;
    (value.is_finite() && value > SILENCE_LUFS && value < 20.0).then_some(value)
}

/// Returns the gain in decibels that brings audio measured at `lufs` to `wanted`; silence stays as it is.
pub(crate) fn gain_db(lufs: Option<f64>, wanted: f64) -> f64 {
    lufs.map_or(0.0, |lufs| (wanted - lufs).min(MAX_GAIN_DB))
}

/// Marks packets whose time has passed already: their decode time becomes that of the last one that has not, and a bit
/// more. All packets have 1024 samples and times that are multiples of it.
const ONLY_ONCE: &str = r"setts=dts=if(gt(N\,0)*lte(PTS\,PREV_OUTDTS)\,floor(PREV_OUTDTS/1024)*1024+1\,PTS)";

/// How audio is encoded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AudioEncode<'a> {
    pub audio: &'a AudioPlan,
    pub gain_db: f64,
    /// Whether its times are those of a video.
    pub beside_video: bool,
}

/// Encodes all of the audio.
///
/// Beside video, `first_pts=0` inserts silence before audio that starts late, so its offset from the video stays. A
/// source whose sampling rate or channels change starts the filters anew, and with them silence from 0 on:
/// [`ONLY_ONCE`] lets through only the part of it that was not heard yet. Audio without video does not need the times
/// of its source, which start again where recordings were joined (RFC 3533 §4): without `-copyts` ffmpeg continues
/// them, and `setts` closes the gaps that filters leave where they start anew. AAC starts with one packet of priming
/// before time 0; it is dropped, so decode times start at 0 and no edit list is needed.
pub(crate) fn encode(tools: &Tools, input: &Input, folder: &Path, limits: Limits, encode: AudioEncode<'_>) -> Command {
    let AudioEncode { audio, gain_db, beside_video } = encode;
    let limit = 10f64.powf(PEAK_CEILING_DB / 20.0);
    let mix = mix(audio);
    let first = if beside_video { ":first_pts=0" } else { "" };
    let pad = audio.pad_to_us.map_or(String::new(), |us| format!(",apad,atrim=end={:.6}", us as f64 / 1e6));
    let filter = format!(
        "{mix}aresample=48000:async=1{first},{STEREO},volume={gain_db:.2}dB,\
         alimiter=limit={limit:.4}:level=disabled:attack=5:release=50:latency=1,{STEREO}{pad}"
    );
    let times = if beside_video { ONLY_ONCE } else { "setts=ts=(N-1)*1024" };
    let args = if beside_video { Args::ffmpeg().all("-copyts -start_at_zero") } else { Args::ffmpeg() };
    let args = args
        .all("-threads 1")
        .input(input)
        .pair("-map", format!("0:{}", audio.stream))
        .all("-vn -sn -dn")
        .pair("-af", filter)
        .all("-c:a aac -flags:a +bitexact")
        .pair("-b:a", codec::ladder::AUDIO.bitrate.to_string())
        .pair("-bsf:a", format!("{times},noise=amount=0:drop=lt(pts\\,max(dts\\,0))"))
        .no_metadata()
        .hls(NAME, 4.0, 0);
    args.command(&tools.ffmpeg, folder, limits)
}

/// Prints the audio as 16-bit samples, one channel, for the waveform.
pub(crate) fn samples(tools: &Tools, input: &Input, folder: &Path, limits: Limits, audio: &AudioPlan) -> Command {
    let args = Args::default()
        .all("-nostdin -hide_banner -nostats -v warning")
        .all(ONE_FILTER_THREAD)
        .all("-threads 1")
        .input(input)
        .pair("-map", format!("0:{}", audio.stream))
        .pair("-af", format!("{}anull", mix(audio)))
        .all("-vn -sn -dn -ac 1 -f s16le -c:a pcm_s16le")
        .pair("-ar", WAVEFORM_RATE.to_string())
        .word("pipe:1");
    args.command(&tools.ffmpeg, folder, limits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loudness_summary_is_parsed_and_silence_gets_no_gain() {
        let summary = concat!(
            "[Parsed_ebur128_2 @ 0x1] Summary:\n\n",
            "  Integrated loudness:\n",
            "    I:         -21.4 LUFS\n",
            "    Threshold: -34.7 LUFS\n"
        );
        assert_eq!(loudness(summary), Some(-21.4));
        assert_eq!(loudness(&summary.replace("-21.4", "-70.0")), None);
        assert_eq!(loudness("nothing"), None);
        assert!((gain_db(Some(-21.4), -16.0) - 5.4).abs() < 1e-9);
        assert!((gain_db(Some(-60.0), -16.0) - MAX_GAIN_DB).abs() < 1e-9);
        assert!(gain_db(None, -16.0).abs() < 1e-9);
        assert!(gain_db(Some(-6.0), -16.0) < -9.9);
    }
}
