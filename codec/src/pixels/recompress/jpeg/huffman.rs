//! Huffman tables (ITU-T T.81 annex C): those of a file, to read its symbols, and the shortest ones for counted symbols
//! (annex K.2).
//!
//! Invariant: no code is longer than 16 bits or consists of ones only.

/// The longest code, in bits.
const MAX_LENGTH: usize = 16;
const SYMBOLS: usize = 256;
/// Stands for the code of ones only, which no symbol gets.
const RESERVED: usize = SYMBOLS;

/// How often each symbol occurs.
pub(super) type Counts = [u64; SYMBOLS];

/// The table of a file.
pub(super) struct DecodeTable(Vec<(u8, u8)>);

impl DecodeTable {
    /// Creates the table of `counts` codes of each length, for these symbols. `None` if there are more codes than fit.
    pub(super) fn of(counts: &[u8; MAX_LENGTH], symbols: &[u8]) -> Option<Self> {
        // What each sequence of 16 bits begins with: a symbol and the length of its code, 0 for none.
        let mut found = vec![(0, 0); 1 << MAX_LENGTH];
        let (mut next, mut symbols) = (0, symbols.iter());
        for (length, count) in (1_u8..=16).zip(counts) {
            let width = 1_usize << (16 - length);
            for _ in 0..*count {
                let symbol = *symbols.next()?;
                found.get_mut(next..next + width)?.fill((symbol, length));
                next += width;
            }
        }
        Some(Self(found))
    }

    /// Returns the symbol that 16 bits begin with, and the length of its code.
    pub(super) fn find(&self, bits: u16) -> Option<(u8, u32)> {
        let (symbol, length) = *self.0.get(usize::from(bits))?;
        (length > 0).then_some((symbol, u32::from(length)))
    }
}

/// A table to write with.
pub(super) struct CodeTable {
    /// The number of codes of each length.
    counts: [u8; MAX_LENGTH],
    /// The symbols, in the order of their codes.
    symbols: Vec<u8>,
    /// The code of each symbol and its length.
    codes: [(u16, u8); SYMBOLS],
}

impl CodeTable {
    /// Returns the shortest codes for symbols that occur so often.
    pub(super) fn shortest(counts: &Counts) -> Self {
        let lengths = lengths(counts);
        let by_length = limited(&lengths);
        let of_length = |length: usize| (0..SYMBOLS).filter(move |symbol| lengths[*symbol] == length);
        let symbols: Vec<u8> = (1..=RESERVED).flat_map(of_length).map(|symbol| symbol as u8).collect();
        let (mut codes, mut next, mut at) = ([(0, 0); SYMBOLS], 0_u32, 0);
        for (length, count) in (1_u8..=16).zip(by_length) {
            for symbol in symbols.iter().skip(at).take(usize::from(count)) {
                codes[usize::from(*symbol)] = (next as u16, length);
                next += 1;
            }
            at += usize::from(count);
            next <<= 1;
        }
        Self { counts: by_length, symbols, codes }
    }

    /// Whether it has no symbol.
    pub(super) fn is_empty(&self) -> bool {
        self.symbols.is_empty()
    }

    /// Returns the code of a symbol, and its length.
    pub(super) fn code(&self, symbol: u8) -> (u16, u8) {
        self.codes[usize::from(symbol)]
    }

    /// Returns the bits of all codes together.
    pub(super) fn sum_bits(&self, counts: &Counts) -> u64 {
        counts.iter().zip(&self.codes).map(|(count, (_, length))| count * u64::from(*length)).sum()
    }

    /// Returns the table as a file has it, without its slot.
    pub(super) fn definition(&self) -> Vec<u8> {
        [self.counts.as_slice(), &self.symbols].concat()
    }
}

/// Returns the length of each symbol's code without a limit, and 0 for a symbol that does not occur. The reserved code
/// is one of the longest.
fn lengths(counts: &Counts) -> [usize; SYMBOLS + 1] {
    let mut weights = [0; SYMBOLS + 1];
    weights[..SYMBOLS].copy_from_slice(counts);
    weights[RESERVED] = 1;
    let mut lengths = [0; SYMBOLS + 1];
    // The other symbols of a symbol's tree, one after the other.
    let mut next = [None; SYMBOLS + 1];
    while let Some((one, other)) = two_lightest(&weights) {
        weights[one] += weights[other];
        weights[other] = 0;
        let last = lengthen(one, &mut lengths, &next);
        next[last] = Some(other);
        lengthen(other, &mut lengths, &next);
    }
    lengths
}

/// Makes the codes of a tree one bit longer. Returns the tree's last symbol.
fn lengthen(first: usize, lengths: &mut [usize; SYMBOLS + 1], next: &[Option<usize>; SYMBOLS + 1]) -> usize {
    let mut at = first;
    lengths[at] += 1;
    while let Some(following) = next[at] {
        at = following;
        lengths[at] += 1;
    }
    at
}

/// Returns the two trees with the smallest weights; of equal ones the last.
fn two_lightest(weights: &[u64; SYMBOLS + 1]) -> Option<(usize, usize)> {
    let (mut first, mut second): (Option<usize>, Option<usize>) = (None, None);
    for (at, weight) in weights.iter().enumerate().filter(|(_, weight)| **weight > 0) {
        if first.is_none_or(|first| *weight <= weights[first]) {
            (first, second) = (Some(at), first);
        } else if second.is_none_or(|second| *weight <= weights[second]) {
            second = Some(at);
        }
    }
    first.zip(second)
}

/// Returns how many codes of each length there are when none is longer than 16 bits, without the reserved one.
fn limited(lengths: &[usize; SYMBOLS + 1]) -> [u8; MAX_LENGTH] {
    let mut by_length = [0_usize; SYMBOLS + 1];
    for length in lengths.iter().filter(|length| **length > 0) {
        by_length[*length] += 1;
    }
    for length in (MAX_LENGTH + 1..by_length.len()).rev() {
        // The longest codes are pairs. One of a pair takes the place of both, and the other one goes below a shorter
        // code: there is one, as 257 codes can't all have 16 bits.
        while by_length[length] >= 2 {
            let Some(shorter) = (1..=length - 2).rev().find(|shorter| by_length[*shorter] > 0) else { break };
            by_length[length] -= 2;
            by_length[length - 1] += 1;
            by_length[shorter + 1] += 2;
            by_length[shorter] -= 1;
        }
    }
    if let Some(longest) = by_length.iter().rposition(|count| *count > 0) {
        by_length[longest] -= 1;
    }
    std::array::from_fn(|at| by_length[at + 1] as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortest_codes_are_read_back_and_none_is_too_long() {
        // Weights like these make codes as long as there are symbols.
        let mut fibonacci = [0; SYMBOLS];
        let (mut one, mut other) = (1, 1);
        for count in fibonacci.iter_mut().take(60) {
            *count = one;
            (one, other) = (other, one + other);
        }
        let mut single = [0; SYMBOLS];
        single[7] = 3;
        for counts in [fibonacci, single, [1; SYMBOLS]] {
            let table = CodeTable::shortest(&counts);
            let read = DecodeTable::of(&table.counts, &table.symbols).unwrap();
            for symbol in (0..SYMBOLS).filter(|symbol| counts[*symbol] > 0) {
                let (code, length) = table.code(symbol as u8);
                let bits = (u32::from(code) << (16 - u32::from(length))) as u16;
                assert!((1..=16).contains(&length) && u32::from(code) != (1 << length) - 1, "{symbol}: {length}");
                assert_eq!(read.find(bits), Some((symbol as u8, u32::from(length))));
            }
            assert_eq!(table.symbols.len(), counts.iter().filter(|count| **count > 0).count());
        }
        let even = CodeTable::shortest(&[1; SYMBOLS]);
        assert!(even.sum_bits(&[1; SYMBOLS]) <= 256 * 9);
        assert!(CodeTable::shortest(&[0; SYMBOLS]).is_empty());
        assert!(DecodeTable::of(&[3; 16], &[0; 48]).is_none(), "three codes of one bit");
    }
}
