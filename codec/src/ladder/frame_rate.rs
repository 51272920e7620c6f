//! Frame rates as exact fractions.
//!
//! Owns their arithmetic. Invariant: a rate is above 0 and in lowest terms, so equal rates are equal values.

use std::fmt;
use std::str::FromStr;

/// Frames per second, exactly: 30000/1001 is not 29.97.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FrameRate {
    num: u64,
    den: u64,
}

/// The error for a text that is not a frame rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write a frame rate as 25 or as 30000/1001, above 0")]
pub struct InvalidFrameRate;

impl FrameRate {
    /// Returns the rate of `num` frames in `den` seconds; `None` where either is 0.
    pub fn new(num: u32, den: u32) -> Option<Self> {
        (num > 0 && den > 0).then(|| Self::reduced(num.into(), den.into()))
    }

    fn reduced(num: u64, den: u64) -> Self {
        let (mut a, mut b) = (num, den);
        while b > 0 {
            (a, b) = (b, a % b);
        }
        Self { num: num / a, den: den / a }
    }

    /// Returns the frames in [`FrameRate::den`] seconds.
    pub fn num(self) -> u64 {
        self.num
    }

    /// Returns the seconds in which [`FrameRate::num`] frames pass.
    pub fn den(self) -> u64 {
        self.den
    }

    /// Returns half the rate.
    #[must_use]
    pub fn halved(self) -> Self {
        // From 32-bit numbers, halved until at most 60: no overflow of 64 bits.
        Self::reduced(self.num, self.den.saturating_mul(2))
    }

    /// Returns frames per second, approximately.
    pub fn fps(self) -> f64 {
        self.num as f64 / self.den as f64
    }

    /// Returns frames per second times 1000, rounded.
    pub fn millifps(self) -> u32 {
        let exact = (u128::from(self.num) * 2000 / u128::from(self.den)).div_ceil(2);
        u32::try_from(exact).unwrap_or(u32::MAX)
    }

    /// Returns when frame `number` begins, in microseconds from the start, rounded down.
    pub fn frame_us(self, number: u64) -> u64 {
        let exact = u128::from(number) * 1_000_000 * u128::from(self.den) / u128::from(self.num);
        u64::try_from(exact).unwrap_or(u64::MAX)
    }
}

impl fmt::Display for FrameRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.num, self.den)
    }
}

impl FromStr for FrameRate {
    type Err = InvalidFrameRate;
    fn from_str(text: &str) -> Result<Self, InvalidFrameRate> {
        let (num, den) = text.split_once('/').unwrap_or((text, "1"));
        let number = |text: &str| text.trim().parse().map_err(|_| InvalidFrameRate);
        Self::new(number(num)?, number(den)?).ok_or(InvalidFrameRate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_numbers() {
        let ntsc: FrameRate = "30000/1001".parse().unwrap();
        assert_eq!((ntsc.to_string().as_str(), ntsc.millifps()), ("30000/1001", 29_970));
        assert_eq!("50/2".parse(), Ok(FrameRate::new(25, 1).unwrap()));
        assert_eq!("25".parse::<FrameRate>().unwrap().frame_us(25), 1_000_000);
        assert_eq!(ntsc.frame_us(30_000), 1_001_000_000);
        assert_eq!(FrameRate::new(u32::MAX, 1).unwrap().frame_us(u64::MAX), 4_294_967_297_000_000);
        for bad in ["", "0/0", "0/1", "1/0", "-1", "25/1/1", "x"] {
            assert_eq!(bad.parse::<FrameRate>(), Err(InvalidFrameRate), "{bad}");
        }
    }
}
