//! The list of pictures that are known as bad, and whether a picture is one of them.
//!
//! Owns the comparison in memory; where lists come from and who adds to them is the caller's. Invariant: a hash of low
//! quality is neither kept nor found, because pictures without detail resemble each other by chance.

use crate::pdq::{Hashed, MAX_DISTANCE, MIN_QUALITY, Pdq, Variants};

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

impl<T> Default for MediaList<T> {
    fn default() -> Self {
        Self { entries: Vec::new() }
    }
}

impl<T> MediaList<T> {
    /// Returns the list of these pictures; those of low quality are left out.
    pub fn of(pictures: impl IntoIterator<Item = (Hashed, T)>) -> Self {
        let is_kept = |(hashed, _): &(Hashed, T)| hashed.quality >= MIN_QUALITY;
        Self { entries: pictures.into_iter().filter(is_kept).map(|(hashed, entry)| (hashed.hash, entry)).collect() }
    }

    /// Adds pictures that others have hashed, who list no hash of low quality.
    pub fn extend(&mut self, pictures: impl IntoIterator<Item = (Pdq, T)>) {
        self.entries.extend(pictures);
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

    /// Returns the nearest known picture to a picture as it is, or turned or mirrored, as [`Self::find`] does.
    pub fn find_any(&self, picture: &Variants) -> Option<Listed<'_, T>> {
        if picture.quality < MIN_QUALITY {
            return None;
        }
        // Entry by entry, so that a long list passes through the processor's cache once.
        let nearest = |hash: Pdq| picture.hashes.iter().map(|own| own.distance(hash)).min().unwrap_or(u32::MAX);
        let distances = self.entries.iter().map(|(hash, entry)| Listed { entry, distance: nearest(*hash) });
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

    #[test]
    fn a_turned_or_mirrored_picture_is_found_by_its_own_hash() {
        let mut list = MediaList::default();
        list.extend([(hashed(0, 100).hash, "none")]);
        let far = Pdq::from_words([u64::MAX, u64::MAX, 0, 0]);
        let mut variants = Variants { hashes: [far; 8], quality: 50 };
        assert_eq!(list.find_any(&variants), None);
        variants.hashes[5] = hashed(31, 50).hash;
        assert_eq!(list.find_any(&variants), Some(Listed { entry: &"none", distance: 31 }));
        assert_eq!(list.find_any(&Variants { quality: 49, ..variants }), None);
    }
}
