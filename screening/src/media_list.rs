//! The list of pictures that are known as bad, and whether a picture is one of them.
//!
//! Owns the comparison in memory; where lists come from and who adds to them is the caller's. Invariant: a hash of low
//! quality is neither kept nor found, because pictures without detail resemble each other by chance.

use crate::pdq::{Hashed, MAX_DISTANCE, MIN_QUALITY, Pdq};

/// Known pictures, each with what the caller knows it by (a row of a table, a number of a shared list).
#[derive(Debug, Clone)]
pub struct MediaList<T> {
    entries: Vec<(Pdq, T)>,
}

/// A known picture that a picture is the same as.
#[derive(Debug, PartialEq, Eq)]
pub struct Listed<'a, T> {
    /// What the caller knows it by.
    pub entry: &'a T,
    /// In how many bits of 256 the hashes differ.
    pub distance: u32,
}

impl<T> MediaList<T> {
    /// Returns the list of these pictures; those of low quality are left out.
    pub fn of(pictures: impl IntoIterator<Item = (Hashed, T)>) -> Self {
        let is_kept = |(hashed, _): &(Hashed, T)| hashed.quality >= MIN_QUALITY;
        Self { entries: pictures.into_iter().filter(is_kept).map(|(hashed, entry)| (hashed.hash, entry)).collect() }
    }

    /// Returns how many pictures the list has.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns the nearest known picture, if one is near enough. Compares with every entry; `make bench ARGS=verdicts`
    /// has 100,000.
    pub fn find(&self, picture: Hashed) -> Option<Listed<'_, T>> {
        if picture.quality < MIN_QUALITY {
            return None;
        }
        let distances =
            self.entries.iter().map(|(hash, entry)| Listed { entry, distance: hash.distance(picture.hash) });
        distances.filter(|listed| listed.distance <= MAX_DISTANCE).min_by_key(|listed| listed.distance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hashed(bits: u32, quality: u8) -> Hashed {
        Hashed { hash: Pdq::from_words([(1_u64 << bits) - 1, 0, 0, 0]), quality }
    }

    #[test]
    fn near_pictures_are_found_and_the_nearest_is_named() {
        let list = MediaList::of([(hashed(0, 100), "none"), (hashed(10, 100), "ten"), (hashed(40, 49), "vague")]);
        assert_eq!(list.len(), 2, "one has too little detail");
        assert_eq!(list.find(hashed(6, 50)), Some(Listed { entry: &"ten", distance: 4 }));
        assert_eq!(list.find(hashed(41, 100)).map(|listed| listed.distance), Some(31));
        assert_eq!(list.find(hashed(42, 100)), None, "32 bits away");
        assert_eq!(list.find(hashed(10, 49)), None, "too little detail");
        assert!(MediaList::<()>::of([]).is_empty());
    }
}
