//! PDQ: perceptual hashes of pictures, as hash lists of known bad media have them.
//!
//! Computes the hash that the algorithm's description defines ("TMK+PDQF: A Test-Drive of Facebook's Perceptual Hashing
//! Algorithms", 2019, and the reference implementation in ThreatExchange, whose hashes are in the tests): tent filter,
//! 64 × 64 samples, the 16 × 16 lowest frequencies of their cosine transform, one bit for each above the median. Owns
//! no decoding: it takes a plane of brightness. Invariant: memory grows with the plane and with nothing else.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Two pictures whose hashes differ in at most this many bits of 256 are the same to a reader.
pub const MAX_DISTANCE: u32 = 31;
/// The lowest quality of a hash that is compared. Pictures without detail have hashes of chance.
pub const MIN_QUALITY: u8 = 50;
/// The shorter side, in pixels, below which a picture has no hash.
const MIN_SIDE: usize = 5;
/// The samples of a row and of a column.
const SAMPLES: usize = 64;
/// The frequencies in each direction.
const FREQUENCIES: usize = 16;
/// The times that a box filter runs in each direction; twice makes a tent.
const PASSES: usize = 2;

/// A hash of 256 bits. Its text form has 64 hexadecimal digits, as hash lists write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Pdq([u64; 4]);

/// A hash, and how much detail it is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hashed {
    /// The hash.
    pub hash: Pdq,
    /// From 0 (none) to 100.
    pub quality: u8,
}

/// The hashes of a picture as it is, and turned and mirrored in each of the other seven ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variants {
    /// The hashes, that of the picture as it is first.
    pub hashes: [Pdq; 8],
    /// From 0 (none) to 100; that of all.
    pub quality: u8,
}

/// A text is no hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a PDQ hash has 64 hexadecimal digits")]
pub struct MalformedHash;

/// The brightness of a picture.
#[derive(Debug, Clone)]
pub struct Plane {
    width: usize,
    height: usize,
    values: Vec<f32>,
}

impl Plane {
    /// Returns the plane of these rows of brightness (0 to 255), or `None` unless there are `width × height` of them
    /// and both sides have at least 5 pixels. The reference scales larger pictures to 512 × 512 first; so should the
    /// caller.
    pub fn of_luma(width: usize, height: usize, luma: &[u8]) -> Option<Self> {
        let is_whole = width.checked_mul(height) == Some(luma.len()) && width.min(height) >= MIN_SIDE;
        is_whole.then(|| Self { width, height, values: luma.iter().map(|value| f32::from(*value)).collect() })
    }

    /// Returns the plane of pixels of three bytes, red first, as [`Plane::of_luma`] does. Brightness is Rec. 601's.
    pub fn of_rgb(width: usize, height: usize, pixels: &[u8]) -> Option<Self> {
        let is_whole = width.checked_mul(height).and_then(|count| count.checked_mul(3)) == Some(pixels.len());
        let luma = |pixel: &[u8]| match *pixel {
            [red, green, blue] => 0.299 * f32::from(red) + 0.587 * f32::from(green) + 0.114 * f32::from(blue),
            _ => 0.0,
        };
        (is_whole && width.min(height) >= MIN_SIDE).then(|| Self {
            width,
            height,
            values: pixels.chunks_exact(3).map(luma).collect(),
        })
    }

    /// Returns the plane of pixels of four bytes, red first and opacity last, on white, as [`Plane::of_rgb`] does.
    pub fn of_rgba(width: usize, height: usize, pixels: &[u8]) -> Option<Self> {
        let on_white = |value: u8, opacity: u8| {
            let (value, opacity) = (u32::from(value), u32::from(opacity));
            ((value * opacity + 255 * (255 - opacity)) / 255) as u8
        };
        let opaque = |pixel: &[u8]| match *pixel {
            [red, green, blue, opacity] => [red, green, blue].map(|value| on_white(value, opacity)),
            _ => [0; 3],
        };
        let is_whole = width.checked_mul(height).and_then(|count| count.checked_mul(4)) == Some(pixels.len());
        if !is_whole {
            return None;
        }
        Self::of_rgb(width, height, &pixels.chunks_exact(4).flat_map(opaque).collect::<Vec<u8>>())
    }

    /// Returns the hash of the picture.
    pub fn hash(self) -> Hashed {
        let samples = self.into_samples();
        Hashed { hash: Pdq::of(&frequencies(&samples)), quality: quality(&samples) }
    }

    /// Returns the hash of the picture, and those of it turned and mirrored: a frequency of the mirrored picture is the
    /// same or the negative one, and turning it by a quarter swaps the two directions.
    pub fn hash_variants(self) -> Variants {
        let samples = self.into_samples();
        let upright = frequencies(&samples);
        let turned = std::array::from_fn(|row| std::array::from_fn(|column| upright[column][row]));
        let hashes = std::array::from_fn(|way| {
            let frequencies = if way < 4 { &upright } else { &turned };
            Pdq::of(&mirrored(frequencies, way & 1 == 1, way & 2 == 2))
        });
        Variants { hashes, quality: quality(&samples) }
    }

    /// Returns the samples that a hash is made of.
    fn into_samples(mut self) -> Vec<[f32; SAMPLES]> {
        if (self.width, self.height) != (SAMPLES, SAMPLES) {
            self.blur();
        }
        self.samples()
    }

    /// Averages in both directions, so that a sample stands for the pixels around it.
    fn blur(&mut self) {
        let (along_rows, along_columns) = (window(self.width), window(self.height));
        let mut other = vec![0.0; self.values.len()];
        for _ in 0..PASSES {
            for row in 0..self.height {
                let line = Line { start: row * self.width, step: 1, length: self.width };
                average(&self.values, &mut other, line, along_rows);
            }
            for column in 0..self.width {
                let line = Line { start: column, step: self.width, length: self.height };
                average(&other, &mut self.values, line, along_columns);
            }
        }
    }

    /// Returns the pixels at the centres of 64 × 64 tiles.
    fn samples(&self) -> Vec<[f32; SAMPLES]> {
        let centre = |at: usize, length: usize| (2 * at + 1) * length / (2 * SAMPLES);
        let row = |at: usize| -> [f32; SAMPLES] {
            let start = centre(at, self.height) * self.width;
            std::array::from_fn(|column| self.values[start + centre(column, self.width)])
        };
        (0..SAMPLES).map(row).collect()
    }
}

/// Pixels of a plane that form a row or a column.
#[derive(Clone, Copy)]
struct Line {
    start: usize,
    step: usize,
    length: usize,
}

/// Returns the length of the box filter along a side: half a tile.
fn window(side: usize) -> usize {
    side.div_ceil(2 * SAMPLES)
}

/// Writes the average over `window` pixels around each pixel of a line; fewer at its ends. Both planes have the line.
fn average(from: &[f32], to: &mut [f32], line: Line, window: usize) {
    let after = window / 2;
    let before = window - after - 1;
    let at = |index: usize| line.start + index * line.step;
    let (mut sum, mut count) = (0.0, 0.0);
    for index in 0..line.length + after {
        if index < line.length {
            sum += from[at(index)];
            count += 1.0;
        }
        let Some(centre) = index.checked_sub(after) else { continue };
        if let Some(left) = centre.checked_sub(before + 1) {
            sum -= from[at(left)];
            count -= 1.0;
        }
        to[at(centre)] = sum / count;
    }
}

/// Returns how much detail the samples have: significant steps between samples beside each other, in percent.
fn quality(samples: &[[f32; SAMPLES]]) -> u8 {
    let step = |one: f32, two: f32| ((one - two) * 100.0 / 255.0).trunc().abs() as u32;
    let down = samples.windows(2).flat_map(|rows| rows[0].iter().zip(&rows[1])).map(|(one, two)| step(*one, *two));
    let across = samples.iter().flat_map(|row| row.windows(2)).map(|pair| step(pair[0], pair[1]));
    // The divisor is the reference's, chosen by eye.
    u8::try_from((down.sum::<u32>() + across.sum::<u32>()) / 90).map_or(100, |quality| quality.min(100))
}

/// Returns the frequencies 1 to 16 in both directions of the discrete cosine transform.
fn frequencies(samples: &[[f32; SAMPLES]]) -> [[f32; FREQUENCIES]; FREQUENCIES] {
    let scale = f64::from((2.0 / SAMPLES as f64).sqrt() as f32);
    let wave = |frequency: usize| -> [f32; SAMPLES] {
        let unit = std::f64::consts::PI / (2 * SAMPLES) as f64 * (frequency + 1) as f64;
        std::array::from_fn(|at| (scale * (unit * (2 * at + 1) as f64).cos()) as f32)
    };
    let waves: [[f32; SAMPLES]; FREQUENCIES] = std::array::from_fn(wave);
    let rows: [[f32; SAMPLES]; FREQUENCIES] = std::array::from_fn(|row| {
        std::array::from_fn(|column| {
            waves[row].iter().zip(samples).fold(0.0, |sum, (wave, sample)| sum + wave * sample[column])
        })
    });
    std::array::from_fn(|row| {
        std::array::from_fn(|column| {
            rows[row].iter().zip(&waves[column]).fold(0.0, |sum, (value, wave)| sum + value * wave)
        })
    })
}

/// Returns the frequencies of the picture whose left is right, or whose top is its bottom, or both.
fn mirrored(
    frequencies: &[[f32; FREQUENCIES]; FREQUENCIES],
    swaps_sides: bool,
    swaps_ends: bool,
) -> [[f32; FREQUENCIES]; FREQUENCIES] {
    // The first of them is frequency 1: every other one, from the first, changes its sign.
    std::array::from_fn(|row| {
        std::array::from_fn(|column| {
            let is_negative = (swaps_sides && column.is_multiple_of(2)) != (swaps_ends && row.is_multiple_of(2));
            if is_negative { -frequencies[row][column] } else { frequencies[row][column] }
        })
    })
}

impl Pdq {
    /// Returns the hash with these words, the lowest bits first, for reading what was stored.
    pub const fn from_words(words: [u64; 4]) -> Self {
        Self(words)
    }

    /// Returns the words, for storing.
    pub const fn to_words(self) -> [u64; 4] {
        self.0
    }

    /// Returns in how many bits two hashes differ.
    pub const fn distance(self, other: Self) -> u32 {
        let (one, two) = (self.0, other.0);
        (one[0] ^ two[0]).count_ones()
            + (one[1] ^ two[1]).count_ones()
            + (one[2] ^ two[2]).count_ones()
            + (one[3] ^ two[3]).count_ones()
    }

    fn of(frequencies: &[[f32; FREQUENCIES]; FREQUENCIES]) -> Self {
        let mut sorted: Vec<f32> = frequencies.as_flattened().to_vec();
        sorted.sort_unstable_by(f32::total_cmp);
        let median = sorted[sorted.len() / 2 - 1];
        let mut words = [0; 4];
        for (bit, value) in frequencies.as_flattened().iter().enumerate() {
            words[bit / 64] |= u64::from(*value > median) << (bit % 64);
        }
        Self(words)
    }
}

impl fmt::Display for Pdq {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [low, second, third, high] = self.0;
        write!(formatter, "{high:016x}{third:016x}{second:016x}{low:016x}")
    }
}

impl FromStr for Pdq {
    type Err = MalformedHash;

    fn from_str(text: &str) -> Result<Self, MalformedHash> {
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(MalformedHash);
        }
        let mut words = [0; 4];
        for (word, at) in words.iter_mut().rev().zip((0..64).step_by(16)) {
            *word = u64::from_str_radix(&text[at..at + 16], 16).map_err(|_| MalformedHash)?;
        }
        Ok(Self(words))
    }
}

impl From<Pdq> for String {
    fn from(hash: Pdq) -> Self {
        hash.to_string()
    }
}

impl TryFrom<String> for Pdq {
    type Error = MalformedHash;

    fn try_from(text: String) -> Result<Self, MalformedHash> {
        text.parse()
    }
}

#[cfg(test)]
mod tests;
