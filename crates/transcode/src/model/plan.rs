//! From facts to a plan: what is refused, what is copied, which renditions are made, in which pieces.
//!
//! Owns the limits of what is accepted and the definition of *standard input*. Does not own the ladder, the parts or the storyboard's grid
//! (`codec` does). Invariant: a plan is stored once and every piece follows the stored one, so a new release never mixes two ladders in one item.

use codec::ladder::{AUDIO, FrameRate};
use codec::chunks::Chunks;
use codec::storyboard::Storyboard;
use serde::{Deserialize, Serialize};

use super::facts::{Facts, Hdr, Ratio, Video};
use super::{Piece, Refusal};
use crate::ffmpeg::codecs::{decodes_audio, decodes_video};
use crate::ffmpeg::cost::Frame;

/// Tracks that a file may have; more is no camera's doing.
pub(crate) const MOST_STREAMS: u32 = 32;
/// Sampling rates that are converted, in hertz.
const SAMPLE_RATES: std::ops::RangeInclusive<u32> = 4_000..=384_000;
/// Channels that are mixed down: those of 22.2 surround sound.
const MOST_CHANNELS: u32 = 24;
/// The longest side of a picture that is decoded, in pixels.
pub(crate) const LONGEST_SIDE: u32 = 8192;
/// *Standard input*: at most this many bits a second …
const STANDARD_BITS: u64 = 8_000_000;
/// … and this long from keyframe to keyframe: ten seconds, and room for the 250 frames at 24/s that x264 makes unless told otherwise.
const STANDARD_GOP_US: u64 = 10_500_000;
/// … and a picture that starts with the sound, in microseconds.
const STANDARD_START_US: i64 = 50_000;
/// … and no larger than Full HD, either way up.
const STANDARD_SIDES: (u32, u32) = (1920, 1080);

/// What is made of an item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Plan {
    /// Its length in microseconds.
    pub duration_us: u64,
    pub picture: Option<Picture>,
    pub sound: Option<Sound>,
    /// The stream with a cover picture, for sound without pictures.
    pub cover: Option<u32>,
}

/// What is made of its pictures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Picture {
    pub stream: u32,
    /// Upright, square pixels.
    pub width: u32,
    pub height: u32,
    /// The constant rate of the renditions.
    pub rate: Ratio,
    /// How many frames they will have, as far as the container tells the truth.
    pub frames: u64,
    /// The rendition that the source's own picture becomes, if it is standard input.
    pub copy: Option<Copied>,
    /// The renditions that are encoded, highest first.
    pub rungs: Vec<Rung>,
    pub interlaced: bool,
    pub hdr: Option<Hdr>,
    /// How its colours are written, in ffmpeg's word; empty where it isn't said.
    pub matrix: String,
    pub full_range: bool,
    /// Whether it has more than 8 bits a sample (or more than 4:2:0), for what decoding it costs.
    #[serde(default = "unknown_depth")]
    pub deep: bool,
}

/// Plans that were stored before this was asked.
fn unknown_depth() -> bool {
    true
}

/// The remuxed rendition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Copied {
    pub name: String,
    pub bits_per_second: u64,
}

/// An encoded rendition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Rung {
    pub name: String,
    pub width: u32,
    pub height: u32,
    /// Peak bits a second and the buffer that they are counted over, in bits.
    pub max_rate: u32,
    pub buffer: u32,
    pub crf: u8,
    pub profile: String,
    /// As H.264 counts it: 31 is level 3.1.
    pub level: u8,
    pub codecs: String,
    pub bandwidth: u32,
}

/// What is made of its sound.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sound {
    pub stream: u32,
    /// Its length in microseconds; 0 where nobody knows.
    pub duration_us: u64,
}

/// What is accepted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Accepted {
    pub longest_us: u64,
    /// Pixels of a picture, as it is coded.
    pub pixels: u64,
}

impl Plan {
    /// Plans, or says why not.
    pub fn of(facts: &Facts, accepted: Accepted) -> Result<Self, Refusal> {
        if facts.streams > MOST_STREAMS {
            return Err(Refusal::TooManyStreams(MOST_STREAMS));
        }
        if facts.video.is_none() && facts.audio.is_none() {
            return Err(if facts.cover.is_some() { Refusal::NoSound } else { Refusal::NoPicture });
        }
        let picture = facts.video.as_ref().map(|video| Picture::of(video, facts, accepted)).transpose()?;
        let sound = match &facts.audio {
            // What `media` reads in the file's own header is refused there; some codecs say it only to a decoder.
            Some(audio) if audio.sample_rate > 0 && !SAMPLE_RATES.contains(&audio.sample_rate) => return Err(Refusal::SampleRate(audio.sample_rate)),
            Some(audio) if audio.channels > MOST_CHANNELS => return Err(Refusal::TooManyChannels(MOST_CHANNELS)),
            Some(audio) if decodes_audio(&audio.codec) => {
                Some(Sound { stream: audio.stream, duration_us: if audio.duration_us > 0 { audio.duration_us } else { facts.duration_us } })
            }
            Some(audio) => return Err(Refusal::UnsupportedCodec(named(&audio.codec, "an unknown kind of sound"))),
            None => None,
        };
        let seen_us = facts.video.as_ref().map_or(0, |video| end_us(video, facts));
        let duration_us = facts.duration_us.max(seen_us);
        if duration_us > accepted.longest_us {
            return Err(Refusal::TooLong(accepted.longest_us.div_ceil(3_600_000_000)));
        }
        let cover = if picture.is_none() { facts.cover } else { None };
        Ok(Self { duration_us, picture, sound, cover })
    }

    /// The pieces beside `Start` and `Finish`, each with its weight (roughly, millions of pixels to encode).
    pub fn pieces(&self) -> Vec<(Piece, u64)> {
        let mut pieces = Vec::new();
        if let Some(picture) = &self.picture {
            let parts = picture.parts();
            let heavy = |rungs: &[&Rung], frames: u64| {
                let pixels: u64 = rungs.iter().map(|rung| u64::from(rung.width) * u64::from(rung.height)).sum();
                (pixels + u64::from(picture.width) * u64::from(picture.height) / 4) * frames / 1_000_000 + 1
            };
            if picture.copy.is_some() {
                pieces.push((Piece::Copy, 1 + picture.frames / 100));
            } else {
                pieces.push((Piece::First, heavy(&picture.first_rungs(), parts.get(0).map_or(1, |part| part.frames))));
            }
            for part in parts.iter() {
                if part.number > 0 || picture.first_part_is_left() {
                    pieces.push((Piece::Part(part.number), heavy(&picture.rungs_of_part(part.number), part.frames)));
                }
            }
        }
        if self.picture.is_some() || self.cover.is_some() {
            pieces.push((Piece::Poster, 1));
        }
        if let Some(sound) = &self.sound {
            pieces.push((Piece::Sound, 1 + sound.duration_us / 1_000_000));
            if self.picture.is_none() {
                pieces.push((Piece::Waveform, 1 + sound.duration_us / 10_000_000));
            }
        }
        pieces
    }

    /// What is put on the bus as soon as the plan stands; the rest follows when playing can start.
    pub fn opening(&self) -> Vec<Piece> {
        self.pieces().into_iter().map(|(piece, _)| piece).filter(|piece| self.picture.is_none() || matches!(piece, Piece::Copy | Piece::First | Piece::Sound)).collect()
    }

    /// The storyboard's grid.
    pub fn storyboard(&self) -> Option<Storyboard> {
        let picture = self.picture.as_ref()?;
        Some(Storyboard::plan(picture.width, picture.height, self.duration_us / 1000))
    }
}

impl Picture {
    fn of(video: &Video, facts: &Facts, accepted: Accepted) -> Result<Self, Refusal> {
        if !decodes_video(&video.codec) {
            return Err(Refusal::UnsupportedCodec(named(&video.codec, "an unknown kind of picture")));
        }
        let (width, height) = video.upright();
        if width == 0 || height == 0 {
            return Err(Refusal::BrokenFile);
        }
        if video.width.max(video.height).max(width).max(height) > LONGEST_SIDE {
            return Err(Refusal::TooLarge(LONGEST_SIDE));
        }
        if u64::from(video.width) * u64::from(video.height) > accepted.pixels {
            return Err(Refusal::TooManyPixels(accepted.pixels / 1_000_000));
        }
        let steady = video.steady_rate();
        let rate = codec::ladder::playing_rate(FrameRate::new(steady.num, steady.den).ok_or(Refusal::BrokenFile)?);
        let ladder: Vec<Rung> = codec::ladder::ladder(width, height, rate).into_iter().map(Rung::from).collect();
        let Some(top) = ladder.first().map(|rung| rung.name.clone()) else { return Err(Refusal::BrokenFile) };
        let copy = is_standard(video, facts).then(|| Copied { name: top.clone(), bits_per_second: video.bits_per_second });
        let rungs = if copy.is_some() { ladder.into_iter().filter(|rung| rung.name != top).collect() } else { ladder };
        let frames = (end_us(video, facts) as f64 * rate.fps() / 1e6).round() as u64;
        Ok(Self {
            stream: video.stream,
            width,
            height,
            rate: Ratio::new(u32::try_from(rate.num()).unwrap_or(30), u32::try_from(rate.den()).unwrap_or(1)),
            frames: frames.max(1),
            copy,
            rungs,
            interlaced: video.interlaced,
            hdr: video.hdr(),
            matrix: video.matrix.clone(),
            full_range: video.full_range,
            deep: !["yuv420p", "yuvj420p", "nv12", "gray"].contains(&video.pixels.as_str()),
        })
    }

    /// What decoding it holds in memory.
    pub fn frame(&self) -> Frame {
        Frame { width: self.width, height: self.height, deep: self.deep }
    }

    /// How its time is cut.
    pub fn parts(&self) -> Parts {
        Parts::new(self.frames, self.playing_rate())
    }

    /// The renditions' rate.
    pub fn playing_rate(&self) -> FrameRate {
        FrameRate::new(self.rate.num, self.rate.den).expect("`Picture::of` took the rate from a `FrameRate`, whose sides are above 0")
    }

    /// What `First` encodes: the lowest rung.
    pub fn first_rungs(&self) -> Vec<&Rung> {
        self.rungs.last().into_iter().collect()
    }

    /// What a part encodes: everything, except what `First` has made of the first one.
    pub fn rungs_of_part(&self, number: u32) -> Vec<&Rung> {
        let lacks = if number == 0 && self.copy.is_none() { self.rungs.len().saturating_sub(1) } else { self.rungs.len() };
        self.rungs.iter().take(lacks).collect()
    }

    /// Whether the first part is a piece of its own; otherwise `First` makes its storyboard tiles too.
    pub fn first_part_is_left(&self) -> bool {
        self.copy.is_some() || self.rungs.len() > 1
    }
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

/// The sound rendition's bits a second, for its playlist row.
pub(crate) const SOUND_BANDWIDTH: u32 = AUDIO.bandwidth;

/// Where the pictures end on the file's own clock.
fn end_us(video: &Video, facts: &Facts) -> u64 {
    let seen = video.keyframes.map_or(0, |keyframes| keyframes.end_us - facts.start_us);
    if seen > 0 {
        return u64::try_from(seen).unwrap_or(0);
    }
    let length = if video.duration_us > 0 { (video.start_us - facts.start_us).max(0).unsigned_abs() + video.duration_us } else { facts.duration_us };
    length.max(1)
}

/// Whether its packets would have to be looked at before it can be planned: a candidate for *standard input*, or one that doesn't say how long it is.
pub(crate) fn needs_packets(facts: &Facts) -> bool {
    facts.video.as_ref().is_some_and(|video| video.keyframes.is_none() && (looks_standard(video, facts) || (video.duration_us == 0 && facts.duration_us == 0)))
}

fn looks_standard(video: &Video, facts: &Facts) -> bool {
    let (long, short) = (video.width.max(video.height), video.width.min(video.height));
    video.codec == "h264"
        && video.pixels == "yuv420p"
        && !video.full_range
        && ["Constrained Baseline", "Baseline", "Main", "High"].contains(&video.profile.as_str())
        && video.rotation.rem_euclid(360) == 0
        && (video.pixel_shape.num == video.pixel_shape.den)
        && !video.interlaced
        && video.hdr().is_none()
        && (1..=STANDARD_BITS).contains(&video.bits_per_second)
        && long <= STANDARD_SIDES.0
        && short <= STANDARD_SIDES.1
        && video.width.is_multiple_of(2)
        && video.height.is_multiple_of(2)
        && video.average_rate.value() <= 60.5
        && (video.start_us - facts.start_us).abs() <= STANDARD_START_US
}

fn is_standard(video: &Video, facts: &Facts) -> bool {
    let spaced = video.keyframes.is_some_and(|keyframes| keyframes.starts_with_one && keyframes.closed && keyframes.packets > 0 && keyframes.longest_us <= STANDARD_GOP_US);
    spaced && looks_standard(video, facts)
}

/// A codec's name, or what stands for it: only letters, digits and underscores reach a person.
fn named(codec: &str, unknown: &str) -> String {
    let plain = !codec.is_empty() && codec != "none" && codec != "unknown" && codec.len() <= 24 && codec.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if plain { codec.to_owned() } else { unknown.to_owned() }
}

#[cfg(test)]
mod tests;
