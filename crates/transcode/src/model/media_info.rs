//! What a probe found out about an upload.
//!
//! Owns the facts and the small questions that can be answered from them alone. Invariant: everything here was said by the
//! file and is believed by nobody: numbers may be absurd, and whoever computes with them bounds them first.

use serde::{Deserialize, Serialize};

/// A fraction, as containers write rates and shapes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
pub(crate) struct Ratio {
    pub num: u32,
    pub den: u32,
}

impl Ratio {
    pub const fn new(num: u32, den: u32) -> Self {
        Self { num, den }
    }

    /// As a number; 0 where it is none.
    pub fn value(self) -> f64 {
        if self.den == 0 { 0.0 } else { f64::from(self.num) / f64::from(self.den) }
    }
}

/// What a file says of itself.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct MediaInfo {
    /// Where its clock starts, in microseconds; all streams' times are held against it.
    pub start_us: i64,
    /// Its length in microseconds; 0 where nobody knows.
    pub duration_us: u64,
    /// How many streams it has.
    pub streams: u32,
    /// The picture that moves.
    pub video: Option<VideoStream>,
    /// The sound.
    pub audio: Option<AudioStream>,
    /// The stream with the cover picture.
    pub cover: Option<u32>,
}

/// A stream of pictures.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct VideoStream {
    pub stream: u32,
    pub codec: String,
    pub profile: String,
    pub pixels: String,
    /// As stored, before turning and stretching.
    pub width: u32,
    pub height: u32,
    /// The shape of a pixel; 0:0 where it isn't said.
    pub pixel_shape: Ratio,
    /// How it must be turned to stand upright, in degrees.
    pub rotation: i32,
    /// The rate that fits all its time stamps, and its average.
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
    /// What looking at every packet showed, where that was done.
    pub keyframes: Option<Keyframes>,
}

/// A stream of sound.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct AudioStream {
    pub stream: u32,
    pub codec: String,
    pub channels: u32,
    pub sample_rate: u32,
    pub start_us: i64,
    pub duration_us: u64,
}

/// Where the pictures are that can be started from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Keyframes {
    /// The longest way from one to the next (or to the end), in microseconds.
    pub max_interval_us: u64,
    /// Whether no picture before a keyframe needs one after it.
    pub closed: bool,
    /// Whether the very first packet is one.
    pub starts_with_one: bool,
    /// How many packets there are, and where the last one ends.
    pub packets: u64,
    pub end_us: i64,
}

/// Brightness beyond what a plain screen shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Hdr {
    /// SMPTE ST 2084.
    Pq,
    /// ARIB STD-B67.
    Hlg,
}

impl VideoStream {
    /// Its size as it should be seen: upright, with square pixels, never larger than it is stored in either direction
    /// except where the pixel's shape stretches it.
    pub fn upright(&self) -> (u32, u32) {
        let shape = match self.pixel_shape {
            Ratio { num: 0, .. } | Ratio { den: 0, .. } => 1.0,
            shape => shape.value().clamp(0.1, 10.0),
        };
        // Stretch the side that makes the picture larger, so that nothing is thrown away.
        let (width, height) =
            if shape >= 1.0 { ((f64::from(self.width) * shape).round() as u32, self.height) } else { (self.width, (f64::from(self.height) / shape).round() as u32) };
        if self.rotation.rem_euclid(180) == 90 { (height, width) } else { (width, height) }
    }

    /// Whether it is brighter than a plain screen, and how that is written.
    pub fn hdr(&self) -> Option<Hdr> {
        match self.transfer.as_str() {
            "smpte2084" => Some(Hdr::Pq),
            "arib-std-b67" => Some(Hdr::Hlg),
            _ => None,
        }
    }

    /// The constant rate to play it at: its own if it has one, otherwise the usual one nearest to its average.
    pub fn constant_rate(&self) -> Ratio {
        let (base, average) = (self.base_rate.value(), self.average_rate.value());
        let plausible = |rate: f64| (0.1..=1000.0).contains(&rate);
        if !plausible(average) {
            return if plausible(base) && base <= 120.0 { self.base_rate } else { Ratio::new(30, 1) };
        }
        let off = |rate: f64, from: f64| (rate - from).abs() / from;
        if plausible(base) && off(base, average) < 0.0002 {
            return self.base_rate;
        }
        let nearest = USUAL.iter().copied().min_by(|a, b| off(a.value(), average).total_cmp(&off(b.value(), average)));
        match nearest {
            Some(rate) if off(rate.value(), average) < 0.015 => rate,
            _ if plausible(base) && base <= 120.0 && off(base, average) < 0.05 => self.base_rate,
            _ => USUAL.iter().copied().find(|rate| rate.value() >= average).unwrap_or(Ratio::new(60, 1)),
        }
    }
}

/// Rates that cameras and screens really have, slowest first.
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
    fn a_constant_rate_is_kept_and_a_wandering_one_is_settled() {
        let cases = [
            ((24, 1), (24, 1), (24, 1)),
            ((30_000, 1001), (30_000, 1001), (30_000, 1001)),
            ((17, 1), (17, 1), (17, 1)),
            // A phone: the base rate is a clock's, the average a little under thirty.
            ((90_000, 1), (297, 10), (30_000, 1001)),
            ((30, 1), (2982, 100), (30_000, 1001)),
            // A browser's recording: base is the millisecond clock.
            ((1000, 1), (2995, 100), (30_000, 1001)),
            // A screen that mostly stands still.
            ((60, 1), (73, 10), (10, 1)),
            // Nothing is said, or nonsense.
            ((0, 0), (0, 0), (30, 1)),
            ((25, 1), (0, 0), (25, 1)),
            ((90_000, 1), (0, 0), (30, 1)),
        ];
        for (base, average, wanted) in cases {
            let steady = video(Ratio::new(base.0, base.1), Ratio::new(average.0, average.1)).constant_rate();
            assert!((steady.value() - f64::from(wanted.0) / f64::from(wanted.1)).abs() < 0.01, "{base:?} {average:?} gave {steady:?}");
        }
    }

    #[test]
    fn upright_turns_and_stretches() {
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
