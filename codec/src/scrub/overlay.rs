//! Collects patches.
//!
//! Owns sorting and merging them. Invariant: the result is sorted, disjoint, inside the file and bounded in number and
//! in bytes; patches that contradict each other are an error.

use super::{Error, MAX_PATCHES, Patch};

/// The most bytes of fill in one file's patches.
const MAX_FILL_BYTES: usize = 256 * 1024;
/// The most patches before adjacent ones are merged.
const MAX_UNMERGED: usize = 16 * MAX_PATCHES;
/// Runs of zeros up to this length are written out when that saves a patch.
const SHORT_GAP: u64 = 32;

pub(super) struct Overlay {
    patches: Vec<Patch>,
    file_len: u64,
    fill: usize,
}

impl Overlay {
    pub(super) fn new(file_len: u64) -> Self {
        Self { patches: Vec::new(), file_len, fill: 0 }
    }

    /// Blanks `bytes` bytes at `offset`.
    pub(super) fn zero(&mut self, offset: u64, bytes: u64) -> Result<(), Error> {
        self.write(offset, bytes, Vec::new())
    }

    /// Writes `fill` at `offset` and blanks the rest of `bytes` bytes.
    pub(super) fn write(&mut self, offset: u64, bytes: u64, fill: Vec<u8>) -> Result<(), Error> {
        if offset.checked_add(bytes).is_none_or(|end| end > self.file_len) || fill.len() as u64 > bytes {
            return Err(Error::NotUnderstood("a range is outside of it"));
        }
        if bytes == 0 {
            return Ok(());
        }
        self.fill += fill.len();
        if self.patches.len() >= MAX_UNMERGED || self.fill > MAX_FILL_BYTES {
            return Err(Error::TooComplex);
        }
        // Most arrive in order and many are adjacent: merging at once keeps the list short.
        match self.patches.last_mut() {
            Some(last) if fill.is_empty() && last.end() == offset => last.bytes += bytes,
            _ => self.patches.push(Patch { offset, bytes, fill }),
        }
        Ok(())
    }

    /// Blanks everything from `offset` to the end of the file.
    pub(super) fn zero_rest(&mut self, offset: u64) -> Result<(), Error> {
        self.zero(offset, self.file_len.saturating_sub(offset))
    }

    /// Writes `new` over `old` at `offset`, where they differ. Both have the same length.
    pub(super) fn replace(&mut self, offset: u64, old: &[u8], new: &[u8]) -> Result<(), Error> {
        let agrees = |range: std::ops::Range<usize>| old.get(range.clone()) == new.get(range);
        // The start of the trailing zeros, and whether they are long enough for a patch that needs no fill.
        let zeros = |at: usize, most: usize| new.iter().skip(at).take(most).take_while(|b| **b == 0).count();
        let long = |at: usize| zeros(at, SHORT_GAP as usize) == (new.len() - at).min(SHORT_GAP as usize);
        let mut at = 0;
        while at < new.len() {
            at += old.iter().skip(at).zip(new.iter().skip(at)).take_while(|(old, new)| old == new).count();
            if at < new.len() && long(at) {
                let run = zeros(at, usize::MAX);
                self.zero(offset + at as u64, run as u64)?;
                at += run;
                continue;
            }
            let mut end = at;
            while end < new.len() && !long(end) && !(end > at && agrees(end..(end + SHORT_GAP as usize).min(new.len())))
            {
                end += 1;
            }
            let fill = new.get(at..end).unwrap_or_default().to_vec();
            self.write(offset + at as u64, fill.len() as u64, fill)?;
            at = end;
        }
        Ok(())
    }

    /// Returns the patches, in order.
    pub(super) fn finish(mut self) -> Result<Vec<Patch>, Error> {
        self.patches.sort_by_key(|patch| (patch.offset, patch.fill.is_empty()));
        let mut merged: Vec<Patch> = Vec::new();
        for patch in self.patches {
            let Some(last) = merged.last_mut().filter(|last| last.end() >= patch.offset) else {
                merged.push(patch);
                continue;
            };
            if patch.fill.is_empty() && patch.offset >= last.offset + last.fill.len() as u64 {
                last.bytes = last.bytes.max(patch.end() - last.offset);
            } else if last.end() > patch.offset {
                return Err(Error::NotUnderstood("two ranges of it overlap"));
            } else if last.bytes - last.fill.len() as u64 <= SHORT_GAP {
                last.fill.resize(last.bytes as usize, 0);
                last.fill.extend(patch.fill);
                last.bytes += patch.bytes;
            } else {
                merged.push(patch);
            }
        }
        if merged.len() > MAX_PATCHES { Err(Error::TooComplex) } else { Ok(merged) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::apply;
    use super::*;

    #[test]
    fn adjacent_patches_are_merged() {
        let mut overlay = Overlay::new(1000);
        overlay.zero(100, 10).unwrap();
        overlay.write(20, 8, b"free".to_vec()).unwrap();
        overlay.write(28, 2, b"ab".to_vec()).unwrap();
        overlay.zero(105, 20).unwrap();
        let patches = overlay.finish().unwrap();
        assert_eq!(patches.len(), 2);
        assert_eq!((patches[0].bytes, &patches[0].fill[..]), (10, &b"free\0\0\0\0ab"[..]));
        assert_eq!((patches[1].offset, patches[1].bytes), (100, 25));
    }

    #[test]
    fn contradictory_and_outside_patches_are_errors() {
        let mut overlay = Overlay::new(100);
        assert!(overlay.zero(90, 11).is_err() && overlay.zero(u64::MAX, 2).is_err());
        overlay.write(10, 4, b"abcd".to_vec()).unwrap();
        overlay.write(12, 4, b"abcd".to_vec()).unwrap();
        assert!(matches!(overlay.finish(), Err(Error::NotUnderstood(_))));
        let mut overlay = Overlay::new(100_000);
        for n in 0..5000 {
            overlay.zero(n * 2, 1).unwrap();
        }
        assert!(matches!(overlay.finish(), Err(Error::TooComplex)));
    }

    proptest! {
        #[test]
        fn replacing_gives_the_new_bytes(
            old in proptest::collection::vec(0_u8..3, 1..300),
            seed in proptest::collection::vec(0_u8..3, 300),
            from in 0_usize..300,
        ) {
            let mut new = old.clone();
            let zeros = from.min(new.len());
            new[..zeros].fill(0);
            for (at, byte) in new.iter_mut().enumerate().skip(from) { *byte = seed[at]; }
            let mut overlay = Overlay::new(old.len() as u64 + 7);
            overlay.replace(7, &old, &new).unwrap();
            let patches = overlay.finish().unwrap();
            let mut output = [vec![9; 7], old].concat();
            apply(&patches, 0, &mut output);
            prop_assert_eq!(&output[7..], &new[..]);
        }

        #[test]
        fn windows_of_any_size_agree(
            stretches in proptest::collection::vec((0_u64..5, 1_u64..40, 0_usize..6), 0..10),
            piece in 1_usize..50,
        ) {
            let mut overlay = Overlay::new(500);
            let mut at = 0;
            for (gap, bytes, fill) in stretches {
                let fill = vec![7; fill.min(bytes as usize)];
                overlay.write(at + gap, bytes, fill).unwrap();
                at += gap + bytes;
            }
            let patches = overlay.finish().unwrap();
            let (mut whole, mut pieces) = (vec![1; 500], vec![1; 500]);
            apply(&patches, 0, &mut whole);
            pieces.chunks_mut(piece).enumerate().for_each(|(n, window)| apply(&patches, (n * piece) as u64, window));
            prop_assert_eq!(whole, pieces);
        }
    }
}
