//! Random ids.
//!
//! Invariant: an id has 128 random bits, so it can't be guessed and two never collide.

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// The length of an id. 22 digits of base 62 hold 131 bits, the fewest that hold 128.
pub(crate) const CHARS: usize = 22;

/// Returns 128 random bits as 22 characters of base 62.
pub fn random() -> String {
    let mut number = rand::random::<u128>();
    let mut digits = [b'0'; CHARS];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62[(number % 62) as usize];
        number /= 62;
    }
    digits.iter().map(|&digit| char::from(digit)).collect()
}
