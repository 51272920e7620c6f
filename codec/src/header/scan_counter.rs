//! Counts the scans of a JPEG while its bytes arrive: a decoder processes the whole image once for each.
//!
//! Owns recognizing a start of scan by its own layout, wherever it is: decoders skip the bytes between markers, which
//! must not hide one. Invariant: four bytes of memory, and one pass.

/// The bytes of a start of scan that are compared: marker, length, number of components. T.81 §B.2.3.
const SHAPE: usize = 5;

/// Counts the scans of a file that arrives in parts.
#[derive(Debug, Clone, Default)]
pub struct ScanCounter {
    scans: u32,
    /// The last bytes, in which a start of scan may have begun.
    tail: Vec<u8>,
}

impl ScanCounter {
    /// Returns the number of scans that have begun so far, including those of embedded images.
    pub fn scans(&self) -> u32 {
        self.scans
    }

    /// Adds the next bytes of the file, in order.
    pub fn push(&mut self, data: &[u8]) {
        let seam = [&self.tail, data.get(..data.len().min(SHAPE - 1)).unwrap_or_default()].concat();
        self.scans = self.scans.saturating_add(count(&seam, self.tail.len())).saturating_add(count(data, data.len()));
        let last = if data.len() >= SHAPE - 1 { data } else { &seam };
        self.tail = last.get(last.len().saturating_sub(SHAPE - 1)..).unwrap_or_default().to_vec();
    }
}

/// Counts the starts of scan that begin in the first `before` bytes.
fn count(data: &[u8], before: usize) -> u32 {
    let begins = |at: usize| match data.get(at..at + SHAPE) {
        Some(&[_, 0xda, 0, length, components]) => (1..=4).contains(&components) && length == 6 + 2 * components,
        _ => false,
    };
    memchr::memchr_iter(0xff, data).take_while(|at| *at < before).filter(|at| begins(*at)).count() as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scans(file: &[u8], piece: usize) -> u32 {
        let mut counter = ScanCounter::default();
        file.chunks(piece).for_each(|piece| counter.push(piece));
        counter.scans()
    }

    #[test]
    fn scans_are_counted_however_the_file_is_split() {
        let file = [
            b"\xff\xd8".to_vec(),
            b"\xff\xda\0\x08\x01\x01\0\0\x3f\0coded\xff\0rubbish".repeat(1000),
            b"\xff\xd9".to_vec(),
        ]
        .concat();
        for piece in [1, 2, 3, 4, 5, 7, 1000, file.len()] {
            assert_eq!(scans(&file, piece), 1000, "{piece}");
        }
        assert_eq!(scans(b"\xff\xda\0\x09\x01", 9), 0);
    }

    proptest! {
        #[test]
        fn pieces_never_matter(
            file in proptest::collection::vec(
                prop_oneof![Just(0xff_u8), Just(0xda), Just(0), Just(8), Just(1)],
                0..200,
            ),
            piece in 1_usize..9,
        ) {
            prop_assert_eq!(scans(&file, piece), scans(&file, file.len().max(1)));
        }
    }
}
