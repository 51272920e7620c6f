//! Randomness, as a parameter.
//!
//! Invariant: everything random in the product comes from here; the operating system provides it, except in a test that
//! asks for a fixed sequence.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use uuid::Uuid;

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// The length of an id. 22 digits of base 62 hold 131 bits, the fewest that hold 128.
pub const ID_CHARS: usize = 22;

/// A source of random values.
#[derive(Clone, Default)]
pub struct Random(Option<Arc<Mutex<StdRng>>>);

impl std::fmt::Debug for Random {
    /// Without the state of the generator, from which the next values follow.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Random")
    }
}

impl Random {
    /// The operating system's randomness, through a generator that is seeded from it in every thread.
    pub fn system() -> Self {
        Self(None)
    }

    /// Returns a source whose values follow from `seed`. For tests only: anyone who knows the seed knows every value.
    pub fn seeded(seed: u64) -> Self {
        Self(Some(Arc::new(Mutex::new(StdRng::seed_from_u64(seed)))))
    }

    /// Fills a buffer.
    pub fn fill(&self, bytes: &mut [u8]) {
        match &self.0 {
            None => rand::rng().fill(bytes),
            Some(seeded) => seeded.lock().fill(bytes),
        }
    }

    /// Returns `N` random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }

    /// Returns an id: 128 random bits as 22 characters of base 62, so it can't be guessed and two never collide.
    pub fn id(&self) -> String {
        let mut number = u128::from_be_bytes(self.bytes());
        let mut digits = [b'0'; ID_CHARS];
        for digit in digits.iter_mut().rev() {
            *digit = BASE62[(number % 62) as usize];
            number /= 62;
        }
        digits.iter().map(|&digit| char::from(digit)).collect()
    }

    /// Returns a random UUID (RFC 9562, version 4).
    pub fn uuid_v4(&self) -> Uuid {
        uuid::Builder::from_random_bytes(self.bytes()).into_uuid()
    }

    /// Returns a UUID that sorts by `now` (RFC 9562, version 7): milliseconds, then 74 random bits.
    pub fn uuid_v7(&self, now: DateTime<Utc>) -> Uuid {
        let millis = u64::try_from(now.timestamp_millis()).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(millis, &self.bytes()).into_uuid()
    }

    /// Returns a number below `bound`; 0 if `bound` is 0.
    pub fn below(&self, bound: u64) -> u64 {
        let draw = u128::from(u64::from_be_bytes(self.bytes()));
        // The high half of the product: without a division, with a bias below one in 2⁶⁴ / `bound`.
        ((draw * u128::from(bound)) >> 64) as u64
    }

    /// Returns `pause` with up to `share` of it added, so that many processes don't act in step.
    pub fn jitter(&self, pause: Duration, share: f64) -> Duration {
        pause.mul_f64(1.0 + self.fraction() * share)
    }

    /// Returns a number from 0 up to, but not including, 1.
    pub fn fraction(&self) -> f64 {
        // A double has 53 bits of precision.
        (u64::from_be_bytes(self.bytes()) >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stay_in_their_ranges() {
        for random in [Random::system(), Random::seeded(7)] {
            for _ in 0..1000 {
                assert!(random.below(3) < 3);
                assert!((0.0..1.0).contains(&random.fraction()));
            }
            assert_eq!(random.below(0), 0);
            assert_eq!(random.id().len(), ID_CHARS);
            assert_eq!(random.uuid_v4().get_version_num(), 4);
        }
    }

    #[test]
    fn a_seed_repeats_its_values_and_the_system_does_not() {
        let draw = |random: Random| random.bytes::<32>();
        assert_eq!(draw(Random::seeded(1)), draw(Random::seeded(1)));
        assert_ne!(draw(Random::seeded(1)), draw(Random::seeded(2)));
        assert_ne!(draw(Random::system()), draw(Random::system()));
    }

    #[test]
    fn ids_of_version_7_sort_by_time() {
        let at = |millis| DateTime::from_timestamp_millis(millis).unwrap();
        let random = Random::system();
        assert!(random.uuid_v7(at(1)) < random.uuid_v7(at(2)));
        assert_eq!(random.uuid_v7(at(5)).get_version_num(), 7);
    }
}
