//! Waveforms: the amplitude of audio over time, as a few hundred small numbers for a page to draw.
//!
//! Owns the reduction of samples to peaks. Invariant: it holds at most [`MAX_PEAKS`] numbers however long the audio is,
//! and needs its length only at the end.

use serde::{Deserialize, Serialize};

/// The most peaks. Audio of more than a few seconds has at least half as many.
pub const MAX_PEAKS: usize = 2000;
/// The highest resolution, in peaks per second.
const FINEST_PER_SECOND: u32 = 100;

/// Reduces samples to peaks incrementally.
#[derive(Debug, Clone)]
pub struct Waveform {
    sample_rate: u32,
    samples: u64,
    samples_per_peak: u64,
    peaks: Vec<u16>,
    /// The peak in progress, and the number of samples in it.
    current: u16,
    gathered: u64,
}

/// A finished waveform, in the JSON format that the page reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peaks {
    /// The version of the format: 1.
    pub version: u8,
    /// Samples per second of the reduced audio.
    pub sample_rate: u32,
    /// Samples per peak; the last may have fewer.
    pub samples_per_peak: u64,
    /// The audio's duration in milliseconds.
    pub duration_ms: u64,
    /// The largest amplitude in each interval, 0 (silence) to 255 (full scale).
    pub peaks: Vec<u8>,
}

impl Waveform {
    /// Returns an empty waveform of mono samples at this rate per second (0 counts as 1).
    pub fn new(sample_rate: u32) -> Self {
        let sample_rate = sample_rate.max(1);
        let samples_per_peak = u64::from(sample_rate.div_ceil(FINEST_PER_SECOND));
        Self { sample_rate, samples: 0, samples_per_peak, peaks: Vec::new(), current: 0, gathered: 0 }
    }

    /// Adds the next samples.
    pub fn push(&mut self, mut samples: &[i16]) {
        self.samples = self.samples.saturating_add(samples.len() as u64);
        while !samples.is_empty() {
            let missing = (self.samples_per_peak - self.gathered).min(samples.len() as u64);
            let (taken, rest) = samples.split_at(missing as usize);
            samples = rest;
            let loudest = taken.iter().map(|sample| sample.unsigned_abs()).max().unwrap_or(0);
            self.current = self.current.max(loudest);
            self.gathered += missing;
            if self.gathered == self.samples_per_peak {
                self.close();
            }
        }
    }

    fn close(&mut self) {
        self.peaks.push(std::mem::take(&mut self.current));
        self.gathered = 0;
        if self.peaks.len() >= MAX_PEAKS {
            // Full: from here on one peak covers twice as many samples, and pairs are merged.
            self.peaks = self.peaks.chunks(2).map(|pair| pair.iter().copied().max().unwrap_or(0)).collect();
            self.samples_per_peak = self.samples_per_peak.saturating_mul(2);
        }
    }

    /// Returns the waveform of all samples added.
    pub fn finish(mut self) -> Peaks {
        if self.gathered > 0 {
            self.peaks.push(self.current);
        }
        let small = |peak: &u16| (u32::from(*peak) * 255 / 32_768) as u8;
        let duration_ms = u128::from(self.samples) * 1000 / u128::from(self.sample_rate);
        Peaks {
            version: 1,
            sample_rate: self.sample_rate,
            samples_per_peak: self.samples_per_peak,
            duration_ms: u64::try_from(duration_ms).unwrap_or(u64::MAX),
            peaks: self.peaks.iter().map(small).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn loud_and_silent_stretches() {
        let mut wave = Waveform::new(8000);
        wave.push(&[0; 8000]);
        wave.push(&[i16::MIN; 8000]);
        wave.push(&[16_384; 8000]);
        let peaks = wave.finish();
        assert_eq!((peaks.peaks.len(), peaks.samples_per_peak, peaks.duration_ms), (300, 80, 3000));
        assert_eq!((peaks.peaks[99], peaks.peaks[100], peaks.peaks[299]), (0, 255, 127));
        let json = serde_json::to_string(&peaks).unwrap();
        assert!(json.starts_with("{\"version\":1,\"sample_rate\":8000,"), "{json}");
        assert_eq!(serde_json::from_str::<Peaks>(&json).unwrap(), peaks);
    }

    #[test]
    fn an_hour_is_reduced_to_a_page() {
        let mut wave = Waveform::new(8000);
        let second = [1000_i16; 8000];
        (0..3600).for_each(|_| wave.push(&second));
        let peaks = wave.finish();
        assert_eq!(peaks.duration_ms, 3_600_000);
        assert!((MAX_PEAKS / 2..=MAX_PEAKS).contains(&peaks.peaks.len()), "{}", peaks.peaks.len());
        assert!(peaks.peaks.iter().all(|peak| *peak == 7));
        assert!(Waveform::new(0).finish().peaks.is_empty());
    }

    proptest! {
        #[test]
        fn pieces_never_matter(
            samples in proptest::collection::vec(any::<i16>(), 0..9000),
            piece in 1_usize..500,
            rate in 0_u32..300,
        ) {
            let (mut whole, mut pieces) = (Waveform::new(rate), Waveform::new(rate));
            whole.push(&samples);
            samples.chunks(piece).for_each(|piece| pieces.push(piece));
            let (whole, pieces) = (whole.finish(), pieces.finish());
            prop_assert_eq!(&whole, &pieces);
            prop_assert!(whole.peaks.len() <= MAX_PEAKS);
            prop_assert_eq!(whole.peaks.len() as u64, (samples.len() as u64).div_ceil(whole.samples_per_peak));
        }
    }
}
