//! The result of probing an upload.
//!
//! Owns the values and whatever can be derived from them alone. Invariant: all values are declared by the file and are
//! not trusted: numbers may be absurd, and code that computes with them bounds them first.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::copied_segments::CopiedSegment;

/// A fraction, as containers store rates and aspect ratios.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
pub(crate) struct Ratio {
    pub num: u32,
    pub den: u32,
}

impl Ratio {
    pub const fn new(num: u32, den: u32) -> Self {
        Self { num, den }
    }

    /// Returns it as a number; 0 where it is not a number.
    pub fn value(self) -> f64 {
        if self.den == 0 { 0.0 } else { f64::from(self.num) / f64::from(self.den) }
    }
}

/// The properties that a file declares.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct MediaInfo {
    /// The start of its clock, in microseconds; the times of all streams are relative to it.
    pub start_us: i64,
    /// Its duration in microseconds; 0 where it is unknown.
    pub duration_us: u64,
    /// The number of streams.
    pub streams: u32,
    /// The video stream.
    pub video: Option<VideoStream>,
    /// The audio stream.
    pub audio: Option<AudioStream>,
    /// The stream with the cover image.
    pub cover: Option<u32>,
}

impl MediaInfo {
    /// Adds the result of reading every packet. A stream without any is not there, except where nothing is.
    pub fn set_packets(&mut self, packets: &BTreeMap<u32, Packets>) {
        let of = |stream: u32| Some(packets.get(&stream).copied().unwrap_or_default());
        let has = |stream: u32| packets.contains_key(&stream);
        if self.video.as_ref().is_some_and(|video| !has(video.stream))
            && self.audio.as_ref().is_some_and(|audio| has(audio.stream))
        {
            self.video = None;
        }
        if let Some(video) = &mut self.video {
            video.packets = of(video.stream);
        }
        if let Some(audio) = &mut self.audio {
            audio.packets = of(audio.stream);
        }
    }
}

/// A video stream.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct VideoStream {
    pub stream: u32,
    pub codec: String,
    pub profile: String,
    pub pixels: String,
    /// As stored, before rotation and scaling to square pixels.
    pub width: u32,
    pub height: u32,
    /// The pixel aspect ratio; 0:0 where it is unknown.
    pub pixel_shape: Ratio,
    /// The rotation that makes it upright, in degrees.
    pub rotation: i32,
    /// Whether its display matrix mirrors it, too.
    #[serde(default)]
    pub mirrored: bool,
    /// The base frame rate, which fits all its time stamps, and the average frame rate.
    pub base_rate: Ratio,
    pub average_rate: Ratio,
    pub start_us: i64,
    pub duration_us: u64,
    pub bits_per_second: u64,
    pub frames: u64,
    pub interlaced: bool,
    pub transfer: String,
    pub matrix: String,
    pub full_range: bool,
    /// The result of reading every packet, where that was done.
    #[serde(alias = "keyframes")]
    pub packets: Option<Packets>,
    /// The segments that a copy of it has, where every packet was read.
    #[serde(default)]
    pub segments: Vec<CopiedSegment>,
}

/// An audio stream.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct AudioStream {
    pub stream: u32,
    pub codec: String,
    pub channels: u32,
    pub sample_rate: u32,
    pub start_us: i64,
    pub duration_us: u64,
    /// The result of reading every packet, where that was done.
    #[serde(default)]
    pub packets: Option<Packets>,
}

/// What is known of a stream whose every packet was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Packets {
    /// The longest interval from one keyframe to the next (or to the end), in microseconds.
    pub max_interval_us: u64,
    /// Whether no frame before a keyframe needs one after it (closed groups).
    pub closed: bool,
    /// Whether the very first packet is a keyframe.
    pub starts_with_one: bool,
    /// The number of packets, and the end of the last one that is shown.
    #[serde(alias = "packets")]
    pub count: u64,
    pub end_us: i64,
    /// The start of the last one that is shown.
    #[serde(default)]
    pub last_us: i64,
    /// The typical interval between two packets while there is motion, in microseconds; 0 where there are too few.
    #[serde(default)]
    pub interval_us: u64,
    /// Whether pictures are whole only some time after a keyframe (`key_packet`).
    #[serde(default)]
    pub gradual: bool,
    /// Whether recordings of different properties were joined.
    #[serde(default)]
    pub changes: bool,
}

/// High dynamic range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Hdr {
    /// SMPTE ST 2084.
    Pq,
    /// ARIB STD-B67.
    Hlg,
}

impl VideoStream {
    /// Returns the display size: upright, with square pixels, never larger than stored in either direction except where
    /// the pixel aspect ratio stretches it.
    pub fn upright(&self) -> (u32, u32) {
        let shape = match self.pixel_shape {
            Ratio { num: 0, .. } | Ratio { den: 0, .. } => 1.0,
            shape => shape.value().clamp(0.1, 10.0),
        };
        // Stretch the side that makes the picture larger, so that no detail is lost.
        let (width, height) = if shape >= 1.0 {
            ((f64::from(self.width) * shape).round() as u32, self.height)
        } else {
            (self.width, (f64::from(self.height) / shape).round() as u32)
        };
        if self.rotation.rem_euclid(180) == 90 { (height, width) } else { (width, height) }
    }

    /// Returns the HDR transfer function, if the video is HDR.
    pub fn hdr(&self) -> Option<Hdr> {
        match self.transfer.as_str() {
            "smpte2084" => Some(Hdr::Pq),
            "arib-std-b67" => Some(Hdr::Hlg),
            _ => None,
        }
    }

    /// Returns the constant frame rate of the renditions. A video that is shown in fields has a frame for each.
    pub fn constant_rate(&self) -> Ratio {
        let rate = self.frame_rate();
        let doubled = Ratio::new(rate.num.saturating_mul(2), rate.den);
        if self.interlaced && doubled.value() <= MAX_FIELD_RATE { doubled } else { rate }
    }

    /// Returns its frame rate: its own if it is constant, otherwise the usual one nearest to that of its motion, or to
    /// its average while its packets were not read.
    fn frame_rate(&self) -> Ratio {
        let (base, average) = (self.base_rate.value(), self.average_rate.value());
        let motion = self.packets.map_or(0, |packets| packets.interval_us);
        // A recording that pauses has a low average and moves as fast as ever.
        let average = if motion > 0 && !self.has_clear_rate() { 1e6 / motion as f64 } else { average };
        if !is_plausible(average) {
            return if is_plausible(base) && base <= 120.0 { self.base_rate } else { Ratio::new(30, 1) };
        }
        if is_plausible(base) && relative(base, average) < 0.0002 {
            return self.base_rate;
        }
        match nearest_usual(average) {
            Some(rate) if relative(rate.value(), average) < NEAR => rate,
            _ if is_plausible(base) && base <= 120.0 && relative(base, average) < 0.05 => self.base_rate,
            _ => USUAL.iter().copied().find(|rate| rate.value() >= average).unwrap_or(Ratio::new(60, 1)),
        }
    }

    /// Returns whether what it declares tells its frame rate: a constant one, or an average near a usual one.
    pub fn has_clear_rate(&self) -> bool {
        let (base, average) = (self.base_rate.value(), self.average_rate.value());
        let constant = is_plausible(base) && relative(base, average) < 0.0002;
        let usual = nearest_usual(average).is_some_and(|rate| relative(rate.value(), average) < NEAR);
        is_plausible(average) && (constant || (usual && average >= MIN_CLEAR_RATE))
    }

    /// Returns when it ends on the file's own clock, in microseconds, as far as its declaration or its packets tell.
    pub fn end_us(&self) -> Option<i64> {
        end_us(self.packets, self.start_us, self.duration_us)
    }
}

impl AudioStream {
    /// Returns when it ends on the file's own clock, in microseconds, as far as its declaration or its packets tell.
    pub fn end_us(&self) -> Option<i64> {
        end_us(self.packets, self.start_us, self.duration_us)
    }
}

fn end_us(packets: Option<Packets>, start_us: i64, duration_us: u64) -> Option<i64> {
    match packets {
        Some(packets) => (packets.count > 0).then_some(packets.end_us),
        None => (duration_us > 0).then(|| start_us.saturating_add_unsigned(duration_us)),
    }
}

/// The most pictures per second that a video in fields is shown with.
const MAX_FIELD_RATE: f64 = 60.5;
/// How near an average must be to a usual rate to be that rate.
const NEAR: f64 = 0.015;
/// An average below this, in frames per second, may as well be a faster video that pauses.
const MIN_CLEAR_RATE: f64 = 23.0;

fn is_plausible(rate: f64) -> bool {
    (0.1..=1000.0).contains(&rate)
}

/// Returns how far apart two rates are, as a part of the second.
fn relative(rate: f64, from: f64) -> f64 {
    (rate - from).abs() / from
}

fn nearest_usual(rate: f64) -> Option<Ratio> {
    USUAL.iter().copied().min_by(|a, b| relative(a.value(), rate).total_cmp(&relative(b.value(), rate)))
}

/// The usual rates of cameras and screens, slowest first.
const USUAL: [Ratio; 12] = [
    Ratio::new(5, 1),
    Ratio::new(10, 1),
    Ratio::new(12, 1),
    Ratio::new(15, 1),
    Ratio::new(24_000, 1001),
    Ratio::new(24, 1),
    Ratio::new(25, 1),
    Ratio::new(30_000, 1001),
    Ratio::new(30, 1),
    Ratio::new(50, 1),
    Ratio::new(60_000, 1001),
    Ratio::new(60, 1),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn video(base: Ratio, average: Ratio) -> VideoStream {
        VideoStream { width: 1920, height: 1080, base_rate: base, average_rate: average, ..VideoStream::default() }
    }

    #[test]
    fn a_constant_frame_rate_is_kept_and_a_variable_one_is_replaced() {
        let cases = [
            ((24, 1), (24, 1), (24, 1)),
            ((30_000, 1001), (30_000, 1001), (30_000, 1001)),
            ((17, 1), (17, 1), (17, 1)),
            // A phone: the base rate is a clock's, the average a little under thirty.
            ((90_000, 1), (297, 10), (30_000, 1001)),
            ((30, 1), (2982, 100), (30_000, 1001)),
            // A browser's recording: base is the millisecond clock.
            ((1000, 1), (2995, 100), (30_000, 1001)),
            // A screen recording that is mostly still.
            ((60, 1), (73, 10), (10, 1)),
            // Missing or nonsensical values.
            ((0, 0), (0, 0), (30, 1)),
            ((25, 1), (0, 0), (25, 1)),
            ((90_000, 1), (0, 0), (30, 1)),
        ];
        for (base, average, wanted) in cases {
            let steady = video(Ratio::new(base.0, base.1), Ratio::new(average.0, average.1)).constant_rate();
            assert!(
                (steady.value() - f64::from(wanted.0) / f64::from(wanted.1)).abs() < 0.01,
                "{base:?} {average:?} gave {steady:?}"
            );
        }
    }

    #[test]
    fn a_recording_that_pauses_keeps_its_motion_rate_and_fields_become_frames() {
        let mut pausing = video(Ratio::new(1000, 1), Ratio::new(4, 1));
        assert!(!pausing.has_clear_rate());
        pausing.packets = Some(Packets { interval_us: 33_340, ..Packets::default() });
        assert_eq!(pausing.constant_rate(), Ratio::new(30, 1));
        let mut fields = video(Ratio::new(25, 1), Ratio::new(25, 1));
        assert!(fields.has_clear_rate());
        fields.interlaced = true;
        assert_eq!(fields.constant_rate(), Ratio::new(50, 1));
        // Counted in fields already.
        let mut counted = video(Ratio::new(50, 1), Ratio::new(50, 1));
        counted.interlaced = true;
        assert_eq!(counted.constant_rate(), Ratio::new(50, 1));
    }

    #[test]
    fn a_stream_without_packets_is_not_there() {
        let stream = |packets: Option<u64>| Packets { count: packets.unwrap_or(0), ..Packets::default() };
        let both = || MediaInfo {
            video: Some(VideoStream::default()),
            audio: Some(AudioStream { stream: 1, ..AudioStream::default() }),
            ..MediaInfo::default()
        };
        let mut info = both();
        info.set_packets(&BTreeMap::from([(1, stream(Some(5)))]));
        assert!(info.video.is_none() && info.audio.is_some());
        let mut info = both();
        info.set_packets(&BTreeMap::new());
        assert!(info.video.is_some(), "it is rejected as a video");
    }

    #[test]
    fn upright_applies_rotation_and_aspect_ratio() {
        let mut video = video(Ratio::new(25, 1), Ratio::new(25, 1));
        assert_eq!(video.upright(), (1920, 1080));
        video.rotation = -90;
        assert_eq!(video.upright(), (1080, 1920));
        video.rotation = 180;
        assert_eq!(video.upright(), (1920, 1080));
        // PAL DV, 16:9 in 720×576.
        let dv = VideoStream { width: 720, height: 576, pixel_shape: Ratio::new(64, 45), ..VideoStream::default() };
        assert_eq!(dv.upright(), (1024, 576));
        let narrow = VideoStream { width: 720, height: 480, pixel_shape: Ratio::new(8, 9), ..VideoStream::default() };
        assert_eq!(narrow.upright(), (720, 540));
    }
}
