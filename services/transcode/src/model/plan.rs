//! Turns media info into a plan: what is rejected, what is copied, which renditions are produced, in which tasks.
//!
//! Owns the limits of what is accepted. Does not own the definition of *standard input* (`standard_input`), nor the
//! ladder, the chunks or the storyboard's layout (`codec`). Invariant: a plan is stored once and every task follows the
//! stored one, so a new release never mixes two ladders in one item.

use codec::chunks::Chunks;
use codec::ladder::{AUDIO, FrameRate};
use codec::storyboard::Storyboard;
use serde::{Deserialize, Serialize};

use super::copied_segments::SharedSegments;
use super::media_info::{Hdr, MediaInfo, Ratio, VideoStream};
use super::standard_input;
use super::track_ends::{duration_us, end_us, from_start, has_clear_ends, is_shorter, measured_end_us};
use super::{RejectReason, Task};
use crate::ffmpeg::codecs::{decodes_audio, decodes_video};
use crate::ffmpeg::memory_estimate::Frame;

/// The most tracks of a file; no camera writes more.
pub(crate) const MAX_STREAMS: u32 = 32;
/// Sampling rates that are converted, in hertz.
const SAMPLE_RATES: std::ops::RangeInclusive<u32> = 4_000..=384_000;
/// The most channels that are mixed down: those of 22.2 surround sound.
const MAX_CHANNELS: u32 = 24;
/// The longest side of a picture that is decoded, in pixels.
pub(crate) const MAX_SIDE: u32 = 8192;
/// Keyframes that are further apart than this, in microseconds, are sparse: on average half of it is decoded for a
/// chunk of at most 32 seconds and not shown.
const SPARSE_US: u64 = 60_000_000;
/// The sides of interlaced frames that are scaled are multiples of this: otherwise the two fields have more lines of
/// chroma (each of up to four lines) than their frame, and ffmpeg's filter `scale` writes behind its end.
pub(crate) const FIELD_STEP: u32 = 8;
/// The most channels that are mixed by where their loudspeakers stand; more of them, or such without places, are mixed
/// alike.
const MAX_PLACED_CHANNELS: u32 = 8;

/// What is produced from an item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Plan {
    /// Its duration in microseconds.
    pub duration_us: u64,
    #[serde(alias = "picture")]
    pub video: Option<VideoPlan>,
    #[serde(alias = "sound")]
    pub audio: Option<AudioPlan>,
    /// The stream with a cover image, for audio without video.
    pub cover: Option<u32>,
}

/// What is produced from its video.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct VideoPlan {
    pub stream: u32,
    /// Upright, square pixels.
    pub width: u32,
    pub height: u32,
    /// The constant frame rate of the renditions.
    pub rate: Ratio,
    /// The number of their frames, if the container's duration is true.
    pub frames: u64,
    /// The rendition made by remuxing the source's own video, if it is standard input.
    pub copy: Option<Copied>,
    /// The renditions that are encoded, highest first.
    pub rungs: Vec<Rung>,
    pub interlaced: bool,
    pub hdr: Option<Hdr>,
    /// ffmpeg's name of its colour matrix; empty where it is unknown.
    pub matrix: String,
    pub full_range: bool,
    /// Whether it has more than 8 bits per sample (or more than 4:2:0), which determines the memory of decoding it.
    #[serde(default = "unknown_depth")]
    pub deep: bool,
    /// The size of its frames as they are stored, which all of them are fitted into before they are deinterlaced and
    /// turned: a recording may change it on the way. `None` where ffmpeg cannot do that.
    #[serde(default)]
    pub canvas: Option<(u32, u32)>,
    /// What its display matrix does, as in [`VideoStream`].
    #[serde(default)]
    pub rotation: i32,
    #[serde(default)]
    pub mirrored: bool,
    /// The time of its last frame in microseconds, if that is held to the end of longer audio.
    #[serde(default)]
    pub held_from_us: Option<u64>,
    /// How long before a chunk decoding begins, in microseconds, where pictures are whole only some time after a
    /// keyframe.
    #[serde(default)]
    pub lead_us: u64,
    /// Whether keyframes are so far apart that decoding a chunk begins far before it.
    #[serde(default)]
    pub sparse: bool,
}

/// The default for plans that were stored before this field existed.
fn unknown_depth() -> bool {
    true
}

/// The remuxed rendition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Copied {
    pub name: String,
    pub bits_per_second: u64,
    /// Its segments, which the encoded renditions share; empty in plans of the previous release.
    #[serde(default)]
    pub segments: SharedSegments,
}

/// An encoded rendition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Rung {
    pub name: String,
    pub width: u32,
    pub height: u32,
    /// Peak bits per second, and the buffer over which they are counted, in bits.
    pub max_rate: u32,
    pub buffer: u32,
    pub crf: u8,
    pub profile: String,
    /// H.264's `level_idc`: 31 is level 3.1.
    pub level: u8,
    pub codecs: String,
    pub bandwidth: u32,
}

/// What is produced from its audio.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct AudioPlan {
    pub stream: u32,
    /// Its duration in microseconds; 0 where it is unknown.
    pub duration_us: u64,
    /// The length to which silence is added, in microseconds, if the video is longer.
    #[serde(default)]
    pub pad_to_us: Option<u64>,
    /// The number of channels that are mixed alike, if their places are unknown.
    #[serde(default)]
    pub unplaced_channels: Option<u32>,
}

/// The limits of accepted files.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Accepted {
    pub max_duration_us: u64,
    /// Pixels of a coded picture.
    pub pixels: u64,
}

impl Plan {
    /// Returns the plan, or the reason for a rejection.
    pub fn of(info: &MediaInfo, accepted: Accepted) -> Result<Self, RejectReason> {
        if info.streams > MAX_STREAMS {
            return Err(RejectReason::TooManyStreams(MAX_STREAMS));
        }
        if info.video.is_none() && info.audio.is_none() {
            return Err(if info.cover.is_some() { RejectReason::NoAudio } else { RejectReason::NoAudioOrVideo });
        }
        let duration_us = duration_us(info);
        let video = info.video.as_ref().map(|video| VideoPlan::of(video, info, accepted, duration_us)).transpose()?;
        let audio = match &info.audio {
            // Values that `media` reads in the file's own header are checked there; some codecs reveal them only to a
            // decoder.
            Some(audio) if audio.sample_rate > 0 && !SAMPLE_RATES.contains(&audio.sample_rate) => {
                return Err(RejectReason::SampleRate(audio.sample_rate));
            }
            Some(audio) if audio.channels > MAX_CHANNELS => return Err(RejectReason::TooManyChannels(MAX_CHANNELS)),
            Some(audio) if decodes_audio(&audio.codec) => Some(AudioPlan {
                stream: audio.stream,
                duration_us: if audio.duration_us > 0 { audio.duration_us } else { duration_us },
                pad_to_us: is_shorter(measured_end_us(audio.packets, info), duration_us).then_some(duration_us),
                unplaced_channels: (audio.channels > MAX_PLACED_CHANNELS).then_some(audio.channels),
            }),
            Some(audio) => {
                return Err(RejectReason::UnsupportedCodec(codec_name(&audio.codec, "an unknown kind of audio")));
            }
            None => None,
        };
        if duration_us > accepted.max_duration_us {
            return Err(RejectReason::TooLong(accepted.max_duration_us.div_ceil(3_600_000_000)));
        }
        let cover = if video.is_none() { info.cover } else { None };
        Ok(Self { duration_us, video, audio, cover })
    }

    /// Returns the tasks other than `Probe` and `Finish`, each with its weight (roughly, millions of pixels to encode).
    pub fn tasks(&self) -> Vec<(Task, u64)> {
        let mut tasks = Vec::new();
        if let Some(video) = &self.video {
            let chunks = video.chunks();
            let heavy = |rungs: &[&Rung], frames: u64| {
                let pixels: u64 = rungs.iter().map(|rung| u64::from(rung.width) * u64::from(rung.height)).sum();
                (pixels + u64::from(video.width) * u64::from(video.height) / 4) * frames / 1_000_000 + 1
            };
            if video.copy.is_some() {
                tasks.push((Task::Copy, 1 + video.frames / 100));
            } else {
                tasks.push((Task::First, heavy(&video.first_rungs(), chunks.get(0).map_or(1, |chunk| chunk.frames))));
            }
            for chunk in chunks.iter() {
                if chunk.number > 0 || video.first_chunk_is_separate() {
                    tasks.push((Task::Chunk(chunk.number), heavy(&video.rungs_of_chunk(chunk.number), chunk.frames)));
                }
            }
        }
        if self.video.is_some() || self.cover.is_some() {
            tasks.push((Task::Poster, 1));
        }
        if let Some(audio) = &self.audio {
            tasks.push((Task::Audio, 1 + audio.duration_us / 1_000_000));
            if self.video.is_none() {
                tasks.push((Task::Waveform, 1 + audio.duration_us / 10_000_000));
            }
        }
        tasks
    }

    /// Returns the tasks that are enqueued with the plan; the rest follows when playback can start.
    pub fn opening(&self) -> Vec<Task> {
        self.tasks()
            .into_iter()
            .map(|(task, _)| task)
            .filter(|task| self.video.is_none() || matches!(task, Task::Copy | Task::First | Task::Audio))
            .collect()
    }

    /// Returns the storyboard's layout.
    pub fn storyboard(&self) -> Option<Storyboard> {
        let video = self.video.as_ref()?;
        Some(Storyboard::plan(video.width, video.height, self.duration_us / 1000))
    }
}

impl VideoPlan {
    fn of(video: &VideoStream, info: &MediaInfo, accepted: Accepted, duration_us: u64) -> Result<Self, RejectReason> {
        if !decodes_video(&video.codec) {
            return Err(RejectReason::UnsupportedCodec(codec_name(&video.codec, "an unknown kind of video")));
        }
        let (width, height) = video.upright();
        if width == 0 || height == 0 {
            return Err(RejectReason::BrokenFile);
        }
        if video.width.max(video.height).max(width).max(height) > MAX_SIDE {
            return Err(RejectReason::TooLarge(MAX_SIDE));
        }
        if u64::from(video.width) * u64::from(video.height) > accepted.pixels {
            return Err(RejectReason::TooManyPixels(accepted.pixels / 1_000_000));
        }
        let constant = video.constant_rate();
        let rate =
            codec::ladder::playing_rate(FrameRate::new(constant.num, constant.den).ok_or(RejectReason::BrokenFile)?);
        let ladder: Vec<Rung> = codec::ladder::ladder(width, height, rate).into_iter().map(Rung::from).collect();
        let Some(top) = ladder.first().map(|rung| rung.name.clone()) else { return Err(RejectReason::BrokenFile) };
        let held = video.packets.filter(|_| is_shorter(measured_end_us(video.packets, info), duration_us));
        let span_us = if held.is_some() { duration_us } else { end_us(video, info) };
        let frames = ((span_us as f64 * rate.fps() / 1e6).round() as u64).max(1);
        let segments = SharedSegments::of(&video.segments, info.start_us, rate, frames);
        let copy = (held.is_none() && !segments.is_empty() && standard_input::is_standard(video, info))
            .then(|| Copied { name: top.clone(), bits_per_second: video.bits_per_second, segments });
        let rungs = if copy.is_some() { ladder.into_iter().filter(|rung| rung.name != top).collect() } else { ladder };
        Ok(Self {
            stream: video.stream,
            width,
            height,
            rate: Ratio::new(u32::try_from(rate.num()).unwrap_or(30), u32::try_from(rate.den()).unwrap_or(1)),
            frames,
            copy,
            rungs,
            interlaced: video.interlaced,
            hdr: video.hdr(),
            matrix: video.matrix.clone(),
            full_range: video.full_range,
            deep: !["yuv420p", "yuvj420p", "nv12", "gray"].contains(&video.pixels.as_str()),
            canvas: canvas(video),
            rotation: video.rotation,
            mirrored: video.mirrored,
            held_from_us: held.map(|packets| from_start(packets.last_us, info)),
            lead_us: video.packets.filter(|packets| packets.gradual).map_or(0, |packets| packets.max_interval_us),
            sparse: video.packets.is_some_and(|packets| packets.max_interval_us > SPARSE_US),
        })
    }

    /// Returns the frame format, which determines the memory of decoding.
    pub fn frame(&self) -> Frame {
        Frame { width: self.width, height: self.height, deep: self.deep }
    }

    /// Returns the division of its time into chunks.
    pub fn chunks(&self) -> Chunks {
        if let Some(copied) = self.copy.as_ref().filter(|copied| !copied.segments.is_empty()) {
            return Chunks::along(&copied.segments.starts, self.frames, self.playing_rate());
        }
        let chunks = if self.sparse { Chunks::doubling } else { Chunks::new };
        chunks(self.frames, self.playing_rate())
    }

    /// Returns the renditions' frame rate.
    pub fn playing_rate(&self) -> FrameRate {
        FrameRate::new(self.rate.num, self.rate.den)
            .expect("`VideoPlan::of` took the rate from a `FrameRate`, whose sides are above 0")
    }

    /// Returns what `First` encodes: the lowest rung.
    pub fn first_rungs(&self) -> Vec<&Rung> {
        self.rungs.last().into_iter().collect()
    }

    /// Returns what a chunk encodes: every rendition, except the one that `First` has encoded of the first chunk.
    pub fn rungs_of_chunk(&self, number: u32) -> Vec<&Rung> {
        let lacks =
            if number == 0 && self.copy.is_none() { self.rungs.len().saturating_sub(1) } else { self.rungs.len() };
        self.rungs.iter().take(lacks).collect()
    }

    /// Returns whether the first chunk is a task of its own; otherwise `First` produces its storyboard tiles too.
    pub fn first_chunk_is_separate(&self) -> bool {
        self.copy.is_some() || self.rungs.len() > 1
    }
}

/// Returns the size that frames are fitted into, where ffmpeg can do that. Its filter `pad` makes no frame whose sides
/// are no multiples of the chroma's, which are 4 for a few old formats.
fn canvas(video: &VideoStream) -> Option<(u32, u32)> {
    let step = if ["yuv410p", "yuv411p", "yuvj411p"].contains(&video.pixels.as_str()) { 4 } else { 2 };
    let step = if video.interlaced { FIELD_STEP } else { step };
    let fits = video.width.is_multiple_of(step) && video.height.is_multiple_of(step);
    (fits && video.rotation.rem_euclid(90) == 0).then_some((video.width, video.height))
}

impl From<codec::ladder::Rung> for Rung {
    fn from(rung: codec::ladder::Rung) -> Self {
        Self {
            name: rung.name,
            width: rung.width,
            height: rung.height,
            max_rate: rung.max_rate,
            buffer: rung.buffer,
            crf: rung.crf,
            profile: rung.profile.to_owned(),
            level: rung.level,
            codecs: rung.codecs,
            bandwidth: rung.bandwidth,
        }
    }
}

/// The audio rendition's bits per second, for its playlist row.
pub(crate) const AUDIO_BANDWIDTH: u32 = AUDIO.bandwidth;

/// Returns whether the packets have to be read before a plan is made: a candidate for *standard input*, a video whose
/// frame rate is not clear, or a file that does not say clearly where its tracks end.
pub(crate) fn needs_packets(info: &MediaInfo) -> bool {
    let Some(video) = info.video.as_ref().filter(|video| video.packets.is_none()) else { return false };
    standard_input::has_shape(video, info) || !video.has_clear_rate() || !has_clear_ends(video, info)
}

/// Returns a codec's name, or a replacement for it: only letters, digits and underscores reach a user.
fn codec_name(codec: &str, unknown: &str) -> String {
    let plain = !codec.is_empty()
        && codec != "none"
        && codec != "unknown"
        && codec.len() <= 24
        && codec.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if plain { codec.to_owned() } else { unknown.to_owned() }
}

#[cfg(test)]
mod tests;
