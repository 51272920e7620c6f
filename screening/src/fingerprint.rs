//! Fingerprints of texts: similar texts have fingerprints that differ in few bits.
//!
//! A fingerprint is a simhash (Charikar, "Similarity Estimation Techniques from Rounding Algorithms", 2002) of 64 bits
//! over the distinct shingles of a normalised text. Owns the hash, not the window in which fingerprints are compared.
//! Invariant: the same text has the same fingerprint in every version of this crate, because fingerprints are stored.

use serde::{Deserialize, Serialize};

use crate::text::Normalised;

/// The letters of a shingle.
const SHINGLE_LETTERS: usize = 4;
/// The fewest distinct shingles of a text that has a fingerprint. Greetings and thanks are alike by nature.
const MIN_SHINGLES: usize = 16;

/// The fingerprint of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Fingerprint(u64);

impl Fingerprint {
    /// Returns the fingerprint of a text, or `None` if it is too short to tell likeness from chance.
    ///
    /// Measured on sentences of this repository's documentation: one pair in 400,000 differs in at most 12 bits; of the
    /// variants of one text with another name each, more than six in ten pairs do.
    pub fn of(text: &Normalised) -> Option<Self> {
        let shingles = shingles(text.key());
        if shingles.len() < MIN_SHINGLES {
            return None;
        }
        let mut balance = [0_i32; 64];
        for shingle in shingles {
            for (bit, sum) in balance.iter_mut().enumerate() {
                *sum += if (shingle >> bit) & 1 == 1 { 1 } else { -1 };
            }
        }
        let bits = balance.iter().enumerate().filter(|(_, sum)| **sum > 0);
        Some(Self(bits.fold(0, |hash, (bit, _)| hash | (1 << bit))))
    }

    /// Returns the fingerprint with these bits.
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// Returns the bits, for storing.
    pub const fn to_bits(self) -> u64 {
        self.0
    }

    /// Returns in how many bits two fingerprints differ: 0 for equal ones, about 32 for unrelated texts.
    pub const fn distance(self, other: Self) -> u32 {
        (self.0 ^ other.0).count_ones()
    }
}

/// Returns the hashes of the distinct shingles. Each counts once, so that repeating a word changes little.
fn shingles(key: &str) -> Vec<u64> {
    let letters: Vec<u64> = key.chars().map(u64::from).collect();
    let hash = |shingle: &[u64]| shingle.iter().fold(0, |hash, letter| mix(hash ^ letter));
    let mut shingles: Vec<u64> = letters.windows(SHINGLE_LETTERS).map(hash).collect();
    shingles.sort_unstable();
    shingles.dedup();
    shingles
}

/// Mixes all bits of a number (SplitMix64: Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", 2014).
const fn mix(number: u64) -> u64 {
    let mut bits = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(text: &str) -> Option<Fingerprint> {
        Fingerprint::of(&Normalised::of(text))
    }

    #[test]
    fn similar_texts_have_similar_fingerprints_that_never_change() {
        let plain = of("Win a free iPhone now, click the link in my profile").unwrap();
        assert_eq!(plain.to_bits(), 0x2d1f_adc6_2f9b_200a, "stored fingerprints would not be found again");
        assert_eq!(of("W i n a F R E E iPh\u{200b}one n0w: click the link in my pr0file"), Some(plain));
        assert_eq!(plain.distance(of("W1N a FREE iphone now!! Click the link in my bio").unwrap()), 7);
        assert_eq!(plain.distance(of("Shall we meet at the station at six, or is that too early?").unwrap()), 34);
    }

    #[test]
    fn short_and_repeated_texts_have_none() {
        for text in
            ["", "Thank you so much!", "ha ha ha ha ha ha ha ha ha ha ha ha", "🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉"]
        {
            assert_eq!(of(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn distance_is_a_distance(one: u64, two: u64, three: u64) {
            let [one, two, three] = [one, two, three].map(Fingerprint::from_bits);
            prop_assert_eq!(one.distance(one), 0);
            prop_assert_eq!(one.distance(two), two.distance(one));
            prop_assert!(one.distance(three) <= one.distance(two) + two.distance(three));
        }

        #[test]
        fn repeating_a_text_changes_little(text in "[a-z ]{60,200}") {
            if let (Some(once), Some(twice)) = (of(&text), of(&format!("{text}{text}"))) {
                prop_assert!(once.distance(twice) <= 24, "{}", once.distance(twice));
            }
        }
    }
}
